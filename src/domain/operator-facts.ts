/**
 * Facts that belong to no request: what operators did, what watchers found. Part of the catalogue in events.ts.
 */
import { Schema } from 'effect'
import { FailureReason } from '#domain/failure.ts'
import { ProviderId, RequestId } from '#domain/ids.ts'
import { ALERT_KINDS } from '#domain/policy.ts'

const Ms = Schema.Finite

/**
 * What a health check found, recorded when it differs from what is known of the provider: a request to an endpoint that costs nothing. It never
 * moves a breaker and is no traffic.
 */
export const ProviderChecked = Schema.TaggedStruct('ProviderChecked', {
  provider: ProviderId,
  ok: Schema.Boolean,
  /** Why not. */
  reason: Schema.optionalKey(FailureReason),
  durationMs: Ms,
})
export type ProviderChecked = typeof ProviderChecked.Type

/** An operator declared a provider well: its circuit closes, its throttle ends. `by` says who, as `admin 127.0.0.1`. */
export const BreakerReset = Schema.TaggedStruct('BreakerReset', { provider: ProviderId, by: Schema.String })
/** An operator set one setting at run time. It stands above the configuration until it is set to null. */
export const SettingOverridden = Schema.TaggedStruct('SettingOverridden', {
  /** As in the configuration, e.g. `routing.strategy`, `providers.vertex.enabled`. */
  path: Schema.String,
  value: Schema.NullOr(Schema.Json),
  by: Schema.String,
})
/** A key for a client of the box. The key itself is shown once and kept nowhere. */
export const ClientKeyCreated = Schema.TaggedStruct('ClientKeyCreated', {
  keyId: Schema.String,
  name: Schema.String,
  /** SHA-256, in hex. */
  digest: Schema.String,
  /** Patterns of the models that it may ask for; absent: all. */
  models: Schema.optionalKey(Schema.Array(Schema.String)),
  requestsPerMinute: Schema.optionalKey(Schema.Int),
  /** Epoch ms. */
  expiresAt: Schema.optionalKey(Schema.Finite),
  by: Schema.String,
})
export type ClientKeyCreated = typeof ClientKeyCreated.Type

export const ClientKeyRevoked = Schema.TaggedStruct('ClientKeyRevoked', { keyId: Schema.String, by: Schema.String })
/** What had been spent of a budget in the running period when the policy began to name it. */
export const BudgetSeeded = Schema.TaggedStruct('BudgetSeeded', {
  budget: Schema.String,
  /** Whose, where the budget is one each of a session, an agent, …; else empty. */
  subject: Schema.String,
  /** Epoch ms of the period's start, and of the moment up to which was counted. */
  periodStart: Schema.Finite,
  until: Schema.Finite,
  spentNanoUsd: Schema.Int,
})
/** The watcher found that something asks for an operator. Until `AlertCleared` it is not raised again. */
export const AlertRaised = Schema.TaggedStruct('AlertRaised', {
  /** Kind and subject: the same whenever it is raised. */
  alertId: Schema.String,
  kind: Schema.Literals(ALERT_KINDS),
  /** What it is about: a provider, a budget, a model; empty: the box. */
  subject: Schema.String,
  severity: Schema.Literals(['info', 'warning', 'critical']),
  /** What was measured, and the bound that it crossed; the kind tells the unit. */
  value: Schema.Finite,
  threshold: Schema.Finite,
})
export type AlertRaised = typeof AlertRaised.Type

export const AlertCleared = Schema.TaggedStruct('AlertCleared', {
  alertId: Schema.String,
  value: Schema.Finite,
})
export type AlertCleared = typeof AlertCleared.Type

/**
 * A channel took the news of alerts; what it has not taken is tried again, also after a restart. Without news: the channel is new,
 * and takes part from now on.
 */
export const AlertDelivered = Schema.TaggedStruct('AlertDelivered', {
  channel: Schema.String,
  news: Schema.Array(
    Schema.Struct({ alertId: Schema.String, at: Schema.Finite, change: Schema.Literals(['raised', 'cleared']) }),
  ),
})
/** An operator wants to hear nothing of some alerts until then. Absent kind or subject: any. */
export const AlertsSilenced = Schema.TaggedStruct('AlertsSilenced', {
  kind: Schema.optionalKey(Schema.Literals(ALERT_KINDS)),
  subject: Schema.optionalKey(Schema.String),
  until: Schema.Finite,
  by: Schema.String,
})
/** Somebody looked at what was captured of a request: its prompt and its answer. */
export const CaptureRead = Schema.TaggedStruct('CaptureRead', { requestId: RequestId, by: Schema.String })
/** The events up to a position went to an archive and were deleted here; aggregates keep their sums. */
export const LogArchived = Schema.TaggedStruct('LogArchived', {
  upTo: Schema.Int,
  events: Schema.Int,
  /** Name of the archive's file, without its folder. */
  file: Schema.String,
  by: Schema.String,
})
