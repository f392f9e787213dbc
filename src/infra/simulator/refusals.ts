/**
 * The error answers of the Anthropic API, ready for a script: status, error type, wording and headers as documented
 * (test/fixtures/anthropic holds the same shapes). At a provider with another wire the same step becomes that wire's answer.
 */
import type { LimitName } from '#infra/simulator/rate-limits.ts'
import { type Refusal, refusalNamed } from '#infra/simulator/refusal.ts'
import type { StatusStep } from '#infra/simulator/script.ts'

/** 401. The client's retries are switched off by `x-should-retry`. */
export const badKey = (message = 'invalid x-api-key'): StatusStep => anthropicStep({ _tag: 'BadKey', message })

export const billing = (): StatusStep => anthropicStep({ _tag: 'Billing' })

export const forbidden = (): StatusStep => anthropicStep({ _tag: 'Forbidden' })

export const notFound = (what: string): StatusStep => anthropicStep({ _tag: 'NotFound', message: what })

export const unknownModel = (model: string): StatusStep => anthropicStep({ _tag: 'UnknownModel', model })

export const invalidRequest = (message: string): StatusStep => anthropicStep({ _tag: 'InvalidRequest', message })

export const promptTooLong = (tokens: number, maximum: number): StatusStep =>
  anthropicStep({ _tag: 'PromptTooLong', tokens, maximum })

export const bodyTooLarge = (): StatusStep => anthropicStep({ _tag: 'BodyTooLarge' })

/** 429 that passes by itself. `retryAfterSeconds: null` leaves the header out. */
export const rateLimited = (
  options: {
    readonly retryAfterSeconds?: number | null
    readonly limit?: LimitName
    readonly perMinute?: number
    readonly organization?: string
  } = {},
): StatusStep =>
  anthropicStep({ _tag: 'RateLimited', retryAfterSeconds: 1, limit: 'requests', perMinute: 1_000, ...options })

/** 429 of a spend cap: no `retry-after`, and useless to retry until the month is over. */
export const spendCap = (): StatusStep => anthropicStep({ _tag: 'SpendCap' })

export const serverError = (): StatusStep => anthropicStep({ _tag: 'ServerError' })

export const unavailable = (): StatusStep => anthropicStep({ _tag: 'Unavailable' })

export const gatewayTimeout = (): StatusStep => anthropicStep({ _tag: 'GatewayTimeout' })

export const overloaded = (options: { readonly retryAfterSeconds?: number } = {}): StatusStep =>
  anthropicStep({ _tag: 'Overloaded', ...options })

/** A proxy in front of the API answers instead of it. */
export const htmlBadGateway = (): StatusStep => ({
  _tag: 'Status',
  status: 502,
  headers: { 'content-type': 'text/html' },
  body: '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n',
})

/** The error of a type as a status, for a failure that could have been an `error` event; without any headers of its own. */
export const refusalOfType = (type: string, message = wordingOf(type)): StatusStep => {
  const { exhausted: _, ...step } = anthropicStep(refusalNamed(type, message))
  return { ...step, headers: {} }
}

/** The API's short wording for an error type. */
export const wordingOf = (type: string): string =>
  type === 'overloaded_error' ? 'Overloaded' : 'Internal server error'

const NO_RETRY = { 'x-should-retry': 'false' }
const RETRY = { 'x-should-retry': 'true' }

/** A refusal as the Anthropic API words it. */
export const anthropicStep = (refusal: Refusal): StatusStep => {
  const { message } = refusal
  const says = (
    status: number,
    type: string,
    wording: string,
    headers: StatusStep['headers'] = {},
    details?: object,
  ): StatusStep => ({
    _tag: 'Status',
    status,
    headers,
    body: {
      type: 'error',
      error: { type, message: message ?? wording, ...(details === undefined ? {} : { details }) },
    },
    refusal,
  })
  switch (refusal._tag) {
    case 'BadKey':
      return says(401, 'authentication_error', 'invalid x-api-key', NO_RETRY)
    case 'Billing':
      return says(402, 'billing_error', 'There is an issue with your billing or payment information.')
    case 'Forbidden':
      return says(403, 'permission_error', 'Your API key does not have permission to use the specified resource.')
    case 'NotFound':
      return says(404, 'not_found_error', refusal.message)
    case 'UnknownModel':
      return says(404, 'not_found_error', `model: ${refusal.model}`)
    case 'InvalidRequest':
      return says(refusal.status ?? 400, 'invalid_request_error', refusal.message)
    case 'PromptTooLong':
      return says(
        400,
        'invalid_request_error',
        `prompt is too long: ${refusal.tokens} tokens > ${refusal.maximum} maximum`,
      )
    case 'BodyTooLarge':
      return says(413, 'request_too_large', 'Request exceeds the maximum size')
    case 'RateLimited': {
      const { limit, retryAfterSeconds } = refusal
      const headers = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) }
      return { ...says(429, 'rate_limit_error', rateLimitWords(refusal), headers), exhausted: limit }
    }
    case 'SpendCap':
      return says(429, 'rate_limit_error', SPEND_CAP, {}, { error_code: 'enforced_spend_limit_reached' })
    case 'ServerError':
      return says(500, refusal.type ?? 'api_error', 'Internal server error', RETRY)
    case 'Unavailable':
      return says(503, 'api_error', 'Service unavailable', RETRY)
    case 'GatewayTimeout':
      return says(504, 'timeout_error', 'Request timed out')
    case 'Overloaded': {
      const { retryAfterSeconds } = refusal
      const after = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
      return says(529, 'overloaded_error', 'Overloaded', { ...RETRY, ...after })
    }
  }
}

const SPEND_CAP =
  "You have reached your API usage limits: your organization has crossed its monthly API usage threshold, set based on your organization's API tier. You will regain access on 2026-12-01 at 00:00 UTC."

const rateLimitWords = (refusal: Extract<Refusal, { _tag: 'RateLimited' }>): string => {
  const { organization, perMinute, limit } = refusal
  const whose = organization === undefined ? 'your organization' : `your organization (${organization})`
  const what = `${perMinute.toLocaleString('en-US')} ${limit.replace('-', ' ')} per minute`
  return `This request would exceed the rate limit for ${whose} of ${what}. For details, refer to: https://docs.claude.com/en/api/rate-limits.`
}
