/**
 * The catalogue: every event Signalbox writes. A fact is what happened outside; a decision is what the pure core concluded
 * from facts, and replaying the facts must conclude it again. Past tense, subject first. Times are epoch milliseconds by
 * the box's clock and live on the envelope (`occurredAt`); random draws are data, in [0, 1). No event holds a credential,
 * a prompt or a completion. docs/events.md describes each; a test keeps the two equal.
 *
 * A stored event's meaning never changes: a new shape is a new schema version here plus an upcaster in upcast.ts.
 */
import { Schema } from 'effect'
import { FailureReason } from '#domain/failure.ts'
import { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import { Policy, STRATEGIES } from '#domain/policy.ts'
import { Usage } from '#domain/usage.ts'

const Draw = Schema.Finite
const Ms = Schema.Finite

/** How far a response had come when its attempt ended; docs/adr/0008 tells the stages. */
export const Stage = Schema.Literals(['S0', 'S1', 'S2', 'S3'])
export type Stage = typeof Stage.Type

/** What an answer's headers say of one limit. */
export const LimitReading = Schema.Struct({
  limit: Schema.Literals(['requests', 'input', 'output', 'tokens']),
  window: Schema.Literals(['minute', 'day']),
  size: Schema.optionalKey(Schema.Finite),
  remaining: Schema.optionalKey(Schema.Finite),
  /** Epoch ms at which it is full again. */
  resetAt: Schema.optionalKey(Schema.Finite),
})
export type LimitReading = typeof LimitReading.Type

// ---- facts ---------------------------------------------------------------------------------------------------------

/** A process opened the log. `instance` is the writer id of everything it appends. */
export const BoxStarted = Schema.TaggedStruct('BoxStarted', {
  instance: Schema.String,
  version: Schema.String,
})
/** A process closed the log in good order. */
export const BoxStopped = Schema.TaggedStruct('BoxStopped', {
  instance: Schema.String,
  signal: Schema.optionalKey(Schema.String),
})
/** The running configuration was replaced; names of changed keys only, never values (they may hold secrets' places). */
export const ConfigChanged = Schema.TaggedStruct('ConfigChanged', {
  source: Schema.Literals(['file', 'signal']),
  changed: Schema.Array(Schema.String),
})
/** The part of the configuration that decisions depend on, whole. */
export const PolicyChanged = Schema.TaggedStruct('PolicyChanged', {
  version: Schema.Int,
  policy: Policy,
})
/** A valid request was taken in. */
export const RequestAdmitted = Schema.TaggedStruct('RequestAdmitted', {
  requestId: RequestId,
  model: ModelId,
  stream: Schema.Boolean,
  maxTokens: Schema.optionalKey(Schema.Int),
  bodyBytes: Schema.Int,
  messages: Schema.Int,
  tools: Schema.Int,
  images: Schema.Int,
  /** Of `bodyBytes`, those of base-64 images, whose tokens do not follow from their bytes. */
  imageBytes: Schema.optionalKey(Schema.Int),
  /** What a provider must be able to do to serve it at all; see needsOf in dialect/anthropic-request.ts. */
  needs: Schema.optionalKey(Schema.Array(Schema.String)),
  sessionId: Schema.optionalKey(Schema.String),
  agentId: Schema.optionalKey(Schema.String),
  parentAgentId: Schema.optionalKey(Schema.String),
  /** The strategy that the client asked for, instead of the policy's (`x-signalbox-strategy`). */
  strategy: Schema.optionalKey(Schema.Literals(STRATEGIES)),
  /** Breaks ties and admits to ramping providers. */
  draw: Draw,
})
/** An attempt is about to be sent. `probe`: it holds the half-open lease of its provider until `leaseUntil`. */
export const AttemptStarted = Schema.TaggedStruct('AttemptStarted', {
  requestId: RequestId,
  /** 1 for the primary, 2 and more for fallbacks. */
  attempt: Schema.Int,
  provider: ProviderId,
  /** The name that this provider is asked for. */
  model: ModelId,
  /** Estimated tokens of the prompt, reserved of the provider's limits. */
  inputTokens: Schema.optionalKey(Schema.Int),
  probe: Schema.optionalKey(Schema.Struct({ leaseUntil: Schema.Finite })),
})
/** The attempt answered in full. Terminal: its request is done. */
export const AttemptSucceeded = Schema.TaggedStruct('AttemptSucceeded', {
  requestId: RequestId,
  attempt: Schema.Int,
  provider: ProviderId,
  /** The model that the answer names, or the one asked for. */
  model: ModelId,
  status: Schema.Int,
  usage: Usage,
  stopReason: Schema.NullOr(Schema.String),
  /** From the attempt's start to its first content. */
  ttftMs: Ms,
  durationMs: Ms,
  responseBytes: Schema.Int,
  upstreamRequestId: Schema.optionalKey(Schema.String),
  /** What the provider says it charged, in billionths of a US dollar (OpenRouter). */
  reportedCostNanoUsd: Schema.optionalKey(Schema.Int),
  limits: Schema.optionalKey(Schema.Array(LimitReading)),
})
/** The attempt failed, or was given up because the client left (`Cancelled`). */
export const AttemptFailed = Schema.TaggedStruct('AttemptFailed', {
  requestId: RequestId,
  attempt: Schema.Int,
  provider: ProviderId,
  model: ModelId,
  reason: FailureReason,
  stage: Stage,
  durationMs: Ms,
  /** What the provider had reported by then; it may bill it. */
  usage: Schema.optionalKey(Usage),
  upstreamRequestId: Schema.optionalKey(Schema.String),
  limits: Schema.optionalKey(Schema.Array(LimitReading)),
  /** For jitter of open times and back-off. */
  draw: Draw,
})
/** Nobody served the request; the client was told so. Terminal. */
export const RequestFailed = Schema.TaggedStruct('RequestFailed', {
  requestId: RequestId,
  /** Attempts that were started. */
  attempts: Schema.Int,
  /** The HTTP status the client got; 200 when its stream had begun and was broken off. */
  status: Schema.Int,
  reason: FailureReason,
})
/** The client left, or the box was stopped, before the answer was complete. Terminal. */
export const RequestCancelled = Schema.TaggedStruct('RequestCancelled', {
  requestId: RequestId,
  attempts: Schema.Int,
  by: Schema.Literals(['client', 'shutdown']),
})
/** A request of a process that died was found unfinished at the next start. Terminal; its cost is unknown. */
export const RequestAbandoned = Schema.TaggedStruct('RequestAbandoned', {
  requestId: RequestId,
  attempts: Schema.Int,
  /** The provider whose attempt was in flight, if one was; its probe lease, if it held one, is given back. */
  provider: Schema.optionalKey(ProviderId),
})
/** The time at which a throttled or open provider may be tried again has passed. */
export const CooldownElapsed = Schema.TaggedStruct('CooldownElapsed', { provider: ProviderId })
/** A probe did not end within its lease. */
export const ProbeLeaseExpired = Schema.TaggedStruct('ProbeLeaseExpired', { provider: ProviderId })

/**
 * A provider refused a header value or a field by name; until `until` its requests for this model go without them. The
 * attempt that met it is repeated once.
 */
export const CapabilityLearned = Schema.TaggedStruct('CapabilityLearned', {
  requestId: RequestId,
  provider: ProviderId,
  /** The name that the provider was asked for. */
  model: ModelId,
  /** Ids as in dialect/paired-features.ts: `beta:VALUE`, `field:PATH`, `param:NAME`. */
  features: Schema.Array(Schema.String),
  until: Schema.Finite,
})
/** A provider's answers carry `sunset` or `deprecation` headers: it, or the model, will end. Recorded when they change. */
export const SunsetAnnounced = Schema.TaggedStruct('SunsetAnnounced', {
  provider: ProviderId,
  model: ModelId,
  /** Epoch ms of the end, of RFC 8594. */
  sunsetAt: Schema.optionalKey(Schema.Finite),
  /** Epoch ms since when it is deprecated, of RFC 9745. */
  deprecatedAt: Schema.optionalKey(Schema.Finite),
})

// ---- decisions -----------------------------------------------------------------------------------------------------

/** Why a provider was left out of a route. */
export const SkipReason = Schema.Literals([
  'disabled',
  'ruledOut',
  'modelNotMapped',
  'inputTooLarge',
  'circuitOpen',
  'throttled',
  'probeInFlight',
  'retired',
  'featureLacking',
  'limitReached',
])
export type SkipReason = typeof SkipReason.Type

/** The route of a request: whom to try, in which order, and why not the others. */
export const RouteChosen = Schema.TaggedStruct('RouteChosen', {
  requestId: RequestId,
  strategy: Schema.String,
  /** Name of the operator's rule that fits the request. */
  rule: Schema.optionalKey(Schema.String),
  policyVersion: Schema.Int,
  order: Schema.Array(ProviderId),
  /** Factor values per candidate, in `order`; what they are depends on the strategy. */
  factors: Schema.Record(Schema.String, Schema.Array(Schema.Finite)),
  skipped: Schema.Array(
    Schema.Struct({ provider: ProviderId, reason: SkipReason, until: Schema.optionalKey(Schema.Finite) }),
  ),
  /** Nobody has room now: these are asked, in this order, when they have, until `until` (epoch ms). */
  queue: Schema.optionalKey(Schema.Struct({ providers: Schema.Array(ProviderId), until: Schema.Finite })),
  /** Probability with which the first of `order` was first, given the draw was yet unknown. */
  propensity: Schema.Finite,
})
/** A limit or an exhausted account takes the provider out until `until`. */
export const ProviderThrottled = Schema.TaggedStruct('ProviderThrottled', {
  provider: ProviderId,
  until: Schema.Finite,
  because: FailureReason,
  /** Throttles in a row without a success; the exponent of the back-off where nobody told a time. */
  level: Schema.Int,
})
/** A throttled provider may be used again. */
export const ProviderRecovered = Schema.TaggedStruct('ProviderRecovered', { provider: ProviderId })
/** Failures opened the circuit: no attempt until `until`, then one probe. */
export const CircuitOpened = Schema.TaggedStruct('CircuitOpened', {
  provider: ProviderId,
  until: Schema.Finite,
  because: FailureReason,
  trip: Schema.Literals(['consecutive', 'rate', 'probe', 'ramp', 'account']),
  /** 1 for the first opening, growing until the provider has been well for a while. */
  level: Schema.Int,
})
/** The open time is over: one request at a time may probe. */
export const CircuitHalfOpened = Schema.TaggedStruct('CircuitHalfOpened', { provider: ProviderId })
/** Probes succeeded; traffic ramps up until `rampUntil`. */
export const CircuitClosed = Schema.TaggedStruct('CircuitClosed', {
  provider: ProviderId,
  rampUntil: Schema.Finite,
})
/** The provider says that it is gone for good: it is not asked again until its entry in the configuration changes. */
export const ProviderRetired = Schema.TaggedStruct('ProviderRetired', {
  provider: ProviderId,
  because: FailureReason,
})

// ---- the unions ----------------------------------------------------------------------------------------------------

export const Fact = Schema.Union([
  BoxStarted,
  BoxStopped,
  ConfigChanged,
  PolicyChanged,
  RequestAdmitted,
  AttemptStarted,
  AttemptSucceeded,
  AttemptFailed,
  RequestFailed,
  RequestCancelled,
  RequestAbandoned,
  CooldownElapsed,
  ProbeLeaseExpired,
  CapabilityLearned,
  SunsetAnnounced,
])
export type Fact = typeof Fact.Type

export const Decision = Schema.Union([
  RouteChosen,
  ProviderThrottled,
  ProviderRecovered,
  CircuitOpened,
  CircuitHalfOpened,
  CircuitClosed,
  ProviderRetired,
])
export type Decision = typeof Decision.Type

export const DomainEvent = Schema.Union([Fact, Decision])
export type DomainEvent = Fact | Decision
export type EventType = DomainEvent['_tag']

export type RequestAdmitted = typeof RequestAdmitted.Type
export type AttemptStarted = typeof AttemptStarted.Type
export type AttemptSucceeded = typeof AttemptSucceeded.Type
export type AttemptFailed = typeof AttemptFailed.Type
export type RouteChosen = typeof RouteChosen.Type
export type CapabilityLearned = typeof CapabilityLearned.Type
export type PolicyChanged = typeof PolicyChanged.Type

/** What the catalogue says of each event: its nature, its current schema version, whether it ends a request. */
export const CATALOGUE: {
  readonly [K in EventType]: {
    readonly nature: K extends Fact['_tag'] ? 'fact' : 'decision'
    readonly schemaVersion: number
    readonly terminal?: true
  }
} = {
  BoxStarted: { nature: 'fact', schemaVersion: 1 },
  BoxStopped: { nature: 'fact', schemaVersion: 1 },
  ConfigChanged: { nature: 'fact', schemaVersion: 1 },
  PolicyChanged: { nature: 'fact', schemaVersion: 2 },
  RequestAdmitted: { nature: 'fact', schemaVersion: 1 },
  AttemptStarted: { nature: 'fact', schemaVersion: 1 },
  AttemptSucceeded: { nature: 'fact', schemaVersion: 1, terminal: true },
  AttemptFailed: { nature: 'fact', schemaVersion: 1 },
  RequestFailed: { nature: 'fact', schemaVersion: 1, terminal: true },
  RequestCancelled: { nature: 'fact', schemaVersion: 1, terminal: true },
  RequestAbandoned: { nature: 'fact', schemaVersion: 1, terminal: true },
  CooldownElapsed: { nature: 'fact', schemaVersion: 1 },
  ProbeLeaseExpired: { nature: 'fact', schemaVersion: 1 },
  CapabilityLearned: { nature: 'fact', schemaVersion: 1 },
  SunsetAnnounced: { nature: 'fact', schemaVersion: 1 },
  RouteChosen: { nature: 'decision', schemaVersion: 1 },
  ProviderThrottled: { nature: 'decision', schemaVersion: 1 },
  ProviderRecovered: { nature: 'decision', schemaVersion: 1 },
  CircuitOpened: { nature: 'decision', schemaVersion: 1 },
  CircuitHalfOpened: { nature: 'decision', schemaVersion: 1 },
  CircuitClosed: { nature: 'decision', schemaVersion: 1 },
  ProviderRetired: { nature: 'decision', schemaVersion: 1 },
}

export const isFact = (event: DomainEvent): event is Fact => CATALOGUE[event._tag].nature === 'fact'

export const isTerminal = (event: DomainEvent): boolean => CATALOGUE[event._tag].terminal === true
