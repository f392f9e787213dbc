/**
 * Status, error type and `details.error_code` of an Anthropic-format error → failure reason. The
 * wording is looked at in one place only, where the API has no code: a 400 that is about the account or about the context
 * length is `invalid_request_error` like any other, and the client itself goes by these words.
 */
import { retryAt } from '#domain/dialect/retry-after.ts'
import type { FailureReason } from '#domain/failure.ts'

type Headers = readonly (readonly [name: string, value: string])[]

export interface AnthropicError {
  readonly type: string | undefined
  readonly code: string | undefined
  readonly message: string
}

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Reads an error envelope; anything else reads as an error without type. */
export const readError = (body: string): AnthropicError => {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return { type: undefined, code: undefined, message: '' }
  }
  const error = isObject(parsed) && isObject(parsed.error) ? parsed.error : {}
  const details = isObject(error.details) ? error.details : {}
  return { type: text(error.type), code: text(details.error_code), message: text(error.message) ?? '' }
}

const SPEND_CODES = new Set(['enforced_spend_limit_reached', 'contract_spend_limit_reached'])

/** What a whole answer means; undefined for a success. `whose`: who owns the credential that was sent. */
export const classifyAnthropic = (
  status: number,
  headers: Headers,
  body: string,
  at: number,
  whose: 'client' | 'gateway',
): FailureReason | undefined => {
  if (status >= 200 && status < 300) return undefined
  const error = readError(body)
  const told = retryAt(headers, at)
  const until = told === undefined ? {} : { until: told }
  if (status >= 400 && isAccounts(error)) return { _tag: 'QuotaExhausted', status, ...until }
  switch (status) {
    case 400:
    case 422:
      return classifyBadRequest(error, status, at)
    case 401:
    case 403:
      return { _tag: 'CredentialRefused', status, whose }
    case 402:
      return { _tag: 'QuotaExhausted', status }
    case 404:
      return { _tag: 'InvalidRequest', status }
    // A proxy on the way, or a server that is not the one that was meant: the request is not wrong.
    case 407:
    case 421:
    case 425:
    case 408:
    case 409:
      return { _tag: 'ServerError', status, ...until }
    case 410:
      return { _tag: 'Retired', status }
    case 413:
      // Vertex reports a prompt of too many tokens so; the API itself only bodies of too many bytes.
      return isTooLong(error) || (error.type !== 'request_too_large' && error.type !== undefined)
        ? { _tag: 'ContextTooLong', status }
        : { _tag: 'InvalidRequest', status }
    case 429:
      return error.code !== undefined && SPEND_CODES.has(error.code)
        ? { _tag: 'QuotaExhausted', status, until: told ?? startOfNextMonth(at) }
        : { _tag: 'RateLimited', status, ...until }
    case 529:
      return { _tag: 'Overloaded', status, ...until }
    default:
      if (status >= 500 && error.type === 'overloaded_error') return { _tag: 'Overloaded', status, ...until }
      if (status >= 500) return { _tag: 'ServerError', status, ...until }
      return status >= 400 ? { _tag: 'InvalidRequest', status } : { _tag: 'Unknown', status }
  }
}

/** What an `error` event inside a 200 stream, or an error envelope with status 200, means. `whose`: as above. */
export const classifyAnthropicEvent = (data: string, whose: 'client' | 'gateway' = 'gateway'): FailureReason => {
  const error = readError(data)
  switch (error.type) {
    case 'overloaded_error':
      return { _tag: 'Overloaded' }
    case 'rate_limit_error':
      return error.code !== undefined && SPEND_CODES.has(error.code)
        ? { _tag: 'QuotaExhausted' }
        : { _tag: 'RateLimited' }
    case 'billing_error':
      return { _tag: 'QuotaExhausted' }
    case 'api_error':
    case 'timeout_error':
      return { _tag: 'ServerError' }
    case 'authentication_error':
    case 'permission_error':
      return { _tag: 'CredentialRefused', whose }
    case 'not_found_error':
      // The status that lets another provider be asked for the model.
      return { _tag: 'InvalidRequest', status: 404 }
    case 'invalid_request_error':
    case 'request_too_large':
      return { _tag: isTooLong(error) ? 'ContextTooLong' : 'InvalidRequest' }
    default:
      return { _tag: 'Unknown' }
  }
}

/** The account is out until its owner does something, whatever the status. */
const isAccounts = (error: AnthropicError): boolean =>
  error.type === 'billing_error' || error.code === 'organization_on_hold'

/** Also the clouds' words for the same: Vertex writes a capital, Bedrock speaks of input. */
const TOO_LONG =
  /^(prompt is too long|input is too long for requested model|input length and `max_tokens` exceed context limit)/i

const isTooLong = (error: AnthropicError): boolean => TOO_LONG.test(error.message)

const classifyBadRequest = (error: AnthropicError, status: number, at: number): FailureReason => {
  // A spend limit that the customer set himself comes as a 400 without a code: the account is out
  // until the 1st of next month UTC, and the caller is not at fault.
  if (error.message.startsWith('You have reached your specified API usage limits')) {
    return { _tag: 'QuotaExhausted', status, until: startOfNextMonth(at) }
  }
  if (/^(your )?credit balance (is )?too low/i.test(error.message)) return { _tag: 'QuotaExhausted', status }
  if (isTooLong(error)) return { _tag: 'ContextTooLong', status }
  return { _tag: 'InvalidRequest', status }
}

const startOfNextMonth = (at: number): number => {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}
