/**
 * fast-check generators for the pure core: policies, requests, facts of one machine, and whole lives of requests over
 * several providers. Arbitrary events of the catalogue, valid or not, are in recorded-events.ts.
 */
import fc from 'fast-check'
import type { MachineFact, ProviderSnapshot } from '#actors/provider-machine.ts'
import { untroubled } from '#actors/provider-rules.ts'
import type { DomainEvent, RequestAdmitted } from '#domain/events.ts'
import type { FailureReason, FailureTag } from '#domain/failure.ts'
import { modelId, type ProviderId, providerId, requestId } from '#domain/ids.ts'
import { type BreakerPolicy, defaultPolicy, defaultTimeouts, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { usages } from '#test/recorded-events.ts'

/** A time at which nothing special happens; histories begin here. */
export const EPOCH = 1_800_000_000_000
export const PROVIDERS = ['vertex', 'openrouter', 'anthropic', 'local'].map(providerId)
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
  ContextTooLong: [{ _tag: 'ContextTooLong', status: 400 }],
  ContentRefused: [{ _tag: 'ContentRefused', status: 400 }],
  MalformedOutput: [{ _tag: 'MalformedOutput', detail: 'not an event stream' }],
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
      fc.option(ms(1, 200_000), { nil: undefined }),
    )
    .map(([some, maxInputTokens]) => ({
      id,
      kind: 'anthropic',
      timeouts: defaultTimeouts,
      ...some,
      ...(maxInputTokens === undefined ? {} : { maxInputTokens }),
    }))

/** Up to four providers in any order, with any number of fallbacks and any retry budget. */
export const policies: fc.Arbitrary<Policy> = fc
  .record({
    providers: fc.shuffledSubarray([...PROVIDERS]).chain((ids) => fc.tuple(...ids.map(providerOf))),
    maxFallbacks: fc.nat(4),
    retryBudget: fc.record({
      tokens: fc.nat(20),
      perSuccess: fc.constantFrom(0, 0.1, 0.2, 0.5),
      reserve: fc.nat(10),
    }),
  })
  .map(({ providers, maxFallbacks, retryBudget }) => ({
    ...defaultPolicy,
    providers,
    routing: { ...defaultPolicy.routing, maxFallbacks },
    retryBudget,
  }))

// ---- requests ------------------------------------------------------------------------------------------------------

const requestNamed = (n: number) => requestId(`req_${String(n).padStart(22, '0')}`)

export const requestsNumbered = (n: number): fc.Arbitrary<RequestAdmitted> =>
  fc
    .record({ model: fc.constantFrom(...MODELS), stream: fc.boolean(), bodyBytes: fc.nat(1_000_000), draw: draws })
    .map((some) => ({
      _tag: 'RequestAdmitted' as const,
      requestId: requestNamed(n),
      messages: 3,
      tools: 12,
      images: 0,
      ...some,
    }))

export const requests: fc.Arbitrary<RequestAdmitted> = fc.nat(1_000).chain(requestsNumbered)

// ---- one machine ---------------------------------------------------------------------------------------------------

/** A fact and the epoch ms at which it occurs. */
export interface Timed<F> {
  readonly fact: F
  readonly at: number
}

/** Facts as they could only come from a broken world: any tag, any request, any order, the clock set back now and then. */
export const wildMachineFacts: fc.Arbitrary<readonly Timed<MachineFact>[]> = fc
  .array(
    fc.record({
      tag: fc.constantFrom<MachineFact['_tag']>(
        'AttemptStarted',
        'AttemptSucceeded',
        'AttemptFailed',
        'AttemptFailed',
        'RequestAbandoned',
        'CooldownElapsed',
        'ProbeLeaseExpired',
      ),
      request: fc.nat(4),
      attempt: fc.integer({ min: 1, max: 2 }),
      passes: fc.oneof(fc.nat(2_000), fc.nat(120_000), fc.integer({ min: -5_000, max: 0 })),
      durationMs: fc.oneof(fc.nat(1_000), fc.nat(300_000)),
      lease: fc.option(fc.nat(60_000), { nil: undefined }),
      reason: reasonsAt(0),
      draw: draws,
    }),
    { maxLength: 60 },
  )
  .map((rows) => {
    let at = EPOCH
    return rows.map((row) => {
      at += row.passes
      return { fact: wildFact(row, at), at }
    })
  })

const wildFact = (
  row: {
    readonly tag: MachineFact['_tag']
    readonly request: number
    readonly attempt: number
    readonly durationMs: number
    readonly lease: number | undefined
    readonly reason: FailureReason
    readonly draw: number
  },
  at: number,
): MachineFact => {
  const provider = PROVIDERS[0]!
  const { attempt, durationMs, draw } = row
  const named = { requestId: requestNamed(row.request), attempt, provider, model: MODELS[0]! }
  switch (row.tag) {
    case 'AttemptStarted':
      return { _tag: row.tag, ...named, ...(row.lease === undefined ? {} : { probe: { leaseUntil: at + row.lease } }) }
    case 'AttemptSucceeded':
      return { _tag: row.tag, ...named, durationMs, ...served }
    case 'AttemptFailed': {
      const reason = 'until' in row.reason ? { ...row.reason, until: at + (row.reason.until ?? 0) } : row.reason
      return { _tag: row.tag, ...named, durationMs, stage: 'S0', draw, reason }
    }
    case 'RequestAbandoned':
      return { _tag: row.tag, requestId: named.requestId, attempts: attempt, provider }
    default:
      return { _tag: row.tag, provider }
  }
}

const served = {
  status: 200,
  usage: { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWrite5mTokens: 4, cacheWrite1hTokens: 5 },
  stopReason: 'end_turn',
  ttftMs: 100,
  responseBytes: 1_000,
}

/** One snapshot of each state, and of each variety that decides differently. */
export const snapshotsOfEveryState: readonly ProviderSnapshot[] = [
  { state: 'healthy', context: untroubled },
  {
    state: 'healthy',
    context: { ...untroubled, ramp: { from: EPOCH, until: EPOCH + 60_000 }, level: 1, evidenceFrom: EPOCH },
  },
  { state: 'throttled', context: { ...untroubled, until: EPOCH + 1_000, throttleLevel: 1 } },
  {
    state: 'throttled',
    context: {
      ...untroubled,
      circuitClosed: false,
      level: 1,
      until: EPOCH + 1_000,
      throttleLevel: 1,
      probe: { requestId: requestNamed(0), attempt: 1, leaseUntil: EPOCH + 500 },
    },
  },
  {
    state: 'openCircuit',
    context: { ...untroubled, circuitClosed: false, level: 1, until: EPOCH + 1_000, evidenceFrom: EPOCH + 1_000 },
  },
  { state: 'halfOpen', context: { ...untroubled, circuitClosed: false, level: 1, until: EPOCH } },
  {
    state: 'halfOpen',
    context: {
      ...untroubled,
      circuitClosed: false,
      level: 1,
      until: EPOCH,
      probe: { requestId: requestNamed(0), attempt: 1, leaseUntil: EPOCH + 500 },
    },
  },
]

/** One fact of each kind and, for failures, of each reason. */
export const machineFactsOfEveryKind: readonly MachineFact[] = (() => {
  const row = { request: 0, attempt: 1, durationMs: 100, lease: undefined, reason: allReasons[0]!, draw: 0.5 }
  return [
    wildFact({ ...row, tag: 'AttemptStarted' }, EPOCH),
    wildFact({ ...row, tag: 'AttemptStarted', lease: 1_000 }, EPOCH),
    wildFact({ ...row, tag: 'AttemptSucceeded' }, EPOCH),
    ...allReasons.map((reason) => wildFact({ ...row, tag: 'AttemptFailed', reason }, 0)),
    wildFact({ ...row, tag: 'RequestAbandoned' }, EPOCH),
    wildFact({ ...row, tag: 'CooldownElapsed' }, EPOCH),
    wildFact({ ...row, tag: 'ProbeLeaseExpired' }, EPOCH),
  ]
})()

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
