/**
 * Errors of the admin API: `{"error": {"type", "message"}}`. A type never changes its meaning; messages are for people.
 */
import { Schema } from 'effect'

const errorOf = <const T extends string>(type: T, status: number, identifier: string) =>
  Schema.Struct({ error: Schema.Struct({ type: Schema.Literal(type), message: Schema.String }) }).annotate({
    httpApiStatus: status,
    identifier,
  })

export const InvalidRequest = errorOf('invalid_request', 400, 'InvalidRequest')
export const Unauthorized = errorOf('unauthorized', 401, 'Unauthorized')
export const Forbidden = errorOf('forbidden', 403, 'Forbidden')
export const NotFound = errorOf('not_found', 404, 'NotFound')
export const Conflict = errorOf('conflict', 409, 'Conflict')
export const RateLimited = errorOf('rate_limited', 429, 'RateLimited')
export const Unavailable = errorOf('unavailable', 503, 'Unavailable')

const made =
  <const T extends string>(type: T) =>
  (message: string): { readonly error: { readonly type: T; readonly message: string } } => ({
    error: { type, message },
  })

export const adminError = {
  invalidRequest: made('invalid_request'),
  unauthorized: made('unauthorized'),
  forbidden: made('forbidden'),
  notFound: made('not_found'),
  methodNotAllowed: made('method_not_allowed'),
  conflict: made('conflict'),
  tooLarge: made('too_large'),
  unsupportedMediaType: made('unsupported_media_type'),
  rateLimited: made('rate_limited'),
  internal: made('internal'),
  unavailable: made('unavailable'),
}
