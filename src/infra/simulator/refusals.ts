/**
 * The error answers of the Anthropic API, ready for a script: status, error type, wording and headers as documented
 * (test/fixtures/anthropic holds the same shapes).
 */
import type { LimitName } from '#infra/simulator/rate-limits.ts'
import type { StatusStep } from '#infra/simulator/script.ts'

/** 401. The client's retries are switched off by `x-should-retry`. */
export const badKey = (message = 'invalid x-api-key'): StatusStep =>
  refusal(401, 'authentication_error', message, { headers: { 'x-should-retry': 'false' } })

export const billing = (): StatusStep =>
  refusal(402, 'billing_error', 'There is an issue with your billing or payment information.')

export const forbidden = (): StatusStep =>
  refusal(403, 'permission_error', 'Your API key does not have permission to use the specified resource.')

export const notFound = (what: string): StatusStep => refusal(404, 'not_found_error', what)

export const unknownModel = (model: string): StatusStep => notFound(`model: ${model}`)

export const invalidRequest = (message: string): StatusStep => refusal(400, 'invalid_request_error', message)

export const promptTooLong = (tokens: number, maximum: number): StatusStep =>
  invalidRequest(`prompt is too long: ${tokens} tokens > ${maximum} maximum`)

export const bodyTooLarge = (): StatusStep => refusal(413, 'request_too_large', 'Request exceeds the maximum size')

/** 429 that passes by itself. `retryAfterSeconds: null` leaves the header out. */
export const rateLimited = (
  options: {
    readonly retryAfterSeconds?: number | null
    readonly limit?: LimitName
    readonly perMinute?: number
    readonly organization?: string
  } = {},
): StatusStep => {
  const { retryAfterSeconds = 1, limit = 'requests', perMinute = 1_000, organization } = options
  const whose = organization === undefined ? 'your organization' : `your organization (${organization})`
  const what = `${perMinute.toLocaleString('en-US')} ${limit.replace('-', ' ')} per minute`
  return {
    ...refusal(
      429,
      'rate_limit_error',
      `This request would exceed the rate limit for ${whose} of ${what}. For details, refer to: https://docs.claude.com/en/api/rate-limits.`,
      retryAfterSeconds === null ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } },
    ),
    exhausted: limit,
  }
}

/** 429 of a spend cap: no `retry-after`, and useless to retry until the month is over. */
export const spendCap = (): StatusStep =>
  refusal(
    429,
    'rate_limit_error',
    "You have reached your API usage limits: your organization has crossed its monthly API usage threshold, set based on your organization's API tier. You will regain access on 2026-12-01 at 00:00 UTC.",
    { details: { error_code: 'enforced_spend_limit_reached' } },
  )

export const serverError = (): StatusStep =>
  refusal(500, 'api_error', 'Internal server error', { headers: { 'x-should-retry': 'true' } })

export const unavailable = (): StatusStep =>
  refusal(503, 'api_error', 'Service unavailable', { headers: { 'x-should-retry': 'true' } })

export const gatewayTimeout = (): StatusStep => refusal(504, 'timeout_error', 'Request timed out')

export const overloaded = (options: { readonly retryAfterSeconds?: number } = {}): StatusStep =>
  refusal(529, 'overloaded_error', 'Overloaded', {
    headers: {
      'x-should-retry': 'true',
      ...(options.retryAfterSeconds === undefined ? {} : { 'retry-after': String(options.retryAfterSeconds) }),
    },
  })

/** A proxy in front of the API answers instead of it. */
export const htmlBadGateway = (): StatusStep => ({
  _tag: 'Status',
  status: 502,
  headers: { 'content-type': 'text/html' },
  body: '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n',
})

/** The error of a type as a status, for a failure that could have been an `error` event. */
export const refusalOfType = (type: string, message = wordingOf(type)): StatusStep =>
  refusal(STATUS_OF_TYPE[type] ?? 500, type, message)

/** The API's short wording for an error type. */
export const wordingOf = (type: string): string =>
  type === 'overloaded_error' ? 'Overloaded' : 'Internal server error'

const STATUS_OF_TYPE: { readonly [type: string]: number } = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
}

const refusal = (
  status: number,
  type: string,
  message: string,
  rest: { readonly headers?: { readonly [name: string]: string }; readonly details?: object } = {},
): StatusStep => ({
  _tag: 'Status',
  status,
  headers: rest.headers ?? {},
  body: { type: 'error', error: { type, message, ...(rest.details === undefined ? {} : { details: rest.details }) } },
})
