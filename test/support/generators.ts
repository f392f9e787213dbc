/**
 * fast-check generators for the pure core: failures, policies, requests, and whole lives of requests over several providers.
 * Facts of one machine are in machine-generators.ts, arbitrary events of the catalogue in recorded-events.ts.
 */
import fc from 'fast-check'
import type { DomainEvent, RequestAdmitted } from '#domain/events.ts'
import type { FailureReason, FailureTag } from '#domain/failure.ts'
import { modelId, type ProviderId, providerId, requestId } from '#domain/ids.ts'
import {
  type BreakerPolicy,
  defaultPolicy,
  defaultTimeouts,
  type Policy,
  type ProviderPolicy,
  type ShadowRouting,
  STRATEGIES,
} from '#domain/policy.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { usages } from '#test/recorded-events.ts'

/** A time at which nothing special happens; histories begin here. */
export const EPOCH = 1_800_000_000_000
export const PROVIDERS = ['vertex', 'openrouter', 'anthropic', 'local'].map(providerId)
/** What requests need and providers lack. */
export const NEEDS = ['source:url', 'tool:web_search_20250305'] as const
export const MODELS = ['claude-sonnet-5-5', 'claude-haiku-4-5', 'claude-opus-5'].map(modelId)

export const draws = fc
  .double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  .map((value) => (value === 0 ? 0 : value))

// ---- failures ------------------------------------------------------------------------------------------------------

/** One of each reason, at least; the table of failure.test.ts and every enumeration use these. */
export const everyReason: { readonly [T in FailureTag]: readonly Extract<FailureReason, { readonly _tag: T }>[] } = {
  RateLimited: [{ _tag: 'RateLimited' }, { _tag: 'RateLimited', until: EPOCH + 60_000, status: 429 }],
  Overloaded: [{ _tag: 'Overloaded' }, { _tag: 'Overloaded', until: EPOCH + 60_000, status: 529 }],
  Timeout: (['connect', 'headers', 'firstContent', 'idle', 'progress', 'deadline'] as const).map((phase) => ({
    _tag: 'Timeout',
    phase,
  })),
  ServerError: [{ _tag: 'ServerError' }, { _tag: 'ServerError', status: 503, until: EPOCH + 5_000 }],
  Transport: [
    { _tag: 'Transport', code: 'ECONNREFUSED', connect: true },
    { _tag: 'Transport', code: 'ECONNRESET', connect: false },
  ],
  CredentialRefused: [
    { _tag: 'CredentialRefused', whose: 'gateway', status: 401 },
    { _tag: 'CredentialRefused', whose: 'client', status: 401 },
  ],
  QuotaExhausted: [{ _tag: 'QuotaExhausted' }, { _tag: 'QuotaExhausted', until: EPOCH + 7_200_000, status: 402 }],
  Retired: [{ _tag: 'Retired', status: 410 }],
  InvalidRequest: [
    { _tag: 'InvalidRequest', status: 400 },
    { _tag: 'InvalidRequest', status: 404 },
  ],
  ContextTooLong: [
    { _tag: 'ContextTooLong', status: 400 },
    { _tag: 'ContextTooLong', status: 400, limit: 'provider' },
  ],
  FeatureRefused: [
    { _tag: 'FeatureRefused', status: 400, features: ['beta:effort-2025-11-24'] },
    { _tag: 'FeatureRefused', features: [] },
  ],
  ContentRefused: [{ _tag: 'ContentRefused', status: 400 }],
  MalformedOutput: [{ _tag: 'MalformedOutput', detail: 'not an event stream' }],
  BudgetExceeded: [
    { _tag: 'BudgetExceeded', budget: 'daily' },
    { _tag: 'BudgetExceeded', budget: 'daily', until: EPOCH + 3_600_000 },
  ],
  Cancelled: [
    { _tag: 'Cancelled', by: 'client' },
    { _tag: 'Cancelled', by: 'shutdown' },
  ],
  Unknown: [{ _tag: 'Unknown' }],
}

export const allReasons: readonly FailureReason[] = Object.values(everyReason).flat()

/** Any reason; a told time lies from a minute before `at` to an hour and a half after it, and once in a while a month. */
export const reasonsAt = (at: number): fc.Arbitrary<FailureReason> =>
  fc
    .tuple(
      fc.constantFrom(...allReasons),
      fc.oneof(fc.integer({ min: -60_000, max: 5_400_000 }), fc.constant(30 * 86_400_000)),
    )
    .map(([reason, ahead]) => ('until' in reason ? { ...reason, until: at + ahead } : reason))

// ---- policies ------------------------------------------------------------------------------------------------------

const ms = (min: number, max: number) => fc.integer({ min, max })

/** Small numbers, so that short histories reach every rule. */
export const breakers: fc.Arbitrary<BreakerPolicy> = fc.record({
  consecutiveFailures: ms(1, 6),
  consecutiveConnectFailures: ms(1, 4),
  failureRateShare: fc.constantFrom(0.3, 0.5, 0.9),
  minimumOutcomes: ms(1, 12),
  windowMs: fc.constantFrom(12_000, 60_000),
  openBaseMs: ms(1, 20_000),
  openCapMs: ms(20_000, 100_000),
  openJitterShare: fc.constantFrom(0, 0.2, 0.5),
  forgiveAfterMs: ms(0, 200_000),
  probeSuccesses: ms(1, 3),
  probeLeaseMs: ms(1_000, 60_000),
  rampMs: ms(0, 60_000),
  rampFloorShare: fc.constantFrom(0, 0.1, 1),
  throttleBaseMs: ms(1, 2_000),
  throttleCapMs: ms(2_000, 60_000),
  throttleMaxMs: ms(1_000, 3_600_000),
  credentialRetryMs: ms(1, 600_000),
  quotaRetryMs: ms(1, 3_600_000),
})

const modelMaps = fc.constantFrom<ProviderPolicy['models']>(
  {},
  { 'claude-*': 'anthropic/claude-*' },
  { 'claude-haiku-*': 'qwen3:30b' },
  { 'gpt-*': '*' },
)

const providerOf = (id: ProviderId): fc.Arbitrary<ProviderPolicy> =>
  fc
    .tuple(
      fc.record({
        enabled: fc.boolean(),
        priority: fc.integer({ min: 0, max: 2 }),
        models: modelMaps,
        breaker: breakers,
      }),
      fc.record(
        {
          maxInputTokens: ms(1, 200_000),
          endpoint: fc.constantFrom('first', 'second'),
          naming: fc.constantFrom('api' as const, 'vertex' as const),
          lacks: fc.subarray([...NEEDS]),
        },
        { requiredKeys: [] },
      ),
    )
    .map(([some, may]) => ({ id, kind: 'anthropic', timeouts: defaultTimeouts, ...some, ...may }))

const factorWeights = { headroom: fc.nat(4), performance: fc.nat(3), cost: fc.nat(2), reliability: fc.nat(1) }
const routingParts = {
  strategy: fc.constantFrom(...STRATEGIES),
  limitThreshold: fc.constantFrom(0.5, 0.8, 1),
  substitutes: fc.constantFrom<Policy['routing']['substitutes'][]>('last', 'equal'),
  explorationShare: fc.constantFrom(0, 0, 0.1),
  maxFallbacks: fc.nat(4),
}

/** Whatever a shadow policy can do otherwise, or nothing. */
export const shadowRoutings: fc.Arbitrary<ShadowRouting> = fc.record(
  { ...routingParts, weights: fc.record(factorWeights, { requiredKeys: [] }) },
  { requiredKeys: [] },
)

const liveRoutings: fc.Arbitrary<Policy['routing']> = fc.record({
  ...routingParts,
  weights: fc.record(factorWeights),
  fallbackDelayMs: fc.constant(defaultPolicy.routing.fallbackDelayMs),
  deadlineMs: fc.constant(defaultPolicy.routing.deadlineMs),
})
const routings: fc.Arbitrary<Policy['routing']> = fc.oneof(
  liveRoutings,
  fc.tuple(liveRoutings, shadowRoutings).map(([routing, shadow]) => ({ ...routing, shadow })),
)

/** Up to four providers in any order, with any routing, half of them beside a shadow, and any retry budget. */
export const policies: fc.Arbitrary<Policy> = fc
  .record({
    providers: fc.shuffledSubarray([...PROVIDERS]).chain((ids) => fc.tuple(...ids.map(providerOf))),
    routing: routings,
    retryBudget: fc.record({
      tokens: fc.nat(20),
      perSuccess: fc.constantFrom(0, 0.1, 0.2, 0.5),
      reserve: fc.nat(10),
    }),
  })
  .map((some) => ({ ...defaultPolicy, ...some }))

// ---- requests ------------------------------------------------------------------------------------------------------

export const requestNamed = (n: number) => requestId(`req_${String(n).padStart(22, '0')}`)

export const requestsNumbered = (n: number): fc.Arbitrary<RequestAdmitted> =>
  fc
    .tuple(
      fc.record({ model: fc.constantFrom(...MODELS), stream: fc.boolean(), bodyBytes: fc.nat(1_000_000), draw: draws }),
      fc.record({ imageBytes: fc.nat(1_000_000), needs: fc.subarray([...NEEDS]) }, { requiredKeys: [] }),
    )
    .map(([some, may]) => ({
      _tag: 'RequestAdmitted' as const,
      requestId: requestNamed(n),
      messages: 3,
      tools: 12,
      images: may.imageBytes === undefined ? 0 : 1,
      ...some,
      ...may,
    }))

export const requests: fc.Arbitrary<RequestAdmitted> = fc.nat(1_000).chain(requestsNumbered)

/** What an attempt that succeeded tells besides its name and its times. */
export const served = {
  status: 200,
  usage: { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWrite5mTokens: 4, cacheWrite1hTokens: 5 },
  stopReason: 'end_turn',
  ttftMs: 100,
  responseBytes: 1_000,
}

// ---- lives of requests ---------------------------------------------------------------------------------------------

const lives = fc.record({
  passes: fc.nat(90_000),
  failing: fc.array(
    fc.record({
      provider: fc.constantFrom(...PROVIDERS),
      lasts: fc.nat(30_000),
      reason: reasonsAt(EPOCH),
      usage: fc.option(usages),
    }),
    { maxLength: 3 },
  ),
  last: fc.record({ provider: fc.constantFrom(...PROVIDERS), lasts: fc.nat(300_000), usage: usages }),
  end: fc.constantFrom('succeeds', 'fails', 'isCancelled', 'isAbandoned', 'isAbandonedIdle', 'staysOpen'),
  draw: draws,
})

/**
 * Valid lives of up to `max` requests over several providers, interleaved, in order of time: an admission first, attempts
 * numbered from 1 and one at a time, at most one terminal event, which is the last.
 */
export const histories = (max = 12): fc.Arbitrary<readonly Occurred[]> =>
  fc.array(lives, { maxLength: max }).chain((all) =>
    fc.tuple(...all.map((_, n) => requestsNumbered(n))).map((admissions) => {
      let admittedAt = EPOCH
      return all
        .flatMap((life, n) => {
          admittedAt += life.passes
          return live(admissions[n]!, admittedAt, life)
        })
        .toSorted((a, b) => a.occurredAt - b.occurredAt)
    }),
  )

const live = (
  admitted: RequestAdmitted,
  admittedAt: number,
  life: typeof lives extends fc.Arbitrary<infer L> ? L : never,
) => {
  const { requestId: id, model } = admitted
  const happened: Occurred[] = []
  let now = admittedAt
  const happens = (event: DomainEvent) => happened.push({ event, occurredAt: now, writer: 'box' })
  happens(admitted)
  let attempt = 0
  const starts = (provider: ProviderId) => {
    attempt += 1
    happens({ _tag: 'AttemptStarted', requestId: id, attempt, provider, model })
    return { requestId: id, attempt, provider, model }
  }
  for (const { provider, lasts, reason, usage } of life.failing) {
    const named = starts(provider)
    now += lasts
    const reported = usage === null ? {} : { usage }
    happens({ _tag: 'AttemptFailed', ...named, reason, stage: 'S0', durationMs: lasts, draw: life.draw, ...reported })
  }
  const { provider, lasts, usage } = life.last
  switch (life.end) {
    case 'fails':
      happens({ _tag: 'RequestFailed', requestId: id, attempts: attempt, status: 529, reason: { _tag: 'Unknown' } })
      break
    case 'isAbandonedIdle':
      now += lasts
      happens({ _tag: 'RequestAbandoned', requestId: id, attempts: attempt })
      break
    case 'succeeds': {
      const named = starts(provider)
      now += lasts
      happens({ _tag: 'AttemptSucceeded', ...named, ...served, usage, ttftMs: lasts / 2, durationMs: lasts })
      break
    }
    case 'isCancelled': {
      const named = starts(provider)
      now += lasts
      const reason = { _tag: 'Cancelled', by: 'client' } as const
      happens({ _tag: 'AttemptFailed', ...named, reason, stage: 'S2', durationMs: lasts, draw: life.draw, usage })
      happens({ _tag: 'RequestCancelled', requestId: id, attempts: attempt, by: 'client' })
      break
    }
    case 'isAbandoned':
      starts(provider)
      now += lasts
      happens({ _tag: 'RequestAbandoned', requestId: id, attempts: attempt, provider })
      break
    default:
      starts(provider)
  }
  return happened
}
