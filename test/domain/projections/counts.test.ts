/**
 * What each projection counts, over whole lives of requests and in examples.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultPolicy } from '#domain/policy.ts'
import { health } from '#domain/projections/health.ts'
import type { Occurred, Projection } from '#domain/projections/projection.ts'
import { FINISHED_KEPT, requests } from '#domain/projections/requests.ts'
import { DAYS_KEPT, OTHER, ROWS_KEPT, spend } from '#domain/projections/spend.ts'
import { MINUTES_KEPT, traffic } from '#domain/projections/traffic.ts'
import { addUsage, noUsage, type Usage } from '#domain/usage.ts'
import { EPOCH, histories, MODELS, PROVIDERS } from '#test/generators.ts'

const fold = <S>(projection: Projection<S>, events: readonly Occurred[]): S =>
  events.reduce((state, occurred) => projection.evolve(state, occurred), projection.initial())
const foldAt = <S>(projection: Projection<S>, events: readonly (readonly [number, DomainEvent])[]): S =>
  fold(
    projection,
    events.map(([occurredAt, event]) => ({ event, occurredAt, writer: 'box' })),
  )
const count = (events: readonly Occurred[], ...tags: readonly string[]): number =>
  events.filter(({ event }) => tags.includes(event._tag)).length
const TERMINAL = ['AttemptSucceeded', 'RequestFailed', 'RequestCancelled', 'RequestAbandoned']

const PROVIDER = PROVIDERS[0]!
const MODEL = MODELS[0]!
const usage: Usage = {
  inputTokens: 1,
  outputTokens: 2,
  cacheReadTokens: 3,
  cacheWrite5mTokens: 4,
  cacheWrite1hTokens: 5,
}

/** Events of one request, named briefly. */
const life = (n: number, provider = PROVIDER, model = MODEL) => {
  const id = requestId(`req_${n}`)
  const named = (attempt: number) => ({ requestId: id, attempt, provider, model })
  return {
    admitted: {
      _tag: 'RequestAdmitted',
      requestId: id,
      model,
      stream: true,
      bodyBytes: 1,
      messages: 1,
      tools: 0,
      images: 0,
      sessionId: 'session',
      draw: 0,
    },
    started: (attempt = 1) => ({ _tag: 'AttemptStarted', ...named(attempt) }),
    succeeded: (ttftMs = 100, durationMs = 1_000) => ({
      _tag: 'AttemptSucceeded',
      ...named(1),
      status: 200,
      usage,
      stopReason: null,
      ttftMs,
      durationMs,
      responseBytes: 9,
    }),
    failed: (tag: 'ServerError' | 'RateLimited' = 'ServerError') => ({
      _tag: 'AttemptFailed',
      ...named(1),
      reason: { _tag: tag },
      stage: 'S0',
      durationMs: 5,
      draw: 0,
    }),
    abandoned: { _tag: 'RequestAbandoned', requestId: id, attempts: 1, provider },
    gaveUp: { _tag: 'RequestFailed', requestId: id, attempts: 1, status: 529, reason: { _tag: 'Overloaded' } },
  } as const satisfies { readonly [name: string]: DomainEvent | ((...args: never[]) => DomainEvent) }
}

describe('requests', () => {
  it('has each admitted request once: in flight or ended', () => {
    fc.assert(
      fc.property(histories(), (events) => {
        const { inFlight, finished } = fold(requests, events)
        expect(finished.length).toBe(count(events, ...TERMINAL))
        expect(inFlight.size).toBe(count(events, 'RequestAdmitted') - finished.length)
        const ids = [...inFlight.keys(), ...finished.map((request) => request.requestId)]
        expect(new Set(ids).size).toBe(ids.length)
      }),
    )
  })

  it('names the provider of an open request exactly while an attempt is in flight', () => {
    fc.assert(
      fc.property(histories(), (events) => {
        for (const [id, open] of fold(requests, events).inFlight) {
          const own = events.filter(({ event }) => 'requestId' in event && event.requestId === id)
          const starts = own.flatMap(({ event }) => (event._tag === 'AttemptStarted' ? [event] : []))
          const last = own.at(-1)?.event
          expect(open.attempts).toBe(starts.length)
          expect(open.provider).toBe(last?._tag === 'AttemptStarted' ? last.provider : undefined)
          expect(open.lastProvider).toBe(starts.at(-1)?.provider)
        }
      }),
    )
  })

  it('tells what boot needs to close a request of a dead process: who wrote it, where its attempt was, its lease', () => {
    const { admitted, started } = life(1)
    const { inFlight } = foldAt(requests, [
      [EPOCH, admitted],
      [EPOCH + 1, { ...started(1), probe: { leaseUntil: 7 } }],
    ])
    expect(inFlight.get(requestId('req_1'))).toEqual({
      model: MODEL,
      admittedAt: EPOCH,
      writer: 'box',
      stream: true,
      sessionId: 'session',
      attempts: 1,
      provider: PROVIDER,
      lastProvider: PROVIDER,
      probe: { leaseUntil: 7 },
    })
  })

  it('tells how a request ended', () => {
    const [a, b] = [life(1), life(2)]
    const { finished } = foldAt(requests, [
      [EPOCH, a.admitted],
      [EPOCH + 10, a.started()],
      [EPOCH + 20, b.admitted],
      [EPOCH + 30, b.started()],
      [EPOCH + 40, b.failed()],
      [EPOCH + 50, b.gaveUp],
      [EPOCH + 1_010, a.succeeded()],
    ])
    const common = { model: MODEL, provider: PROVIDER, sessionId: 'session', attempts: 1 }
    expect(finished).toEqual([
      {
        ...common,
        requestId: 'req_2',
        outcome: 'failed',
        admittedAt: EPOCH + 20,
        finishedAt: EPOCH + 50,
        durationMs: 30,
        status: 529,
        reason: 'Overloaded',
      },
      {
        ...common,
        requestId: 'req_1',
        outcome: 'succeeded',
        admittedAt: EPOCH,
        finishedAt: EPOCH + 1_010,
        durationMs: 1_010,
        status: 200,
        ttftMs: 100,
        usage,
      },
    ])
  })

  it('remembers the last hundred that ended', () => {
    const ended = Array.from({ length: FINISHED_KEPT + 30 }, (_, n) => life(n)).flatMap(({ admitted, gaveUp }, n) => [
      [EPOCH + n, admitted] as const,
      [EPOCH + n, gaveUp] as const,
    ])
    const { finished } = foldAt(requests, ended)
    expect(finished.length).toBe(100)
    expect([finished[0]?.requestId, finished.at(-1)?.requestId]).toEqual(['req_30', 'req_129'])
  })
})

describe('traffic', () => {
  it('adds up: admitted = in flight + ended, attempts = first attempts + fallbacks', () => {
    fc.assert(
      fc.property(histories(), (events) => {
        const { totals, minutes } = fold(traffic, events)
        const { inFlight } = fold(requests, events)
        expect(totals.admitted).toBe(
          inFlight.size + totals.succeeded + totals.failed + totals.cancelled + totals.abandoned,
        )
        expect(totals.attempts).toBe(count(events, 'AttemptStarted'))
        const first = events.filter(({ event }) => event._tag === 'AttemptStarted' && event.attempt === 1)
        expect(totals.fallbacks).toBe(totals.attempts - first.length)
        // Histories of twelve requests can be longer than the hour that is kept, but not by their last minute.
        const last = events.at(-1)?.occurredAt ?? 0
        const minute = minutes.find(({ slot }) => slot === Math.floor(last / 60_000))
        if (events.length > 0) expect(minute).toBeDefined()
      }),
    )
  })

  it('keeps sixty minutes, in order, and sums to the totals while it has them all', () => {
    const times = fc.array(fc.integer({ min: EPOCH, max: EPOCH + 7_200_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(times, (all) => {
        const { totals, minutes } = foldAt(
          traffic,
          all.map((at, n) => [at, life(n).admitted]),
        )
        const slots = minutes.map(({ slot }) => slot)
        expect(slots).toEqual([...new Set(slots)].toSorted((a, b) => a - b))
        expect((slots.at(-1) ?? 0) - (slots[0] ?? 0)).toBeLessThan(MINUTES_KEPT)
        expect(totals.admitted).toBe(all.length)
        const kept = all.filter((at) => Math.floor(at / 60_000) > Math.floor(Math.max(...all) / 60_000) - MINUTES_KEPT)
        expect(minutes.reduce((sum, minute) => sum + minute.admitted, 0)).toBe(kept.length)
      }),
    )
  })
})

describe('health', () => {
  it('adds up for every provider: attempts = successes + failures + abandoned + in flight', () => {
    fc.assert(
      fc.property(histories(), (events) => {
        for (const [id, provider] of fold(health, events)) {
          const failed = Object.values(provider.failures).reduce((sum, n) => sum + n, 0)
          expect(provider.attempts).toBe(provider.successes + failed + provider.abandoned + provider.inFlight)
          const own = events.filter(({ event }) => 'provider' in event && event.provider === id)
          expect(provider.attempts).toBe(count(own, 'AttemptStarted'))
          expect(provider.successes).toBe(count(own, 'AttemptSucceeded'))
          expect(failed).toBe(count(own, 'AttemptFailed'))
        }
      }),
    )
  })

  it('counts failures by reason, and in a row only those for which the provider is to blame', () => {
    const { started, failed, succeeded } = life(1)
    const twice = [started(), failed(), started(), failed('RateLimited'), started(), failed()]
    const row = foldAt(
      health,
      twice.map((event, n) => [EPOCH + n, event]),
    )
    expect(row.get(PROVIDER)).toMatchObject({
      failures: { ServerError: 2, RateLimited: 1 },
      consecutiveFailures: 2,
      lastFailureAt: EPOCH + 5,
      lastFailure: { _tag: 'ServerError' },
      lastSuccessAt: null,
    })
    const well = foldAt(
      health,
      [...twice, started(), succeeded()].map((event, n) => [EPOCH + n, event]),
    )
    expect(well.get(PROVIDER)).toMatchObject({ consecutiveFailures: 0, lastSuccessAt: EPOCH + 7 })
  })

  it('averages times with a fifth for the newest', () => {
    const { started, succeeded } = life(1)
    const events = [started(), succeeded(100, 1_000), started(), succeeded(200, 2_000)]
    const provider = foldAt(
      health,
      events.map((event) => [EPOCH, event]),
    ).get(PROVIDER)
    expect(provider?.ttftEwmaMs).toBeCloseTo(120)
    expect(provider?.durationEwmaMs).toBeCloseTo(1_200)
  })

  it('forgets providers that a new policy does not name, and the ends of their attempts', () => {
    const { started, failed } = life(1)
    const forgotten = foldAt(health, [
      [EPOCH, started()],
      [EPOCH, { _tag: 'PolicyChanged', version: 1, policy: defaultPolicy }],
      [EPOCH, failed()],
    ])
    expect(forgotten.size).toBe(0)
  })

  it('holds two hundred providers at most', () => {
    const many = Array.from({ length: 300 }, (_, n) => life(n, providerId(`p${n}`)).started())
    const state = foldAt(
      health,
      many.map((event) => [EPOCH, event]),
    )
    expect(state.size).toBe(200)
    expect(state.has(providerId('p299'))).toBe(true)
  })
})

describe('spend', () => {
  const reported = (events: readonly Occurred[]): readonly Usage[] =>
    events.flatMap(({ event }) =>
      (event._tag === 'AttemptSucceeded' || event._tag === 'AttemptFailed') && event.usage !== undefined
        ? [event.usage]
        : [],
    )

  it('loses no token: rows and days both sum to all that was reported, by failed attempts too', () => {
    fc.assert(
      fc.property(histories(), (events) => {
        const { rows, days } = fold(spend, events)
        const total = reported(events).reduce(addUsage, noUsage)
        expect([...rows.values()].map((row) => row.usage).reduce(addUsage, noUsage)).toEqual(total)
        expect(days.map((day) => day.usage).reduce(addUsage, noUsage)).toEqual(total)
        expect([...rows.values()].reduce((sum, row) => sum + row.attempts, 0)).toBe(reported(events).length)
      }),
    )
  })

  it('keeps providers and models apart, also those whose names run together', () => {
    const { rows } = foldAt(spend, [
      [EPOCH, life(1, providerId('a b'), modelId('c')).succeeded()],
      [EPOCH, life(2, providerId('a'), modelId('b c')).succeeded()],
    ])
    expect([...rows.values()].map(({ provider, model }) => [provider, model])).toEqual([
      ['a b', 'c'],
      ['a', 'b c'],
    ])
  })

  it('sums what comes after two hundred pairs under another name', () => {
    const many = Array.from({ length: 250 }, (_, n) => life(n, PROVIDER, modelId(`model-${n}`)).succeeded())
    const { rows } = foldAt(
      spend,
      many.map((event) => [EPOCH, event]),
    )
    expect(rows.size).toBe(ROWS_KEPT + 1)
    expect(rows.get(OTHER)).toMatchObject({ provider: OTHER, model: OTHER, attempts: 50 })
  })

  it('counts by UTC day and keeps forty days', () => {
    const day = 86_400_000
    const midnight = Math.floor(EPOCH / day) * day
    const { days } = foldAt(spend, [
      [midnight - 1, life(1).succeeded()],
      [midnight, life(2).succeeded()],
      ...Array.from({ length: 60 }, (_, n) => [midnight + n * day, life(n).succeeded()] as const),
    ])
    expect(days.length).toBe(DAYS_KEPT)
    expect(days.at(-1)).toEqual({ slot: midnight / day + 59, attempts: 1, usage, costNanoUsd: 0 })
    const two = foldAt(spend, [
      [midnight - 1, life(1).succeeded()],
      [midnight, life(2).succeeded()],
    ])
    expect(two.days.map(({ slot }) => slot)).toEqual([midnight / day - 1, midnight / day])
  })
})
