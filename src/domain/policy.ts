/**
 * Everything that decisions depend on besides facts. It enters the log as `PolicyChanged`, so a replay decides under the
 * policy that was in force. Numbers are the recommended parameters of docs/adr/0006; durations end in Ms, shares in Share.
 */
import { Schema } from 'effect'
import { ProviderId } from '#domain/ids.ts'

const Ms = Schema.Finite
const Share = Schema.Finite

export const BreakerPolicy = Schema.Struct({
  /** Open after so many provider failures in a row … */
  consecutiveFailures: Schema.Int,
  /** … or so many failures to connect in a row … */
  consecutiveConnectFailures: Schema.Int,
  /** … or when this share of at least `minimumOutcomes` outcomes in the window failed. */
  failureRateShare: Share,
  minimumOutcomes: Schema.Int,
  windowMs: Ms,
  /** The first open time; doubles with each re-opening up to the cap, ± jitter. */
  openBaseMs: Ms,
  openCapMs: Ms,
  openJitterShare: Share,
  /** After so long without opening, the next opening starts again from the base. */
  forgiveAfterMs: Ms,
  /** Successful probes that close the circuit. */
  probeSuccesses: Schema.Int,
  /** A probe that has not answered by then gives its lease back. */
  probeLeaseMs: Ms,
  /** After closing, the share of traffic admitted grows from rampFloorShare to 1 over this time. */
  rampMs: Ms,
  rampFloorShare: Share,
  /** A 429 without a time: full-jitter back-off from this base … */
  throttleBaseMs: Ms,
  /** … to this cap. */
  throttleCapMs: Ms,
  /** Longest `retry-after` that is believed. */
  throttleMaxMs: Ms,
  /** A refused credential is tried again after this. */
  credentialRetryMs: Ms,
  /** An exhausted quota without a reset time is tried again after this. */
  quotaRetryMs: Ms,
})
export type BreakerPolicy = typeof BreakerPolicy.Type

export const TimeoutPolicy = Schema.Struct({
  connectMs: Ms,
  headersMs: Ms,
  firstContentMs: Ms,
  idleMs: Ms,
  progressMs: Ms,
})
export type TimeoutPolicy = typeof TimeoutPolicy.Type

/** How a provider spells the names of Claude models that no pattern maps; see claude-models.ts. */
export const Naming = Schema.Literals(['api', 'vertex', 'openrouter', 'bedrock-mantle'])
export type Naming = typeof Naming.Type

/** What a provider allows, as the operator or a preset knows it; a header's word replaces it. */
export const LimitPolicy = Schema.Struct({
  requestsPerMinute: Schema.optionalKey(Schema.Int),
  requestsPerDay: Schema.optionalKey(Schema.Int),
  inputTokensPerMinute: Schema.optionalKey(Schema.Int),
  outputTokensPerMinute: Schema.optionalKey(Schema.Int),
  /** Input and output together. */
  tokensPerMinute: Schema.optionalKey(Schema.Int),
  maxConcurrent: Schema.optionalKey(Schema.Int),
  /** Cache reads count as input. */
  countsCachedInput: Schema.optionalKey(Schema.Boolean),
  /** `bucket` refills continuously, `fixed` turns with the minute or the UTC day. Default: bucket. */
  window: Schema.optionalKey(Schema.Literals(['bucket', 'fixed'])),
})
export type LimitPolicy = typeof LimitPolicy.Type

/** USD per million tokens. */
const Prices = {
  input: Schema.Finite,
  output: Schema.Finite,
  cacheRead: Schema.Finite,
  cacheWrite5m: Schema.Finite,
  cacheWrite1h: Schema.Finite,
}
/**
 * - `tier`: prices of the whole request when its prompt has more tokens than that.
 * - `fast`, `geoUs`, `batch`: factors of all prices of tokens, at `speed: fast`, with `inference_geo: us`, in batches; they stack.
 *   Absent: 1.
 * - `webSearchUsd`: USD per 1,000 searches. Absent: not known.
 */
export const ModelPrice = Schema.Struct({
  ...Prices,
  tier: Schema.optionalKey(Schema.Struct({ abovePromptTokens: Schema.Int, ...Prices })),
  fast: Schema.optionalKey(Schema.Finite),
  geoUs: Schema.optionalKey(Schema.Finite),
  batch: Schema.optionalKey(Schema.Finite),
  webSearchUsd: Schema.optionalKey(Schema.Finite),
})
export type ModelPrice = typeof ModelPrice.Type

export const ProviderPolicy = Schema.Struct({
  id: ProviderId,
  kind: Schema.String,
  /** Changes when the provider is asked somewhere else: the way back for a retired one. Not the URL, which may hold secrets. */
  endpoint: Schema.optionalKey(Schema.String),
  naming: Schema.optionalKey(Naming),
  /** Needs of requests (RequestAdmitted.needs) that it cannot meet. */
  lacks: Schema.optionalKey(Schema.Array(Schema.String)),
  /** It is asked with the client's own credential, so it cannot serve a request that brings none. */
  passesCredential: Schema.optionalKey(Schema.Literal(true)),
  enabled: Schema.Boolean,
  /** Lower is tried first by the `priority` strategy. */
  priority: Schema.Finite,
  /** Client model pattern (`*` wildcards) → the provider's model name; empty = every model under its own name. */
  models: Schema.Record(Schema.String, Schema.String),
  /** Requests with a larger estimated input are not sent here. */
  maxInputTokens: Schema.optionalKey(Schema.Int),
  /** It refuses larger bodies, whatever their tokens. */
  maxBodyBytes: Schema.optionalKey(Schema.Int),
  limits: Schema.optionalKey(LimitPolicy),
  /** By pattern of its own model names; the longest wins. */
  prices: Schema.optionalKey(Schema.Record(Schema.String, ModelPrice)),
  breaker: BreakerPolicy,
  timeouts: TimeoutPolicy,
})
export type ProviderPolicy = typeof ProviderPolicy.Type

/** `main`: the loop that the user talks to. `agent`: a sub-agent. `background`: titles, page summaries, web searches. */
export const REQUEST_KINDS = ['main', 'agent', 'background'] as const

export const STRATEGIES = ['intelligent', 'cost', 'performance', 'availability', 'priority'] as const

/** An exception for some requests; the first in order that fits counts. */
export const RouteRule = Schema.Struct({
  name: Schema.String,
  kind: Schema.optionalKey(Schema.Literals(REQUEST_KINDS)),
  /** Pattern of the model that the client asks for. */
  model: Schema.optionalKey(Schema.String),
  /** Instead of the policy's. */
  strategy: Schema.optionalKey(Schema.Literals(STRATEGIES)),
  /** Nobody else may serve. */
  only: Schema.optionalKey(Schema.Array(ProviderId)),
})
export type RouteRule = typeof RouteRule.Type

/**
 * What another routing does otherwise, which decides on every request beside the one in force while nobody acts by it. What
 * is absent is as in force, each weight by itself.
 */
export const ShadowRouting = Schema.Struct({
  strategy: Schema.optionalKey(Schema.Literals(STRATEGIES)),
  weights: Schema.optionalKey(
    Schema.Struct({
      headroom: Schema.optionalKey(Schema.Finite),
      performance: Schema.optionalKey(Schema.Finite),
      cost: Schema.optionalKey(Schema.Finite),
      reliability: Schema.optionalKey(Schema.Finite),
    }),
  ),
  limitThreshold: Schema.optionalKey(Share),
  substitutes: Schema.optionalKey(Schema.Literals(['last', 'equal'])),
  explorationShare: Schema.optionalKey(Share),
  maxFallbacks: Schema.optionalKey(Schema.Int),
})
export type ShadowRouting = typeof ShadowRouting.Type

/** What the box watches for; docs/alerts.md says what each is about and in which unit. */
export const ALERT_KINDS = [
  'costPerHour',
  'costPerDay',
  'costForecast',
  'costSpike',
  'budget',
  'errorRate',
  'latency',
  'providerDown',
  'providerRetired',
  'limitForecast',
  'priceUnknown',
  'logFailing',
  'diskSpace',
] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

export const BUDGET_PERIODS = ['day', 'week', 'month'] as const
/** One budget for each of these, instead of one for all. `agent`: a sub-agent with all that it started. */
export const BUDGET_SUBJECTS = ['key', 'project', 'model', 'session', 'agent'] as const

/** What may be spent in a period, by all requests or by those that fit. */
export const Budget = Schema.Struct({
  name: Schema.String,
  period: Schema.Literals(BUDGET_PERIODS),
  limitNanoUsd: Schema.Int,
  /** Only requests that fit all of these count: the name of a client key, a project, a pattern of the asked model. */
  key: Schema.optionalKey(Schema.String),
  project: Schema.optionalKey(Schema.String),
  model: Schema.optionalKey(Schema.String),
  each: Schema.optionalKey(Schema.Literals(BUDGET_SUBJECTS)),
  /** Absent: it only alerts. Else what happens to a request that does not fit any more. */
  hard: Schema.optionalKey(
    Schema.Struct({
      /** Absent both: the request is refused. */
      strategy: Schema.optionalKey(Schema.Literals(STRATEGIES)),
      model: Schema.optionalKey(Schema.String),
    }),
  ),
})
export type Budget = typeof Budget.Type

export const Policy = Schema.Struct({
  providers: Schema.Array(ProviderPolicy),
  routing: Schema.Struct({
    strategy: Schema.Literals(STRATEGIES),
    /** Of the factors in the strategy `intelligent`; only their proportions count. */
    weights: Schema.Struct({
      headroom: Schema.Finite,
      performance: Schema.Finite,
      cost: Schema.Finite,
      reliability: Schema.Finite,
    }),
    /** A request goes elsewhere when it would use more than this share of a limit. */
    limitThreshold: Share,
    /** Providers that would answer with another model than the asked one: only after all others, or by their score. */
    substitutes: Schema.Literals(['last', 'equal']),
    /** This share of the requests goes to any candidate, to learn about those that are not best. */
    explorationShare: Share,
    rules: Schema.optionalKey(Schema.Array(RouteRule)),
    /** Absent: nobody decides beside it. */
    shadow: Schema.optionalKey(ShadowRouting),
    /** Fallbacks after the primary, so attempts per request are at most maxFallbacks + 1. */
    maxFallbacks: Schema.Int,
    fallbackDelayMs: Ms,
    /** A request for which nobody has room now waits so long for some, before it fails. */
    queueMs: Schema.optionalKey(Ms),
    /** From admission to the first byte or the error. */
    deadlineMs: Ms,
  }),
  retryBudget: Schema.Struct({
    /** Tokens a full bucket holds; each extra attempt takes one, each success gives `perSuccess` back. */
    tokens: Schema.Finite,
    perSuccess: Schema.Finite,
    /** No extra attempt while fewer tokens than this are left. */
    reserve: Schema.Finite,
  }),
  /** IANA name of the time zone in which the operator's days begin; absent: UTC. */
  timeZone: Schema.optionalKey(Schema.String),
  budgets: Schema.optionalKey(Schema.Array(Budget)),
  stream: Schema.Struct({
    /** A stream that is still silent after this gets its response headers, so that the client sees life. */
    commitHeadersAfterMs: Ms,
    /** Longest silence towards the client while content is held back. */
    keepAliveMs: Ms,
  }),
})
export type Policy = typeof Policy.Type

/** Whom the policy names; what is known of others may be forgotten. */
export const providersOf = ({ providers }: Policy): ReadonlySet<ProviderId> => new Set(providers.map(({ id }) => id))

export const defaultBreaker: BreakerPolicy = {
  consecutiveFailures: 5,
  consecutiveConnectFailures: 3,
  failureRateShare: 0.5,
  minimumOutcomes: 10,
  windowMs: 60_000,
  openBaseMs: 10_000,
  openCapMs: 300_000,
  openJitterShare: 0.2,
  forgiveAfterMs: 600_000,
  probeSuccesses: 2,
  probeLeaseMs: 120_000,
  rampMs: 60_000,
  rampFloorShare: 0.1,
  throttleBaseMs: 1_000,
  throttleCapMs: 60_000,
  throttleMaxMs: 24 * 3_600_000,
  credentialRetryMs: 600_000,
  quotaRetryMs: 3_600_000,
}

export const defaultTimeouts: TimeoutPolicy = {
  connectMs: 5_000,
  headersMs: 60_000,
  firstContentMs: 180_000,
  idleMs: 120_000,
  progressMs: 240_000,
}

export const defaultPolicy: Policy = {
  providers: [],
  routing: {
    strategy: 'intelligent',
    weights: { headroom: 0.4, performance: 0.3, cost: 0.2, reliability: 0.1 },
    limitThreshold: 0.8,
    substitutes: 'last',
    explorationShare: 0,
    maxFallbacks: 3,
    fallbackDelayMs: 0,
    deadlineMs: 240_000,
  },
  retryBudget: { tokens: 10, perSuccess: 0.2, reserve: 5 },
  stream: { commitHeadersAfterMs: 15_000, keepAliveMs: 10_000 },
}
