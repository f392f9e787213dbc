/**
 * What metrics count, over whole lives of requests and in examples; and that clients cannot make more of it than there is room.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultPolicy, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import { MODELS_KEPT, PAIRS_KEPT, PROVIDERS_KEPT, queued, type Totals, totals } from '#domain/projections/totals.ts'
import { boundedModel, servedNames } from '#domain/served-models.ts'
import { DURATIONS, type DurationName, type NumberName, valuesOf } from '#domain/total-sums.ts'
import { admitted, failed, served1, started, succeeded } from '#test/attempt-events.ts'
import { provider } from '#test/box.ts'
import { EPOCH, histories } from '#test/generators.ts'
import { domainEvents } from '#test/recorded-events.ts'

type Timed = readonly [ms: number, event: DomainEvent]

const foldAt = (events: readonly Timed[]): Totals =>
  events.reduce(
    (state, [ms, event]) => totals.evolve(state, { event, occurredAt: EPOCH + ms, writer: 'box' }),
    totals.initial(),
  )
const foldOf = (...events: readonly DomainEvent[]): Totals => foldAt(events.map((event) => [0, event]))

const numbersIn = (state: Totals, name: NumberName) =>
  Object.fromEntries([...state.numbers[name]].map(([key, value]) => [valuesOf(key).join(' '), value]))

const all = (state: Totals, name: NumberName): number =>
  [...state.numbers[name].values()].reduce((sum, value) => sum + value, 0)

const countIn = (state: Totals, name: DurationName): number =>
  [...state.durations[name].values()].flatMap(({ counts }) => counts).reduce((sum, count) => sum + count, 0)

const policyOf = (...providers: readonly Partial<ProviderPolicy>[]): Policy => ({
  ...defaultPolicy,
  providers: providers.map((some, n) => ({ ...provider(`p${n}`), ...some })),
})
const naming = (policy: Policy): DomainEvent => ({ _tag: 'PolicyChanged', version: 1, policy })

const USAGE = { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWrite5mTokens: 4, cacheWrite1hTokens: 5 }

describe('the totals', () => {
  it('add up over any lives of requests', () => {
    fc.assert(
      fc.property(histories(), (events) => {
        const state = events.reduce((folded, occurred) => totals.evolve(folded, occurred), totals.initial())
        const count = (...tags: readonly string[]) => events.filter(({ event }) => tags.includes(event._tag)).length
        const ended = count('AttemptSucceeded', 'RequestFailed', 'RequestCancelled', 'RequestAbandoned')
        expect(all(state, 'requests')).toBe(ended)
        expect(state.open.size).toBe(count('RequestAdmitted') - ended)
        expect(all(state, 'requestFailures')).toBe(count('RequestFailed'))
        const abandoned = events.filter(
          ({ event }) => event._tag === 'RequestAbandoned' && event.provider !== undefined,
        )
        expect(all(state, 'attempts')).toBe(count('AttemptSucceeded', 'AttemptFailed') + abandoned.length)
        expect(countIn(state, 'attempt')).toBe(count('AttemptSucceeded', 'AttemptFailed'))
        expect(countIn(state, 'request')).toBe(ended - count('RequestAbandoned'))
        const used = events.flatMap(({ event }) => ('usage' in event && event.usage !== undefined ? [event.usage] : []))
        const tokens = used.map(
          (usage) =>
            usage.inputTokens +
            usage.outputTokens +
            usage.cacheReadTokens +
            usage.cacheWrite5mTokens +
            usage.cacheWrite1hTokens,
        )
        expect(all(state, 'tokens')).toBe(tokens.reduce((sum, n) => sum + n, 0))
      }),
    )
  })

  it('tell how requests ended, by the model asked for', () => {
    const state = foldOf(
      ...served1('a'),
      admitted('b'),
      started('b'),
      failed('b', { reason: { _tag: 'Overloaded' }, stage: 'S0' }),
      started('b', 2, 'beta'),
      failed('b', { provider: providerId('beta'), reason: { _tag: 'Timeout', phase: 'idle' }, stage: 'S2' }),
      { _tag: 'RequestFailed', requestId: requestId('b'), attempts: 2, status: 200, reason: { _tag: 'Overloaded' } },
    )
    expect(numbersIn(state, 'requests')).toEqual({
      'claude-sonnet-4-5-20250929 success': 1,
      'claude-sonnet-4-5-20250929 failure': 1,
    })
    expect(numbersIn(state, 'requestFailures')).toEqual({ Overloaded: 1 })
    expect(numbersIn(state, 'attempts')).toEqual({
      'alpha success none': 1,
      'alpha failure Overloaded': 1,
      'beta failure Timeout': 1,
    })
    expect(numbersIn(state, 'fallbacks')).toEqual({ beta: 1 })
    expect(numbersIn(state, 'brokenAnswers')).toEqual({ beta: 1 })
  })

  it('keep what is reported, priced, estimated and unpriced apart', () => {
    const state = foldOf(
      ...served1('a', { usage: USAGE, answer: { costNanoUsd: 7, reportedCostNanoUsd: 9 } }),
      ...served1('b', { usage: USAGE, answer: { costNanoUsd: 7, cacheSavedNanoUsd: 30 } }),
      ...served1('c', { usage: USAGE, answer: { cacheSavedNanoUsd: -4 } }),
      failed('d', { costNanoUsd: 5, estimated: true }),
      failed('e', { usage: USAGE }),
      failed('f'),
      admitted('g'),
      started('g'),
      {
        _tag: 'RequestAbandoned',
        requestId: requestId('g'),
        attempts: 1,
        provider: providerId('alpha'),
        costNanoUsd: 2,
      },
    )
    const model = 'claude-sonnet-4-5-20250929'
    expect(numbersIn(state, 'costNanoUsd')).toEqual({
      [`alpha ${model} reported`]: 9,
      [`alpha ${model} priced`]: 7,
      [`alpha ${model} estimated`]: 7,
    })
    expect(numbersIn(state, 'unpriced')).toEqual({ [`alpha ${model}`]: 2 })
    expect(numbersIn(state, 'cacheSavedNanoUsd')).toEqual({ [`alpha ${model}`]: 30 })
    expect(numbersIn(state, 'cacheExtraNanoUsd')).toEqual({ [`alpha ${model}`]: 4 })
    expect(numbersIn(state, 'tokens')).toEqual({
      [`alpha ${model} input`]: 4,
      [`alpha ${model} output`]: 8,
      [`alpha ${model} cache_read`]: 12,
      [`alpha ${model} cache_write_5m`]: 16,
      [`alpha ${model} cache_write_1h`]: 20,
    })
  })

  it('take the speed of streamed answers only, and per token of long ones only', () => {
    const answer = { ttftMs: 400, durationMs: 2_400 }
    const state = foldOf(
      ...served1('a', { usage: { outputTokens: 100 }, answer }),
      ...served1('b', { usage: { outputTokens: 19 }, answer }),
      ...served1('c', { request: { stream: false }, usage: { outputTokens: 100 }, answer }),
    )
    expect(countIn(state, 'ttft')).toBe(2)
    expect([...state.durations.perToken.values()]).toEqual([expect.objectContaining({ sum: 20 })])
    expect(countIn(state, 'perToken')).toBe(1)
    expect(countIn(state, 'attempt')).toBe(3)
  })

  it('count a duration with the first bound that it does not exceed', () => {
    const bounds = DURATIONS.request.bounds
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...bounds), fc.nat(2_000_000))), (times) => {
        const state = foldAt(
          times.flatMap((ms, n): readonly Timed[] => [
            [0, admitted(`${n}`)],
            [ms, { _tag: 'RequestCancelled', requestId: requestId(`${n}`), attempts: 0, by: 'client' }],
          ]),
        )
        const { counts, sum } = state.durations.request.get('["cancelled"]') ?? { counts: [], sum: 0 }
        expect(sum).toBe(times.reduce((total, ms) => total + ms, 0))
        counts.forEach((count, index) => {
          const [low, high] = [bounds[index - 1] ?? -1, bounds[index] ?? Number.POSITIVE_INFINITY]
          expect(count).toBe(times.filter((ms) => ms > low && ms <= high).length)
        })
      }),
    )
  })

  it('know who waits for room, and how long it took', () => {
    const route: DomainEvent = {
      _tag: 'RouteChosen',
      requestId: requestId('a'),
      ...{ strategy: 'cost', policyVersion: 1, order: [], factors: {}, skipped: [], propensity: 1 },
      queue: { providers: [providerId('alpha')], until: EPOCH + 5_000 },
    }
    const waiting: readonly Timed[] = [
      [0, admitted('a')],
      [0, route],
    ]
    expect(queued(foldAt(waiting))).toBe(1)
    const gaveUp: Timed = [
      5_000,
      { _tag: 'RequestFailed', requestId: requestId('a'), attempts: 0, status: 429, reason: { _tag: 'RateLimited' } },
    ]
    for (const [last, result, sum] of [
      [[700, started('a')], 'served', 700],
      [gaveUp, 'gaveUp', 5_000],
    ] as const) {
      const state = foldAt([...waiting, last])
      expect(queued(state)).toBe(0)
      expect([...state.durations.queue]).toEqual([[`["${result}"]`, expect.objectContaining({ sum })]])
    }
  })

  it('remember the scores of the last route that had candidates', () => {
    const route = (order: readonly string[], score: readonly number[]): DomainEvent => ({
      _tag: 'RouteChosen',
      requestId: requestId('a'),
      ...{ strategy: 'of a later release', policyVersion: 1, skipped: [], propensity: 1 },
      order: order.map(providerId),
      factors: { score },
    })
    const state = foldOf(route(['alpha', 'beta'], [0.9, 0.4]), route(['beta'], [0.5]), route([], []))
    expect([...state.scores]).toEqual([['beta', 0.5]])
    expect(numbersIn(state, 'routes')).toEqual({ other: 3 })
  })
})

describe('a label', () => {
  it('is one name for every spelling of a Claude model', () => {
    for (const name of [
      'claude-opus-4-6',
      'anthropic/claude-opus-4.6',
      'claude-opus-4-6[1m]',
      'anthropic.claude-opus-4-6',
    ]) {
      expect(boundedModel([], name)).toBe('claude-opus-4-6')
    }
  })

  it('is a name that the policy spells out, of what is asked for, of what a provider is asked for, or of a price', () => {
    const price = { input: 1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 }
    const served = servedNames(policyOf({ models: { small: 'qwen3:30b', 'gpt-*': '*' }, prices: { 'gpt-5': price } }))
    expect(served).toEqual(['small', 'qwen3:30b', 'gpt-5'])
    expect(served.map((name) => boundedModel(served, name))).toEqual(served)
    for (const name of ['gpt-6', 'gpt-*', 'claude-opus-99', 'claude', '', 'x'.repeat(10_000)]) {
      expect(boundedModel(served, name)).toBe('other')
    }
  })

  it('never is what a client made up', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 50 }), (names) => {
        const made = names.map((name) => `made up ${name}`)
        const state = foldOf(
          naming(policyOf({})),
          ...made.flatMap((name, n) => served1(`${n}`, { request: { model: modelId(name), sessionId: `s${n}` } })),
        )
        expect(new Set(state.models)).toEqual(new Set(made.length === 0 ? [] : ['other', 'claude-sonnet-4-5-20250929']))
      }),
    )
  })

  it('is one of a bounded number, whatever the log holds', () => {
    const names = Array.from({ length: 300 }, (_, n) => `model-${n}`)
    const state = foldOf(
      naming(policyOf({ models: Object.fromEntries(names.map((name) => [name, name])) })),
      ...(names.flatMap((name, n) => [
        admitted(`${n}`, { model: modelId(name) }),
        { ...started(`${n}`), model: modelId(name) },
        succeeded(`${n}`, USAGE, { model: modelId(name), provider: providerId(`p${n}`) }),
      ]) as readonly DomainEvent[]),
    )
    expect(state.models.length).toBe(MODELS_KEPT)
    expect(state.providers.length).toBe(PROVIDERS_KEPT)
    expect(state.pairs.length).toBeLessThanOrEqual(PAIRS_KEPT)
    expect(all(state, 'requests')).toBe(300)
    expect(numbersIn(state, 'requests')['other success']).toBe(300 - MODELS_KEPT)
    expect(numbersIn(state, 'attempts')['other success none']).toBe(300 - PROVIDERS_KEPT)
  })

  it('has no other source: any events at all stay within the bounds', () => {
    fc.assert(
      fc.property(fc.array(domainEvents, { maxLength: 200 }), (events) => {
        const state = foldOf(...events)
        for (const model of state.models) expect(['other', ...state.served, 'claude-sonnet-5-5']).toContain(model)
        expect(state.scores.size).toBeLessThanOrEqual(PROVIDERS_KEPT)
      }),
    )
  })
})
