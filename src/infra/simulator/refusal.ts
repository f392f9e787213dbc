/**
 * Why a provider refuses, before it is put into the words of a wire. Scripts and the world name the reason; each wire has
 * its own status, shape and wording for it.
 */
import type { LimitName } from '#infra/simulator/rate-limits.ts'

export type Refusal = {
  /** In place of the wire's own wording. */
  readonly message?: string
} & (
  | { readonly _tag: 'BadKey' }
  | { readonly _tag: 'Billing' }
  | { readonly _tag: 'Forbidden' }
  | { readonly _tag: 'NotFound'; readonly message: string }
  | { readonly _tag: 'UnknownModel'; readonly model: string }
  /** `param` and `code` are told by wires that have such fields; `status` where it is not 400. */
  | {
      readonly _tag: 'InvalidRequest'
      readonly message: string
      readonly param?: string
      readonly code?: string
      readonly status?: 404 | 413 | 422
    }
  | { readonly _tag: 'PromptTooLong'; readonly tokens: number; readonly maximum: number }
  | { readonly _tag: 'BodyTooLarge' }
  /** `retryAfterSeconds: null`: the provider does not say. */
  | {
      readonly _tag: 'RateLimited'
      readonly limit: LimitName
      readonly perMinute: number
      readonly retryAfterSeconds: number | null
      readonly organization?: string
    }
  | { readonly _tag: 'SpendCap' }
  /** `type`: of the Anthropic wire, where it is not `api_error`. */
  | { readonly _tag: 'ServerError'; readonly type?: string }
  | { readonly _tag: 'Unavailable' }
  | { readonly _tag: 'GatewayTimeout' }
  | { readonly _tag: 'Overloaded'; readonly retryAfterSeconds?: number }
)

/** The reason behind an error type of the Anthropic API, as `error` events name it. */
export const refusalNamed = (type: string, message?: string): Refusal => {
  const words = message === undefined ? {} : { message }
  switch (type) {
    case 'invalid_request_error':
      return { _tag: 'InvalidRequest', message: message ?? 'Internal server error' }
    case 'authentication_error':
      return { _tag: 'BadKey', ...words }
    case 'billing_error':
      return { _tag: 'Billing', ...words }
    case 'permission_error':
      return { _tag: 'Forbidden', ...words }
    case 'not_found_error':
      return { _tag: 'NotFound', message: message ?? 'Internal server error' }
    case 'request_too_large':
      return { _tag: 'BodyTooLarge', ...words }
    case 'rate_limit_error':
      return { _tag: 'RateLimited', limit: 'requests', perMinute: 1_000, retryAfterSeconds: null, ...words }
    case 'timeout_error':
      return { _tag: 'GatewayTimeout', ...words }
    case 'overloaded_error':
      return { _tag: 'Overloaded', ...words }
    default:
      return { _tag: 'ServerError', type, ...words }
  }
}
