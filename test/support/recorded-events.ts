/**
 * Events for tests: realistic request flows with ids of true length, and fast-check generators of every event and of whole
 * well-formed histories (each request: one admission first, at most one terminal event last).
 */
import fc from 'fast-check'
import type { SkipReason } from '#domain/decisions.ts'
import type { DomainEvent, LimitReading, Stage } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import {
  ALERT_KINDS,
  defaultBreaker,
  defaultPolicy,
  defaultTimeouts,
  type LimitPolicy,
  type Policy,
  type ShadowRouting,
  STRATEGIES,
} from '#domain/policy.ts'
import { type NewEvent, streamOf } from '#domain/recorded-event.ts'
import type { Usage } from '#domain/usage.ts'

/**
 * Gives events their envelopes, as the ledger would: one writer counting from 1, stream versions from 1, time passing.
 * Call the returned function again to go on where it stopped.
 */
export const envelopes = (
  writer = 'box_3kTMd82hVbQ9',
  startAt = 1_780_000_000_000,
  /** The last version of each stream; shared by writers that take turns on one log. */
  versions = new Map<string, number>(),
) => {
  let writerSeq = 0
  return (events: readonly DomainEvent[]): readonly NewEvent[] =>
    events.map((event) => {
      const stream = streamOf(event)
      const streamVersion = (versions.get(stream) ?? 0) + 1
      versions.set(stream, streamVersion)
      writerSeq += 1
      return {
        event,
        stream,
        streamVersion,
        occurredAt: startAt + writerSeq * 137,
        writer,
        writerSeq,
        ...('requestId' in event ? { correlation: event.requestId } : {}),
        ...('requestId' in event && streamVersion > 1 ? { causation: writerSeq - 1 } : {}),
      }
    })
}

/** The four events of a request that its first candidate served, with field lengths as in production. */
export const servedRequest = (n: number): readonly DomainEvent[] => {
  const id = requestId(`req_${mix(n)}${mix(n + 7_919)}`.slice(0, 26))
  const provider = providerId('vertex')
  const model = modelId('claude-sonnet-5-5-20260929')
  return [
    {
      _tag: 'RequestAdmitted',
      requestId: id,
      model,
      stream: true,
      maxTokens: 32_000,
      bodyBytes: 187_345 + n,
      messages: 41,
      tools: 23,
      images: 0,
      sessionId: '7b0c6a52-3c0e-4f6e-9a51-0a8f3f9d1c77',
      draw: ((n * 0.618_033_988_749_895) % 1) + 0.000_000_000_012_34,
    },
    {
      _tag: 'RouteChosen',
      requestId: id,
      strategy: 'intelligent',
      policyVersion: 3,
      order: [provider, providerId('openrouter'), providerId('anthropic')],
      factors: {
        headroom: [0.9731, 0.8125, 0.41],
        performance: [0.7712, 0.6833, 0.9021],
        cost: [0.6612, 0.5913, 0.4874],
        reliability: [0.9984, 0.9871, 0.9999],
        score: [0.8723, 0.7541, 0.7015],
      },
      skipped: [{ provider: providerId('github'), reason: 'inputTooLarge' }],
      propensity: 0.95,
    },
    { _tag: 'AttemptStarted', requestId: id, attempt: 1, provider, model },
    {
      _tag: 'AttemptSucceeded',
      requestId: id,
      attempt: 1,
      provider,
      model,
      status: 200,
      usage: {
        inputTokens: 312,
        outputTokens: 1_854,
        cacheReadTokens: 84_211,
        cacheWrite5mTokens: 2_044,
        cacheWrite1hTokens: 0,
      },
      stopReason: 'tool_use',
      ttftMs: 1_834,
      durationMs: 28_411,
      responseBytes: 48_220,
      upstreamRequestId: 'req_vrtx_011CTq8Jw2Zk5Yb7Rr3LmN4P',
    },
  ]
}

/** Eleven base-62 characters that look drawn at random but depend on n only. */
const mix = (n: number): string => {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  let state = (n + 1) * 2_654_435_761
  let text = ''
  for (let i = 0; i < 11; i++) {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) >>> 0
    text += alphabet[state % 62]
  }
  return text
}

// ---- generators ----------------------------------------------------------------------------------------------------

const count = fc.nat(2_000_000)
const attempt = fc.integer({ min: 1, max: 4 })
const text = fc.string({ unit: 'grapheme', maxLength: 40 })
/** −0 is not told from 0 by JSON, so it is not an event's value. */
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((value) => (value === 0 ? 0 : value))
const time = fc.integer({ min: 0, max: 4_000_000_000_000 })
const provider = fc.constantFrom('vertex', 'openrouter', 'anthropic', 'ollama').map(providerId)
const model = fc.constantFrom('claude-sonnet-5-5', 'qwen3:30b', 'openai/gpt-4.1', 'модель-ü-模型').map(modelId)
const anyRequest = fc.stringMatching(/^req_[0-9A-Za-z]{22}$/).map(requestId)

/** Every optional key present or absent, never undefined. */
const record = <R extends object, O extends object>(
  required: { [K in keyof R]: fc.Arbitrary<R[K]> },
  optional: { [K in keyof O]: fc.Arbitrary<O[K]> } = {} as { [K in keyof O]: fc.Arbitrary<O[K]> },
): fc.Arbitrary<R & Partial<O>> =>
  fc
    .tuple(fc.record(required), fc.record(optional, { requiredKeys: [] }))
    .map(([must, may]) => ({ ...must, ...may }) as R & Partial<O>)

const tagged = <T extends string, R extends object, O extends object>(
  tag: T,
  required: { [K in keyof R]: fc.Arbitrary<R[K]> },
  optional?: { [K in keyof O]: fc.Arbitrary<O[K]> },
) => record(required, optional).map((fields) => ({ _tag: tag, ...fields }) as { readonly _tag: T } & R & Partial<O>)

export const usages: fc.Arbitrary<Usage> = fc.record({
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWrite5mTokens: count,
  cacheWrite1hTokens: count,
})

const reading = record(
  {
    limit: fc.constantFrom<LimitReading['limit']>('requests', 'input', 'output', 'tokens'),
    window: fc.constantFrom<LimitReading['window']>('minute', 'day'),
  },
  { size: finite, remaining: finite, resetAt: time },
)

const rates = { input: share, output: share, cacheRead: share, cacheWrite5m: share, cacheWrite1h: share }
const limitPolicy = fc.record<Required<LimitPolicy>>(
  {
    requestsPerMinute: count,
    requestsPerDay: count,
    inputTokensPerMinute: count,
    outputTokensPerMinute: count,
    tokensPerMinute: count,
    maxConcurrent: count,
    countsCachedInput: fc.boolean(),
    window: fc.constantFrom('bucket', 'fixed'),
  },
  { requiredKeys: [] },
)
const weightParts = { headroom: share, performance: share, cost: share, reliability: share }
const routingParts = {
  strategy: fc.constantFrom(...STRATEGIES),
  limitThreshold: share,
  substitutes: fc.constantFrom('last' as const, 'equal' as const),
  explorationShare: share,
}
const policy: fc.Arbitrary<Policy> = fc
  .tuple(
    record(
      { ...routingParts, weights: fc.record(weightParts) },
      {
        shadow: fc.record<Required<ShadowRouting>>(
          { ...routingParts, weights: fc.record(weightParts, { requiredKeys: [] }), maxFallbacks: count },
          { requiredKeys: [] },
        ),
      },
    ),
    fc.uniqueArray(provider, { maxLength: 3 }),
    record(
      {},
      {
        limits: limitPolicy,
        prices: fc.dictionary(
          fc.constantFrom('*', 'claude-*', 'ü'),
          record(rates, { tier: fc.record({ abovePromptTokens: count, ...rates }) }),
          { noNullPrototype: true },
        ),
      },
    ),
  )
  .map(([routing, ids, told]) => ({
    ...defaultPolicy,
    routing: { ...defaultPolicy.routing, ...routing },
    providers: ids.map((id) => ({
      ...{ id, kind: 'anthropic', enabled: true, priority: 1, models: {} },
      ...{ breaker: defaultBreaker, timeouts: defaultTimeouts },
      ...told,
    })),
  }))

const status = fc.integer({ min: 400, max: 599 })
const features = fc.array(fc.constantFrom('beta:effort-2025-11-24', 'field:output_config', 'param:top_k'), {
  maxLength: 3,
})
export const failureReasons: fc.Arbitrary<FailureReason> = fc.oneof(
  tagged('RateLimited', {}, { until: time, status }),
  tagged('Overloaded', {}, { until: time, status }),
  tagged('Timeout', { phase: fc.constantFrom('connect' as const, 'idle' as const, 'deadline' as const) }),
  tagged('ServerError', {}, { until: time, status }),
  tagged('Transport', { code: fc.constantFrom('ECONNREFUSED', 'ECONNRESET'), connect: fc.boolean() }),
  tagged('CredentialRefused', { whose: fc.constantFrom('client' as const, 'gateway' as const) }, { status }),
  tagged('QuotaExhausted', {}, { until: time, status }),
  tagged('Retired', {}, { status }),
  tagged('InvalidRequest', {}, { status }),
  tagged('ContextTooLong', {}, { status, limit: fc.constant('provider' as const) }),
  tagged('FeatureRefused', { features }, { status }),
  tagged('ContentRefused', {}, { status }),
  tagged('MalformedOutput', { detail: text }),
  tagged('BudgetExceeded', { budget: text }, { until: time }),
  tagged('Cancelled', { by: fc.constantFrom('client' as const, 'shutdown' as const) }),
  tagged('Unknown', {}, { status }),
)

const skipReason = fc.constantFrom<SkipReason>(
  'disabled',
  'modelNotMapped',
  'inputTooLarge',
  'circuitOpen',
  'throttled',
  'probeInFlight',
  'retired',
  'featureLacking',
  'limitReached',
  'credentialMissing',
  'credentialRefused',
  'overBudget',
  'priceUnknown',
)
const stage = fc.constantFrom<Stage>('S0', 'S1', 'S2', 'S3')
const trip = fc.constantFrom('consecutive' as const, 'rate' as const, 'probe' as const, 'ramp' as const)

const admitted = (id: fc.Arbitrary<ReturnType<typeof requestId>>) =>
  tagged(
    'RequestAdmitted',
    {
      requestId: id,
      model,
      stream: fc.boolean(),
      bodyBytes: count,
      messages: count,
      tools: count,
      images: count,
      draw: share,
    },
    {
      maxTokens: count,
      imageBytes: count,
      needs: fc.array(text, { maxLength: 3 }),
      sessionId: text,
      agentId: text,
      parentAgentId: text,
      strategy: fc.constantFrom(...STRATEGIES),
      clientKey: text,
      project: text,
      anonymous: fc.constant(true as const),
    },
  )
const routed = (id: fc.Arbitrary<ReturnType<typeof requestId>>) =>
  tagged('RouteChosen', ROUTED(id), {
    rule: text,
    lastResort: fc.constant(true as const),
    regretNanoUsd: count,
    budget: fc.record({ name: text, leftNanoUsd: count, until: time }),
    stepDown: record({ budget: text }, { strategy: fc.constantFrom(...STRATEGIES), model }),
    queue: fc.record({ providers: fc.array(provider, { maxLength: 2 }), until: time }),
    shadow: record(
      { order: fc.array(provider, { maxLength: 4 }) },
      { expectedNanoUsd: count, expectedTtftMs: count, liveTtftMs: count },
    ),
  })
const ROUTED = (id: fc.Arbitrary<ReturnType<typeof requestId>>) => ({
  requestId: id,
  strategy: text,
  policyVersion: count,
  order: fc.array(provider, { maxLength: 4 }),
  factors: fc.dictionary(fc.constantFrom('cost', 'score', 'ü'), fc.array(finite, { maxLength: 4 }), {
    noNullPrototype: true,
  }),
  skipped: fc.array(record({ provider, reason: skipReason }, { until: time }), { maxLength: 3 }),
  propensity: share,
})
const started = (id: fc.Arbitrary<ReturnType<typeof requestId>>) =>
  tagged(
    'AttemptStarted',
    { requestId: id, attempt, provider, model },
    {
      inputTokens: count,
      expectedNanoUsd: count,
      reservedNanoUsd: count,
      switchNanoUsd: count,
      lastResort: fc.constant(true as const),
      probe: fc.record({ leaseUntil: time }),
    },
  )
const failed = (id: fc.Arbitrary<ReturnType<typeof requestId>>) =>
  tagged(
    'AttemptFailed',
    { requestId: id, attempt, provider, model, reason: failureReasons, stage, durationMs: count, draw: share },
    {
      usage: usages,
      costNanoUsd: count,
      estimated: fc.constant(true as const),
      upstreamRequestId: text,
      limits: fc.array(reading, { maxLength: 3 }),
    },
  )
const learned = (id: fc.Arbitrary<ReturnType<typeof requestId>>) =>
  tagged('CapabilityLearned', { requestId: id, provider, model, features, until: time })
const terminal = (id: fc.Arbitrary<ReturnType<typeof requestId>>) =>
  fc.oneof(
    tagged(
      'AttemptSucceeded',
      {
        requestId: id,
        attempt,
        provider,
        model,
        status: fc.constant(200),
        usage: usages,
        stopReason: fc.option(text),
        ttftMs: count,
        durationMs: count,
        responseBytes: count,
      },
      {
        upstreamRequestId: text,
        costNanoUsd: count,
        reportedCostNanoUsd: count,
        cacheSavedNanoUsd: fc.integer({ min: -1_000_000, max: 1_000_000_000 }),
        limits: fc.array(reading, { maxLength: 3 }),
      },
    ),
    tagged('RequestFailed', { requestId: id, attempts: attempt, status, reason: failureReasons }),
    tagged('RequestCancelled', { requestId: id, attempts: attempt, by: fc.constantFrom('client', 'shutdown') }),
    tagged('RequestAbandoned', { requestId: id, attempts: attempt }, { provider, costNanoUsd: count }),
  ) as fc.Arbitrary<DomainEvent>

const alertId = fc.constantFrom('costPerHour', 'providerDown:vertex', 'budget:daily')
const alertKind = fc.constantFrom(...ALERT_KINDS)
const by = fc.constantFrom('cli', 'admin 127.0.0.1')
const keyId = fc.constantFrom('key_1', 'key_2')

/** Events that belong to no request. */
const besideRequests = fc.oneof(
  tagged('BoxStarted', { instance: text, version: text }, { shared: fc.constant(true as const) }),
  tagged('PeersHeard', { upTo: count }),
  tagged('InstanceLost', { instance: text }),
  tagged('BoxStopped', { instance: text }, { signal: text }),
  tagged('ConfigChanged', { source: fc.constantFrom('file', 'signal'), changed: fc.array(text) }),
  tagged('PolicyChanged', { version: count, policy }),
  tagged('CooldownElapsed', { provider }),
  tagged('ProbeLeaseExpired', { provider }),
  tagged('ProviderThrottled', { provider, until: time, because: failureReasons, level: attempt }),
  tagged('ProviderRecovered', { provider }),
  tagged('CircuitOpened', { provider, until: time, because: failureReasons, trip, level: attempt }),
  tagged('CircuitHalfOpened', { provider }),
  tagged('CircuitClosed', { provider, rampUntil: time }),
  tagged('ProviderRetired', { provider, because: failureReasons }),
  tagged('SunsetAnnounced', { provider, model }, { sunsetAt: time, deprecatedAt: time }),
  tagged('ProviderChecked', { provider, ok: fc.boolean(), durationMs: count }, { reason: failureReasons }),
  tagged('BreakerReset', { provider, by }),
  tagged('SettingOverridden', {
    path: fc.constantFrom('routing.strategy', 'providers.vertex.enabled'),
    value: fc.constantFrom(null, 'cost', false, 0.5, { headroom: 1 }),
    by,
  }),
  tagged(
    'ClientKeyCreated',
    { keyId, name: text, digest: text, by },
    { models: fc.array(text, { maxLength: 2 }), requestsPerMinute: count, expiresAt: time },
  ),
  tagged('ClientKeyRevoked', { keyId, by }),
  tagged('BudgetSeeded', {
    budget: fc.constantFrom('daily', 'each'),
    subject: fc.constantFrom('', 'a'),
    periodStart: time,
    until: time,
    spentNanoUsd: count,
  }),
  tagged('AlertRaised', {
    alertId,
    kind: alertKind,
    subject: text,
    severity: fc.constantFrom('info' as const, 'warning' as const, 'critical' as const),
    value: finite,
    threshold: finite,
  }),
  tagged('AlertCleared', { alertId, value: finite }),
  tagged('AlertDelivered', {
    channel: text,
    news: fc.array(fc.record({ alertId, at: time, change: fc.constantFrom('raised' as const, 'cleared' as const) }), {
      maxLength: 2,
    }),
  }),
  tagged('AlertsSilenced', { until: time, by }, { kind: alertKind, subject: text }),
  tagged('CaptureRead', { requestId: anyRequest, by }),
  tagged('LogArchived', { upTo: count, events: count, file: text, by }),
) as fc.Arbitrary<DomainEvent>

/** Any one event of the catalogue. */
export const domainEvents: fc.Arbitrary<DomainEvent> = fc.oneof(
  admitted(anyRequest),
  routed(anyRequest),
  started(anyRequest),
  failed(anyRequest),
  learned(anyRequest),
  terminal(anyRequest),
  besideRequests,
) as fc.Arbitrary<DomainEvent>

const oneRequest: fc.Arbitrary<readonly DomainEvent[]> = anyRequest.chain((id) => {
  const same = fc.constant(id)
  return fc
    .tuple(
      admitted(same),
      routed(same),
      fc.array(fc.tuple(started(same), failed(same), fc.option(learned(same), { nil: undefined })), { maxLength: 2 }),
      fc.option(terminal(same), { nil: undefined }),
    )
    .map(([first, route, attempts, last]) =>
      [first, route, ...attempts.flat(), last].filter((one) => one !== undefined),
    )
}) as fc.Arbitrary<readonly DomainEvent[]>

/** What happens in a well-formed log, in order: requests and other events interleaved, each request in its own order. */
export const happenings = (maxRequests = 8): fc.Arbitrary<readonly DomainEvent[]> =>
  fc
    .tuple(
      fc.uniqueArray(oneRequest, { maxLength: maxRequests, selector: (flow) => streamOf(flow[0]!) }),
      fc.array(besideRequests, { maxLength: 8 }),
      fc.array(fc.nat(1_000), { minLength: 8, maxLength: 60 }),
    )
    .map(([requests, others, picks]) => {
      const queues = [...requests.map((flow) => [...flow]), [...others]].filter((queue) => queue.length > 0)
      const mixed: DomainEvent[] = []
      while (queues.length > 0) {
        const at = (picks[mixed.length % picks.length] ?? 0) % queues.length
        const queue = queues[at]!
        mixed.push(queue.shift()!)
        if (queue.length === 0) queues.splice(at, 1)
      }
      return mixed
    })

/** A whole well-formed log of one writer. */
export const histories = (maxRequests = 8): fc.Arbitrary<readonly NewEvent[]> =>
  happenings(maxRequests).map((events) => envelopes()(events))
