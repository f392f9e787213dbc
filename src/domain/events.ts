/**
 * The catalogue: every event Signalbox writes. A fact is what happened outside; a decision is what the pure core concluded
 * from facts, and replaying the facts must conclude it again. Past tense, subject first. Times are epoch milliseconds by
 * the box's clock and live on the envelope (`occurredAt`); random draws are data, in [0, 1). No event holds a credential,
 * a prompt or a completion. docs/events.md describes each; a test keeps the two equal.
 *
 * A stored event's meaning never changes: a new shape is a new schema version here plus an upcaster in upcast.ts.
 */
import { Schema } from 'effect'
import {
  CircuitClosed,
  CircuitHalfOpened,
  CircuitOpened,
  ProviderRecovered,
  ProviderRetired,
  ProviderThrottled,
  RouteChosen,
} from '#domain/decisions.ts'
import { FailureReason } from '#domain/failure.ts'
import { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import { InstanceLost, PeersHeard } from '#domain/instance-facts.ts'
import {
  AlertCleared,
  AlertDelivered,
  AlertRaised,
  AlertsSilenced,
  BreakerReset,
  BudgetSeeded,
  CaptureRead,
  ClientKeyCreated,
  ClientKeyRevoked,
  LogArchived,
  ProviderChecked,
  SettingOverridden,
} from '#domain/operator-facts.ts'
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
  /** Others may append to the same log: its state is the fold of everything up to this event, see `PeersHeard`. */
  shared: Schema.optionalKey(Schema.Literal(true)),
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
  /** Name of the client key that it came with. */
  clientKey: Schema.optionalKey(Schema.String),
  /** What the client says it works on (`x-signalbox-project`). */
  project: Schema.optionalKey(Schema.String),
  /** The trace that it is part of, in the form of W3C Trace Context, where the client sent one. */
  traceparent: Schema.optionalKey(Schema.String),
  /** It brought no credential that could be passed through to a provider. */
  anonymous: Schema.optionalKey(Schema.Literal(true)),
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
  /** What it will probably cost, in billionths of a US dollar; absent without a price. */
  expectedNanoUsd: Schema.optionalKey(Schema.Int),
  /** What it may cost at most, held back from the hard budgets that it falls under. */
  reservedNanoUsd: Schema.optionalKey(Schema.Int),
  /** Of what it will cost: because the conversation's cache is with another provider. */
  switchNanoUsd: Schema.optionalKey(Schema.Int),
  /** Every circuit is open, and this provider will probably be well first; or a probe without the lease that the store would lend. */
  lastResort: Schema.optionalKey(Schema.Literal(true)),
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
  /** By the prices that were in force, in billionths of a US dollar; absent without a price. */
  costNanoUsd: Schema.optionalKey(Schema.Int),
  /** What the provider says it charged (OpenRouter). It counts instead of `costNanoUsd`, which is kept for the difference. */
  reportedCostNanoUsd: Schema.optionalKey(Schema.Int),
  /** What the cache reads saved, less what the writes cost on top; negative when the writes cost more. */
  cacheSavedNanoUsd: Schema.optionalKey(Schema.Int),
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
  /** What it will be billed, as far as can be told; absent when nothing can be told, for want of a price. */
  costNanoUsd: Schema.optionalKey(Schema.Int),
  /** The cost, or the output in `usage`, is an estimate: the provider did not live to report it. */
  estimated: Schema.optionalKey(Schema.Literal(true)),
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
/** A request of a process that died was found unfinished at the next start. Terminal; its cost is an estimate. */
export const RequestAbandoned = Schema.TaggedStruct('RequestAbandoned', {
  requestId: RequestId,
  attempts: Schema.Int,
  /** The provider whose attempt was in flight, if one was; its probe lease, if it held one, is given back. */
  provider: Schema.optionalKey(ProviderId),
  /** Of that attempt, as it was expected when it was sent. */
  costNanoUsd: Schema.optionalKey(Schema.Int),
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
  ProviderChecked,
  BreakerReset,
  SettingOverridden,
  ClientKeyCreated,
  ClientKeyRevoked,
  BudgetSeeded,
  AlertRaised,
  AlertCleared,
  AlertDelivered,
  AlertsSilenced,
  CaptureRead,
  LogArchived,
  PeersHeard,
  InstanceLost,
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
  ProviderChecked: { nature: 'fact', schemaVersion: 1 },
  BreakerReset: { nature: 'fact', schemaVersion: 1 },
  SettingOverridden: { nature: 'fact', schemaVersion: 1 },
  ClientKeyCreated: { nature: 'fact', schemaVersion: 1 },
  ClientKeyRevoked: { nature: 'fact', schemaVersion: 1 },
  BudgetSeeded: { nature: 'fact', schemaVersion: 1 },
  AlertRaised: { nature: 'fact', schemaVersion: 1 },
  AlertCleared: { nature: 'fact', schemaVersion: 1 },
  AlertDelivered: { nature: 'fact', schemaVersion: 1 },
  AlertsSilenced: { nature: 'fact', schemaVersion: 1 },
  CaptureRead: { nature: 'fact', schemaVersion: 1 },
  LogArchived: { nature: 'fact', schemaVersion: 1 },
  PeersHeard: { nature: 'fact', schemaVersion: 1 },
  InstanceLost: { nature: 'fact', schemaVersion: 1 },
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
