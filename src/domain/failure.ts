/**
 * Why an attempt at a provider failed: one union of reasons, each of which answers the three questions that the rest of
 * the system asks. May another provider be tried? Against whom does it count? Until when is it useless to try again?
 * Upstream dialects classify into these reasons by status, error type and code, never by message text.
 */
import { Schema } from 'effect'

/** The phase of an attempt whose time limit passed. `deadline` is the whole cascade's. */
export const TimeoutPhase = Schema.Literals(['connect', 'headers', 'firstContent', 'idle', 'progress', 'deadline'])
export type TimeoutPhase = typeof TimeoutPhase.Type

/** Times are epoch milliseconds by our clock, made from `retry-after` and reset headers at the moment of the answer. */
const until = Schema.optionalKey(Schema.Finite)
const status = Schema.optionalKey(Schema.Int)

export const FailureReason = Schema.Union([
  /** 429 of a limit that refills by itself. `until` where the provider told. */
  Schema.TaggedStruct('RateLimited', { until, status }),
  /** 529, or 503 that says overloaded, or `overloaded_error` inside a 200 stream. */
  Schema.TaggedStruct('Overloaded', { until, status }),
  Schema.TaggedStruct('Timeout', { phase: TimeoutPhase }),
  /** Any other 5xx, or `api_error` inside a 200 stream. */
  Schema.TaggedStruct('ServerError', { status, until }),
  /** DNS, TCP, TLS or a connection lost in the middle. `code` is the system's error code, e.g. ECONNREFUSED. */
  Schema.TaggedStruct('Transport', { code: Schema.String, connect: Schema.Boolean }),
  /** 401 or 403. `whose` says if the key is the client's own (passed through) or the gateway's. */
  Schema.TaggedStruct('CredentialRefused', { status, whose: Schema.Literals(['client', 'gateway']) }),
  /** A spend cap, an empty account or an exhausted quota: not refilled by waiting minutes. */
  Schema.TaggedStruct('QuotaExhausted', { until, status }),
  /** 410, or a model or service that the provider says is gone for good. */
  Schema.TaggedStruct('Retired', { status }),
  /** The request itself is wrong everywhere: 400, 404 of an unknown model, 413, 422. */
  Schema.TaggedStruct('InvalidRequest', { status }),
  /**
   * `limit: provider`: it is this provider's own limit (a foreign model's window, a request larger than a minute's tokens),
   * so a larger provider may serve. Without it the model itself is full, and the client must hear of it.
   */
  Schema.TaggedStruct('ContextTooLong', { status, limit: Schema.optionalKey(Schema.Literals(['provider'])) }),
  /**
   * This provider does not know a header value or a field of the request, or cannot do what it is about. `features` are ids
   * as in dialect/paired-features.ts. With a status the provider said so, without one Signalbox knew beforehand.
   */
  Schema.TaggedStruct('FeatureRefused', { status, features: Schema.Array(Schema.String) }),
  /** The provider's filter refused the content with an error (a `refusal` stop reason is a success). */
  Schema.TaggedStruct('ContentRefused', { status }),
  /** 200 with something that is not an answer: HTML, bad JSON, broken or truncated stream. */
  Schema.TaggedStruct('MalformedOutput', { detail: Schema.String }),
  /** A hard budget of the operator's has nothing left for it. `until`: the end of its period. */
  Schema.TaggedStruct('BudgetExceeded', { budget: Schema.String, until }),
  Schema.TaggedStruct('Cancelled', { by: Schema.Literals(['client', 'shutdown']) }),
  Schema.TaggedStruct('Unknown', { status }),
])
export type FailureReason = typeof FailureReason.Type
export type FailureTag = FailureReason['_tag']

/** Who is to blame: decides which state a failure may move. */
export type Blame = 'provider' | 'limit' | 'account' | 'request' | 'client' | 'nobody'

interface Meaning {
  /** May the cascade go on with another provider? */
  readonly retryableElsewhere: boolean
  readonly blame: Blame
}

const MEANING: { readonly [K in FailureTag]: Meaning } = {
  RateLimited: { retryableElsewhere: true, blame: 'limit' },
  Overloaded: { retryableElsewhere: true, blame: 'provider' },
  Timeout: { retryableElsewhere: true, blame: 'provider' },
  ServerError: { retryableElsewhere: true, blame: 'provider' },
  Transport: { retryableElsewhere: true, blame: 'provider' },
  CredentialRefused: { retryableElsewhere: true, blame: 'account' },
  QuotaExhausted: { retryableElsewhere: true, blame: 'account' },
  Retired: { retryableElsewhere: true, blame: 'account' },
  InvalidRequest: { retryableElsewhere: false, blame: 'request' },
  ContextTooLong: { retryableElsewhere: false, blame: 'request' },
  FeatureRefused: { retryableElsewhere: true, blame: 'request' },
  ContentRefused: { retryableElsewhere: false, blame: 'request' },
  MalformedOutput: { retryableElsewhere: true, blame: 'provider' },
  BudgetExceeded: { retryableElsewhere: false, blame: 'client' },
  Cancelled: { retryableElsewhere: false, blame: 'client' },
  Unknown: { retryableElsewhere: true, blame: 'provider' },
}

/** True when another provider may serve the same request. */
export const retryableElsewhere = (reason: FailureReason): boolean => {
  // The client's own key is refused: no other provider was meant to see it, and the client must hear of it.
  if (reason._tag === 'CredentialRefused' && reason.whose === 'client') return false
  // A model that one provider does not have may be at the next one.
  if (reason._tag === 'InvalidRequest' && reason.status === 404) return true
  if (reason._tag === 'ContextTooLong' && reason.limit === 'provider') return true
  return MEANING[reason._tag].retryableElsewhere
}

/** Whose account the failure is booked on; only `provider`, `limit` and `account` move a provider's machine. */
export const countsAgainst = (reason: FailureReason): Blame => {
  if (reason._tag === 'CredentialRefused' && reason.whose === 'client') return 'client'
  // The whole cascade ran out of time; the provider that was on at that moment may have had a second.
  if (reason._tag === 'Timeout' && reason.phase === 'deadline') return 'nobody'
  return MEANING[reason._tag].blame
}

/** Epoch ms before which trying the same provider again is known to be useless, or undefined when nobody told. */
export const uselessUntil = (reason: FailureReason): number | undefined =>
  'until' in reason ? reason.until : undefined
