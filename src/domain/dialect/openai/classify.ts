/**
 * What an answer of an OpenAI-dialect server means, by its status, codes and headers. The words of a message are asked in one
 * place only, where servers have no code: see context-overflow.ts.
 */

import { isObject } from '#domain/dialect/openai/answer-parts.ts'
import { isContextOverflow } from '#domain/dialect/openai/context-overflow.ts'
import { exhaustedUntil } from '#domain/dialect/openai/rate-headers.ts'
import { type ChatError, chatError, readChatError } from '#domain/dialect/openai/read-error.ts'
import { retryAt } from '#domain/dialect/retry-after.ts'
import type { FailureReason } from '#domain/failure.ts'

type Headers = readonly (readonly [name: string, value: string])[]
type Whose = 'client' | 'gateway'

const has = (error: ChatError, words: ReadonlySet<string>): boolean => !words.isDisjointFrom(error.words)

const RETIRED = new Set(['github_models_retirement_brownout'])
const CONTENT = new Set([
  'content_filter',
  'ResponsibleAIPolicyViolation',
  'content_policy_violation',
  'refusal',
  'data_inspection_failed',
])
const QUOTA = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'exceeded_current_quota_error',
  'payment_required',
  'billing_error',
])
const CREDENTIAL = new Set([
  'invalid_api_key',
  'API_KEY_INVALID',
  'authentication',
  'authentication_error',
  'UNAUTHENTICATED',
  'permission_denied',
  'permission_error',
  'PERMISSION_DENIED',
  'region_restricted',
])
const NO_MODEL = new Set([
  'model_not_found',
  'DeploymentNotFound',
  'not_found',
  'not_found_error',
  'NOT_FOUND',
  'no_endpoints',
  'model_deprecated',
  'model_unavailable_upstream',
  'privacy_restricted',
  'constraint_filtered',
  'free_variant_ended',
])
const RATE = new Set([
  'rate_limit_exceeded',
  'rate_limit_error',
  'RateLimitReached',
  'capacity_exhausted',
  'RESOURCE_EXHAUSTED',
])
const OVERLOAD = new Set([
  'overloaded',
  'server_overloaded',
  'overloaded_error',
  'provider_overloaded',
  'temporarily_unavailable',
  'UNAVAILABLE',
])
const TIMEOUT = new Set(['timeout', 'timeout_error', 'DEADLINE_EXCEEDED'])
const BAD_REQUEST = new Set(['invalid_request_error', 'BadRequestError', 'INVALID_ARGUMENT', 'invalid_request'])

/**
 * Undefined for a success. A 2xx whose body is an error is classified like the status that the error names.
 * @param headers lower-case names
 * @param at epoch ms of the answer
 * @param whose owner of the credential that was sent
 */
export const classifyOpenAi = (
  status: number,
  headers: Headers,
  body: string,
  at: number,
  whose: Whose,
): FailureReason | undefined => {
  if (status < 200 || status >= 300) return reasonOf(status, headers, readChatError(body), body, at, whose)
  const inner = parse(body)
  const found = Array.isArray(inner) ? inner[0] : inner
  return isObject(found) && (Boolean(found.error) || found.object === 'error')
    ? classifyInner(chatError(found), headers, at, whose)
    : undefined
}

/** What an error inside a 200 means: a chunk of a stream, or a whole body. `at` 0: no time is known. */
export const classifyInner = (error: ChatError, headers: Headers, at: number, whose: Whose): FailureReason =>
  reasonOf(error.status ?? impliedStatus(error), headers, error, 'inside a 200', at, whose)

/** Where a body names no status its words do; the rest is the server's own failure. */
const impliedStatus = (error: ChatError): number => {
  if (has(error, QUOTA)) return 402
  if (has(error, RATE)) return 429
  if (has(error, OVERLOAD)) return 503
  if (has(error, CREDENTIAL)) return 401
  if (has(error, NO_MODEL)) return 404
  if (has(error, TIMEOUT)) return 504
  // Before the request errors: a context that is too long has its own word, and 400 lets it be asked for.
  return isContextOverflow(error) || has(error, CONTENT) || has(error, BAD_REQUEST) ? 400 : 500
}

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** GitHub Models before its end: an empty 403 that only its headers explain. */
const announcesEnd = (status: number, headers: Headers, body: string): boolean =>
  status === 403 && body.trim() === '' && headers.some(([name]) => name === 'sunset' || name === 'deprecation')

const refusesRequest = (status: number): boolean => status === 400 || status === 413 || status === 422

const reasonOf = (
  status: number,
  headers: Headers,
  error: ChatError,
  body: string,
  at: number,
  whose: Whose,
): FailureReason => {
  const told = retryAt(headers, at) ?? (error.retryAfterMs === undefined ? undefined : at + error.retryAfterMs)
  const until = told === undefined ? {} : { until: told }

  if (status === 410 || has(error, RETIRED) || announcesEnd(status, headers, body)) return { _tag: 'Retired', status }
  if (status < 400) return { _tag: 'Unknown', status }
  // llama.cpp and Groq say it with other statuses too; a code or these words of a refused request are enough.
  if (isContextOverflow(error) && (refusesRequest(status) || error.words.has('context_length_exceeded'))) {
    return { _tag: 'ContextTooLong', status }
  }
  if (status < 500 && has(error, CONTENT)) return { _tag: 'ContentRefused', status }
  if (status === 402 || has(error, QUOTA)) return { _tag: 'QuotaExhausted', status, ...until }
  if (status < 500 && status !== 429 && error.retryable === true) return { _tag: 'Overloaded', status, ...until }
  switch (status) {
    case 401:
      return { _tag: 'CredentialRefused', status, whose }
    case 403:
      // OpenAI answers 403 to a project that may not use one model.
      return error.words.has('model_not_found')
        ? { _tag: 'InvalidRequest', status: 404 }
        : { _tag: 'CredentialRefused', status, whose }
    case 400:
    case 422:
      if (has(error, CREDENTIAL)) return { _tag: 'CredentialRefused', status, whose }
      // Another provider may have the model: 404 is the status that says so, whatever this server calls it.
      return { _tag: 'InvalidRequest', status: has(error, NO_MODEL) ? 404 : status }
    case 408:
    case 409:
    case 425:
      return { _tag: 'ServerError', status, ...until }
    case 413:
      // Groq: the request alone is larger than the limit of a minute. It will not fit later either.
      return { _tag: has(error, RATE) ? 'ContextTooLong' : 'InvalidRequest', status }
    case 429: {
      if (error.retryable === false) return { _tag: 'QuotaExhausted', status, ...until }
      const reset = told ?? exhaustedUntil(headers, at)
      return { _tag: 'RateLimited', status, ...(reset === undefined ? {} : { until: reset }) }
    }
    // Groq's flex tier.
    case 498:
    case 529:
      return { _tag: 'Overloaded', status, ...until }
    case 503:
      // With an error of the API's own it is the model's load; without one a proxy did not reach the server.
      return { _tag: error.readable ? 'Overloaded' : 'ServerError', status, ...until }
    default:
      if (status < 500) return { _tag: 'InvalidRequest', status }
      return { _tag: has(error, OVERLOAD) ? 'Overloaded' : 'ServerError', status, ...until }
  }
}
