/**
 * How fast providers are, learned from attempts: what counts as measured, whose it is, and what is in flight.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId } from '#domain/ids.ts'
import { PAIRS_KEPT, performance, SPEED_HALF_LIFE_MS, speedOf } from '#domain/projections/performance.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { requests } from '#domain/projections/requests.ts'
import { admitted, failed, fold, MODEL, type Moment, PROVIDER, policyOf, started, succeeded } from '#test/attempts.ts'
import { EPOCH, histories, MODELS, PROVIDERS, requestNamed } from '#test/generators.ts'

const OTHER = PROVIDERS[1]!
const speed = (moments: readonly Moment[], afterMs = 0) =>
  speedOf(fold(performance, moments), PROVIDER, MODEL, EPOCH + afterMs)
const now = (...events: readonly DomainEvent[]): readonly Moment[] => events.map((event) => [0, event])

describe('the speed of a provider', () => {
  it('is not known before it has answered', () => {
    expect(speed(now(admitted(1), started(1)))).toEqual({ ttftMs: null, msPerToken: null, inFlight: 1 })
    expect(speed([])).toEqual({ ttftMs: null, msPerToken: null, inFlight: 0 })
  })

  it('is the time to the first content, and the rest of the time per token', () => {
    const answer = succeeded(1, { ttftMs: 800, durationMs: 4_800, usage: { outputTokens: 200 } })
    expect(speed(now(admitted(1), started(1), answer))).toEqual({ ttftMs: 800, msPerToken: 20, inFlight: 0 })
  })

  it('has no time per token from an answer of a few', () => {
    const answer = succeeded(1, { ttftMs: 800, durationMs: 4_800, usage: { outputTokens: 19 } })
    expect(speed(now(admitted(1), started(1), answer))).toMatchObject({ ttftMs: 800, msPerToken: null })
  })

  it('is not learned from an answer in one piece', () => {
    const answer = succeeded(1, { ttftMs: 4_800, durationMs: 4_800, usage: { outputTokens: 200 } })
    const seen = speed(now(admitted(1, { stream: false }), started(1), answer))
    expect(seen).toEqual({ ttftMs: null, msPerToken: null, inFlight: 0 })
  })

  it('belongs to the name that was asked for, whatever the answer calls itself', () => {
    const answer = succeeded(1, { model: modelId('claude-sonnet-5-5-20260928'), ttftMs: 800 })
    expect(speed(now(admitted(1), started(1), answer)).ttftMs).toBe(800)
  })

  it('suffers at once from a first content that never came, and not from other failures', () => {
    const answered = now(admitted(1), started(1), succeeded(1, { ttftMs: 800 }))
    const then = (reason: Parameters<typeof failed>[1], durationMs: number) =>
      speed(
        [...answered, ...now(admitted(2), started(2)), [SPEED_HALF_LIFE_MS, failed(2, reason, { durationMs })]],
        SPEED_HALF_LIFE_MS,
      ).ttftMs
    expect(then({ _tag: 'Timeout', phase: 'firstContent' }, 180_000)).toBe(180_000)
    expect(then({ _tag: 'Timeout', phase: 'headers' }, 60_000)).toBe(60_000)
    expect(then({ _tag: 'Timeout', phase: 'headers' }, 500)).toBe(800)
    expect(then({ _tag: 'Timeout', phase: 'idle' }, 180_000)).toBe(800)
    expect(then({ _tag: 'Cancelled', by: 'client' }, 180_000)).toBe(800)
    expect(then({ _tag: 'ServerError', status: 500 }, 180_000)).toBe(800)
  })

  it('loses half of a peak in a minute without requests, as far as the peak is not usual', () => {
    const answers = [900, 100].map((ttftMs, n) => [admitted(n), started(n), succeeded(n, { ttftMs })])
    const moments = now(...answers.flat())
    // 900, then 100 at the same moment: the peak stands, the mean is 500.
    expect(speed(moments, 0).ttftMs).toBe(900)
    expect(speed(moments, SPEED_HALF_LIFE_MS).ttftMs).toBe(700)
  })

  it('is forgotten with its provider, and attempts that were under way then do not count any more', () => {
    const before = now(admitted(1), started(1), admitted(2), started(2), succeeded(2))
    const gone = [...before, ...now(policyOf(OTHER))]
    expect(speed(gone)).toEqual({ ttftMs: null, msPerToken: null, inFlight: 0 })
    const back = [...gone, ...now(policyOf(PROVIDER), admitted(3), started(3))]
    expect(speed([...back, ...now(succeeded(1))])).toMatchObject({ ttftMs: null, inFlight: 1 })
    expect(speed([...before, ...now(policyOf(PROVIDER))])).toMatchObject({ ttftMs: 100, inFlight: 1 })
  })

  it('is kept for three hundred pairs: the one that was not asked for longest is forgotten', () => {
    const models = Array.from({ length: PAIRS_KEPT + 1 }, (_, n) => modelId(`model-${n}`))
    const moments = models.flatMap((model, n) => now(admitted(n), started(n, { model })))
    const again = now(admitted(-1), started(-1, { model: models[0]! }))
    const { pairs } = fold(performance, [...moments.slice(0, -2), ...again, ...moments.slice(-2)])
    const kept = new Set([...pairs.values()].map(({ model }) => model))
    expect(kept.size).toBe(PAIRS_KEPT)
    expect([kept.has(models[0]!), kept.has(models[1]!)]).toEqual([true, false])
  })

  it('counts in flight exactly the attempts that are under way, in any history', () => {
    fc.assert(
      fc.property(histories(), (events: readonly Occurred[]) => {
        const state = events.reduce((all, one) => performance.evolve(all, one), performance.initial())
        const open = events.reduce((all, one) => requests.evolve(all, one), requests.initial()).inFlight
        const underWay = [...open.values()].filter(({ provider }) => provider !== undefined)
        for (const provider of PROVIDERS) {
          for (const model of MODELS) {
            const expected = underWay.filter((one) => one.provider === provider && one.model === model).length
            expect(speedOf(state, provider, model, EPOCH).inFlight).toBe(expected)
          }
        }
        expect([...state.open.keys()].toSorted()).toEqual([...open.keys()].toSorted())
      }),
    )
  })

  it('does not hear of an attempt whose request the log does not hold', () => {
    expect(fold(performance, now(started(1), succeeded(1)))).toEqual(performance.initial())
  })

  it('is told apart where the names of provider and model run together', () => {
    const pair = { provider: providerId('a","b'), model: modelId('c') }
    const state = fold(performance, now(admitted(1), started(1, pair)))
    expect(speedOf(state, providerId('a'), modelId('b","c'), EPOCH).inFlight).toBe(0)
    expect(speedOf(state, pair.provider, pair.model, EPOCH).inFlight).toBe(1)
  })

  it('gives an attempt back when its process died', () => {
    const abandoned = { _tag: 'RequestAbandoned' as const, requestId: requestNamed(1), attempts: 1, provider: PROVIDER }
    expect(speed(now(admitted(1), started(1), abandoned)).inFlight).toBe(0)
  })
})
