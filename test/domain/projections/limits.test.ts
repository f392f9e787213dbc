/**
 * Meters as the log fills them: estimates at the start of an attempt, usage and headers at its end.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLimits } from '#domain/dialect/limit-headers.ts'
import type { AttemptFailed, AttemptStarted, AttemptSucceeded, DomainEvent, LimitReading } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { providerId } from '#domain/ids.ts'
import { levelAt, type Meter } from '#domain/limits.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type LimitPolicy } from '#domain/policy.ts'
import { concurrencyOf, headroomOf, type Limits, limits, RESERVATIONS_KEPT } from '#domain/projections/limits.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { requests } from '#domain/projections/requests.ts'
import { fromJson, toJson } from '#domain/snapshot-json.ts'
import { noUsage, type Usage } from '#domain/usage.ts'
import { makeRateLimits } from '#infra/simulator/rate-limits.ts'
import { allReasons, EPOCH, histories, MODELS, PROVIDERS, requestNamed, served } from '#test/generators.ts'
import { domainEvents } from '#test/recorded-events.ts'

const MINUTE = 60_000
const PROVIDER = PROVIDERS[0]!

type Happening = readonly [at: number, event: DomainEvent]

const fold = (happenings: readonly Happening[], from: Limits = limits.initial()): Limits =>
  happenings.reduce((state, [at, event]) => limits.evolve(state, { event, occurredAt: at, writer: 'box' }), from)

const policyOf = (some: LimitPolicy, ids = [PROVIDER]): DomainEvent => ({
  _tag: 'PolicyChanged',
  version: 1,
  policy: {
    ...defaultPolicy,
    providers: ids.map((id) => ({
      ...{ id, kind: 'anthropic', enabled: true, priority: 0, models: {}, limits: some },
      ...{ breaker: defaultBreaker, timeouts: defaultTimeouts },
    })),
  },
})
const named = (n: number) => ({ requestId: requestNamed(n), attempt: 1, provider: PROVIDER, model: MODELS[0]! })
const started = (n: number, inputTokens?: number): AttemptStarted => ({
  ...{ _tag: 'AttemptStarted', ...named(n) },
  ...(inputTokens === undefined ? {} : { inputTokens }),
})
const succeeded = (n: number, usage: Partial<Usage>, some: Partial<AttemptSucceeded> = {}): AttemptSucceeded => ({
  ...{ _tag: 'AttemptSucceeded', ...named(n), ...served, usage: { ...noUsage, ...usage } },
  ...{ ttftMs: 0, durationMs: 0, ...some },
})
const failed = (n: number, reason: FailureReason, some: Partial<AttemptFailed> = {}): AttemptFailed => ({
  ...{ _tag: 'AttemptFailed', ...named(n), reason, stage: 'S0', durationMs: 1, draw: 0 },
  ...some,
})
const rateLimited = { _tag: 'RateLimited', status: 429 } as const

const metersOf = (state: Limits): readonly Meter[] => state.get(PROVIDER)?.meters ?? []
const levels = (state: Limits, at: number) =>
  Object.fromEntries(metersOf(state).map((meter) => [`${meter.limit}/${meter.window}`, levelAt(meter, at)]))

const ALL: LimitPolicy = {
  ...{ requestsPerMinute: 60, inputTokensPerMinute: 60_000 },
  ...{ outputTokensPerMinute: 6_000, tokensPerMinute: 66_000 },
}
const full = { 'requests/minute': 60, 'input/minute': 60_000, 'output/minute': 6_000, 'tokens/minute': 66_000 }
const before: readonly Happening[] = [
  [EPOCH, policyOf(ALL)],
  [EPOCH, started(1, 10_000)],
]

describe('the limits of a provider', () => {
  it('are debited a request and its estimated prompt when an attempt starts', () => {
    expect(levels(fold(before), EPOCH)).toEqual({
      ...full,
      ...{ 'requests/minute': 59, 'input/minute': 50_000, 'tokens/minute': 56_000 },
    })
    expect(levels(fold([before[0]!, [EPOCH, started(1)]]), EPOCH)).toEqual({ ...full, 'requests/minute': 59 })
  })

  it('are corrected by what was counted: cache writes are, cache reads only where the policy says so', () => {
    const usage = { inputTokens: 2_000, cacheWrite5mTokens: 300, cacheWrite1hTokens: 200, cacheReadTokens: 4_000 }
    const end: Happening = [EPOCH, succeeded(1, { ...usage, outputTokens: 700 })]
    expect(levels(fold([...before, end]), EPOCH)).toEqual({
      ...{ 'requests/minute': 59, 'input/minute': 57_500, 'output/minute': 5_300, 'tokens/minute': 62_800 },
    })
    const counts = fold([[EPOCH, policyOf({ ...ALL, countsCachedInput: true })], before[1]!, end])
    expect(levels(counts, EPOCH)).toMatchObject({ 'input/minute': 53_500 })
    const more: Happening = [EPOCH, succeeded(1, { inputTokens: 25_000 })]
    expect(levels(fold([...before, more]), EPOCH)).toMatchObject({ 'input/minute': 35_000, 'tokens/minute': 41_000 })
  })

  it('keep the estimate where the provider counts nothing', () => {
    expect(levels(fold([...before, [EPOCH, succeeded(1, {})]]), EPOCH)).toMatchObject({ 'input/minute': 50_000 })
  })

  it.each<[string, FailureReason, number, number]>([
    ['a refusal', rateLimited, 59, 60_000],
    ['an overload', { _tag: 'Overloaded' }, 59, 60_000],
    ['a request that is wrong', { _tag: 'InvalidRequest', status: 400 }, 59, 60_000],
    ['a connection that was never made', { _tag: 'Transport', code: 'ECONNREFUSED', connect: true }, 60, 60_000],
    ['a feature that was known to be refused', { _tag: 'FeatureRefused', features: [] }, 60, 60_000],
    ['a feature that was refused', { _tag: 'FeatureRefused', features: [], status: 400 }, 59, 60_000],
    ['a connection lost in the middle', { _tag: 'Transport', code: 'ECONNRESET', connect: false }, 59, 50_000],
    ['a client that left', { _tag: 'Cancelled', by: 'client' }, 59, 50_000],
    ['a timeout', { _tag: 'Timeout', phase: 'firstContent' }, 59, 50_000],
  ])('after %s give back what was surely not counted', (_what, reason, requestsLeft, inputLeft) => {
    // With a reading, so that the refusal teaches nothing else.
    const readings: readonly LimitReading[] = [{ limit: 'output', window: 'minute', remaining: 6_000 }]
    const state = fold([...before, [EPOCH, failed(1, reason, { limits: readings })]])
    expect(levels(state, EPOCH)).toMatchObject({ 'requests/minute': requestsLeft, 'input/minute': inputLeft })
    expect(concurrencyOf(state, PROVIDER).inFlight).toBe(0)
  })

  it('after a failure with usage hold exactly that', () => {
    const usage = { ...noUsage, inputTokens: 3_000, outputTokens: 50 }
    const state = fold([...before, [EPOCH, failed(1, { _tag: 'Cancelled', by: 'client' }, { usage })]])
    expect(levels(state, EPOCH)).toMatchObject({ 'input/minute': 57_000, 'output/minute': 5_950 })
  })

  it('follow the headers of the answer as of its first content, and debit its output after them', () => {
    const read: LimitReading = { limit: 'output', window: 'minute', size: 6_000, remaining: 1_000 }
    const state = fold([
      ...before,
      [
        EPOCH + 32_000,
        succeeded(1, { inputTokens: 10_000, outputTokens: 500 }, { limits: [read], ttftMs: 2_000, durationMs: 32_000 }),
      ],
    ])
    // 1,000 + 3,000 of half a minute's refill - 500.
    expect(levels(state, EPOCH + 32_000)).toMatchObject({ 'output/minute': 3_500 })
  })

  it('are known from headers alone, for providers that the policy names no limits of', () => {
    const read: LimitReading = { limit: 'requests', window: 'day', size: 1_000, remaining: 10 }
    const state = fold([
      [EPOCH, started(1)],
      [EPOCH, succeeded(1, {}, { limits: [read] })],
      [EPOCH, started(2)],
    ])
    expect(levels(state, EPOCH)).toEqual({ 'requests/day': 9 })
    expect(headroomOf(state, PROVIDER, { input: 1, output: 1 }, EPOCH)).toMatchObject({
      share: 0.008,
      limit: 'requests',
    })
  })

  it('learn from a refusal only when it tells no limits', () => {
    const told = failed(1, { ...rateLimited, until: EPOCH + 9_000 })
    expect(headroomOf(fold([...before, [EPOCH, told]]), PROVIDER, { input: 1, output: 1 }, EPOCH)).toEqual({
      share: 0,
      limit: 'requests',
      isShut: true,
      freesAt: EPOCH + 9_000,
    })
    const readings: readonly LimitReading[] = [{ limit: 'input', window: 'minute', size: 60_000, remaining: 0 }]
    const state = fold([...before, [EPOCH, { ...told, limits: readings }]])
    expect(levels(state, EPOCH)).toMatchObject({ 'requests/minute': 59, 'input/minute': 0 })
  })

  it('forget a learned door when it is open again', () => {
    const shut: readonly Happening[] = [
      [EPOCH, started(1)],
      [EPOCH, failed(1, rateLimited)],
    ]
    expect(metersOf(fold(shut))).toHaveLength(1)
    expect(metersOf(fold([...shut, [EPOCH + MINUTE, started(2)]]))).toEqual([])
  })

  it('are kept by a restart, with the size that headers told, and by a new policy, with what was used', () => {
    const readings: readonly LimitReading[] = [{ limit: 'input', window: 'minute', size: 80_000, remaining: 20_000 }]
    const used = [...before, [EPOCH, succeeded(1, { inputTokens: 10_000 }, { limits: readings })]] as const
    expect(levels(fold([...used, [EPOCH, policyOf(ALL)]]), EPOCH)).toEqual(levels(fold(used), EPOCH))
    const changed = fold([...used, [EPOCH, policyOf({ inputTokensPerMinute: 100_000, window: 'fixed' })]])
    expect(metersOf(changed)).toMatchObject([{ kind: 'fixed', size: 100_000, level: 40_000, source: 'configured' }])
  })

  it('are forgotten with their provider', () => {
    expect(fold([...before, [EPOCH, policyOf(ALL, [PROVIDERS[1]!])]]).has(PROVIDER)).toBe(false)
  })

  it('give a provider that nothing is known of all room', () => {
    expect(headroomOf(limits.initial(), PROVIDER, { input: 1e6, output: 1e6 }, EPOCH).share).toBe(1)
    expect(concurrencyOf(limits.initial(), PROVIDER)).toEqual({ inFlight: 0, limit: 8 })
  })

  it('move the attempts at once: down with refusals and overloads, up with successes under load', () => {
    const refusals = [rateLimited, { _tag: 'Overloaded' }] as const
    for (const reason of allReasons) {
      const { limit } = concurrencyOf(fold([...before, [EPOCH, failed(1, reason)]]), PROVIDER)
      expect(limit).toBe(refusals.some(({ _tag }) => _tag === reason._tag) ? 5 : 8)
    }
    const four = [1, 2, 3, 4].map((n): Happening => [EPOCH, started(n)])
    const tens = Array.from({ length: 10 }, (_, n): readonly Happening[] => [
      [EPOCH, succeeded(n + 1, {})],
      [EPOCH, started(n + 5)],
    ])
    expect(concurrencyOf(fold([...four, ...tens.flat()]), PROVIDER)).toEqual({ inFlight: 4, limit: 9 })
  })

  it('obey the maximum of attempts at once', () => {
    expect(concurrencyOf(fold([[EPOCH, policyOf({ maxConcurrent: 2 })]]), PROVIDER).limit).toBe(2)
  })
})

describe('the state of limits', () => {
  it('holds a reservation for exactly the attempts in flight', () => {
    fc.assert(
      fc.property(histories(), (events: readonly Occurred[]) => {
        const state = events.reduce((all, one) => limits.evolve(all, one), limits.initial())
        const { inFlight } = events.reduce((all, one) => requests.evolve(all, one), requests.initial())
        for (const provider of PROVIDERS) {
          const there = [...inFlight].flatMap(([id, open]) => (open.provider === provider ? [id] : []))
          expect([...(state.get(provider)?.reserved.keys() ?? [])].toSorted()).toEqual(there.toSorted())
        }
      }),
    )
  })

  it('is bounded, whatever starts and never ends', () => {
    const many = Array.from({ length: RESERVATIONS_KEPT + 5 }, (_, n): Happening => [EPOCH, started(n, 1)])
    expect(concurrencyOf(fold(many), PROVIDER).inFlight).toBe(RESERVATIONS_KEPT)
    const providers = Array.from({ length: 250 }, (_, n): Happening => {
      return [EPOCH, { ...started(n), provider: providerId(`provider-${n}`) }]
    })
    expect(fold(providers).size).toBe(200)
  })

  it('is the same when it is folded in two halves by way of a snapshot, with any readings at any time', () => {
    const readings: fc.Arbitrary<LimitReading> = fc
      .tuple(
        fc.record({
          limit: fc.constantFrom('requests' as const, 'input' as const, 'output' as const, 'tokens' as const),
          window: fc.constantFrom('minute' as const, 'day' as const),
        }),
        fc.record(
          {
            size: fc.double({ noNaN: true, noDefaultInfinity: true }),
            remaining: fc.oneof(fc.nat(1_000_000), fc.double({ noNaN: true, noDefaultInfinity: true })),
            resetAt: fc.integer({ min: EPOCH - MINUTE, max: EPOCH + 100 * MINUTE }),
          },
          { requiredKeys: [] },
        ),
      )
      .map(([must, may]) => ({ ...must, ...may }))
    const wild = fc.array(
      fc.record({
        event: fc
          .tuple(domainEvents, fc.array(readings, { maxLength: 3 }), fc.nat(10_000_000))
          .map(([event, all, inputTokens]): DomainEvent => {
            if (event._tag === 'AttemptStarted') return { ...event, provider: PROVIDER, inputTokens }
            if (event._tag !== 'AttemptFailed' && event._tag !== 'AttemptSucceeded') {
              return event._tag === 'PolicyChanged' ? policyOf({ ...ALL, requestsPerMinute: inputTokens % 90 }) : event
            }
            return { ...event, provider: PROVIDER, limits: all }
          }),
        occurredAt: fc.oneof(
          fc.integer({ min: EPOCH, max: EPOCH + 100 * MINUTE }),
          fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        ),
        writer: fc.constant('box'),
      }),
      { maxLength: 60 },
    )
    const all = (events: readonly Occurred[], from: Limits) =>
      events.reduce((state, one) => limits.evolve(state, one), from)
    fc.assert(
      fc.property(wild, fc.nat(60), (events, cut) => {
        const half = fromJson(toJson(all(events.slice(0, cut), limits.initial()))) as Limits
        const whole = all(events, limits.initial())
        expect(toJson(all(events.slice(cut), half))).toBe(toJson(whole))
        expect(fromJson(toJson(whole))).toEqual(whole)
        for (const meter of metersOf(whole)) expect(meter.level).toBeLessThanOrEqual(meter.capacity)
        const names = metersOf(whole).map(({ limit, window }) => `${limit} ${window}`)
        expect(new Set(names).size).toBe(names.length)
      }),
      { numRuns: 300 },
    )
  })
})

// ---- against the simulator's limits --------------------------------------------------------------------------------

interface Arrival {
  readonly passes: number
  readonly input: number
  /** Tokens by which the estimate is too high. */
  readonly over: number
  readonly output: number
  readonly lasts: number
}

const arrivals: fc.Arbitrary<readonly Arrival[]> = fc.array(
  fc.record({
    passes: fc.oneof(fc.nat(200), fc.nat(10_000)),
    input: fc.integer({ min: 1, max: 3_000 }),
    over: fc.oneof(fc.constant(0), fc.nat(2_000)),
    output: fc.nat(400),
    lasts: fc.nat(30_000),
  }),
  { minLength: 10, maxLength: 50 },
)
const worldLimits = fc.record({
  requestsPerMinute: fc.integer({ min: 5, max: 30 }),
  inputTokensPerMinute: fc.integer({ min: 5_000, max: 20_000 }),
  outputTokensPerMinute: fc.integer({ min: 400, max: 2_000 }),
})

/** A client that sends when the fold says that there is room. `parallel` false: one after the other. */
const run = (
  policy: LimitPolicy,
  server: ReturnType<typeof makeRateLimits>,
  all: readonly Arrival[],
  parallel: boolean,
) => {
  let state = fold([[EPOCH, policyOf(policy)]])
  let now = EPOCH
  let refused = 0
  const running: { readonly endsAt: number; readonly end: () => DomainEvent }[] = []
  const happens = (event: DomainEvent) => {
    state = fold([[now, event]], state)
  }
  const passUntil = (then: number) => {
    for (const one of running.filter(({ endsAt }) => endsAt <= then).toSorted((a, b) => a.endsAt - b.endsAt)) {
      running.splice(running.indexOf(one), 1)
      now = one.endsAt
      happens(one.end())
    }
    now = then
  }
  for (const [n, { passes, input, over, output, lasts }] of all.entries()) {
    passUntil(now + passes)
    for (;;) {
      const frees = headroomOf(state, PROVIDER, { input: input + over, output }, now).freesAt ?? Number.NaN
      if (!(frees > now)) break
      passUntil(Math.max(now + 1, Math.min(frees, ...running.map(({ endsAt }) => endsAt))))
    }
    happens(started(n, input + over))
    if (server.admit(input, now) !== undefined) {
      refused += 1
      happens(failed(n, rateLimited, { limits: readLimits(server.headers(now), now) }))
      continue
    }
    const read = readLimits(server.headers(now), now)
    const endsAt = now + lasts
    const end = () => {
      server.spendOutput(output, now)
      return succeeded(n, { inputTokens: input, outputTokens: output }, { limits: read, durationMs: lasts })
    }
    running.push({ endsAt, end })
    if (!parallel) passUntil(endsAt)
  }
  return refused
}

describe('a client that sends when the log says there is room', () => {
  it('is never refused by a provider whose limits are known', () => {
    fc.assert(
      fc.property(worldLimits, arrivals, (world, all) => {
        expect(run(world, makeRateLimits(world), all, true)).toBe(0)
      }),
    )
  })

  it('is never refused for its requests by one whose headers told them, one request after the other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), arrivals, (requestsPerMinute, all) => {
        const server = makeRateLimits({ requestsPerMinute, inputTokensPerMinute: 1e9, outputTokensPerMinute: 1e9 })
        expect(run({}, server, all, false)).toBe(0)
      }),
    )
  })

  it('is refused by one whose limits are lower than was thought, until its headers have told it', () => {
    const server = makeRateLimits({ requestsPerMinute: 5, inputTokensPerMinute: 1e9, outputTokensPerMinute: 1e9 })
    const all = Array.from({ length: 30 }, () => ({ passes: 1, input: 10, over: 0, output: 1, lasts: 5_000 }))
    const refused = run({ requestsPerMinute: 1_000 }, server, all, true)
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThan(3)
  })
})
