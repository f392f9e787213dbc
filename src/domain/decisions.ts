/**
 * Decisions: what the pure core concludes from facts. Part of the catalogue in events.ts.
 */
import { Schema } from 'effect'
import { FailureReason } from '#domain/failure.ts'
import { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import { STRATEGIES } from '#domain/policy.ts'

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
  'credentialMissing',
  'credentialRefused',
  'overBudget',
  'priceUnknown',
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
  /** Every circuit is open: `order` names the provider that will probably be well first. */
  lastResort: Schema.optionalKey(Schema.Literal(true)),
  /** What the first costs more than the cheapest of `order`, in billionths of a US dollar, as expected; absent: nothing. */
  regretNanoUsd: Schema.optionalKey(Schema.Int),
  /** A hard budget is used up, and steps down: to another strategy, or to another model than the asked one. */
  stepDown: Schema.optionalKey(
    Schema.Struct({
      budget: Schema.String,
      strategy: Schema.optionalKey(Schema.Literals(STRATEGIES)),
      model: Schema.optionalKey(ModelId),
    }),
  ),
  /** The hard budget that left some out, and what it has left, in billionths of a US dollar. */
  budget: Schema.optionalKey(Schema.Struct({ name: Schema.String, leftNanoUsd: Schema.Int, until: Schema.Finite })),
  /** Nobody has room now: these are asked, in this order, when they have, until `until` (epoch ms). */
  queue: Schema.optionalKey(Schema.Struct({ providers: Schema.Array(ProviderId), until: Schema.Finite })),
  /** What the shadow policy would have decided, by the same draw. Absent: there is none. */
  shadow: Schema.optionalKey(
    Schema.Struct({
      order: Schema.Array(ProviderId),
      /** Expected of its first, in billionths of a US dollar; absent: as live, for it is the same provider, or not known. */
      expectedNanoUsd: Schema.optionalKey(Schema.Int),
      /** Expected time to the first content of its first; absent: not known. */
      expectedTtftMs: Schema.optionalKey(Schema.Int),
      /** The same of the live first; absent: it is the same provider, or not known. */
      liveTtftMs: Schema.optionalKey(Schema.Int),
    }),
  ),
  /** Probability with which the first of `order` was first, given the draw was yet unknown. */
  propensity: Schema.Finite,
})
export type RouteChosen = typeof RouteChosen.Type
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
export type CircuitOpened = typeof CircuitOpened.Type
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
