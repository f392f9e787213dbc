/**
 * Signalbox's own errors in the Anthropic API's shape: the one table from what went wrong to status, type and headers.
 * Claude Code decides by these (docs/adr/0007): `retry-after` up to 60 s makes it wait, more makes it stop at once;
 * `x-should-retry: false` stops it on 401, 429 and 5xx; a 400 multiplies into six requests, so only a request that is wrong
 * everywhere gets one.
 */
export type AnthropicErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'timeout_error'
  | 'overloaded_error'

/** A whole answer: what the client gets when no provider's own answer is passed on. */
export interface ErrorAnswer {
  readonly status: number
  readonly type: AnthropicErrorType
  readonly message: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** The longest `retry-after`, in seconds, that Claude Code waits for. */
export const LONGEST_WAIT_S = 60

const retry = (afterMs: number | undefined): readonly (readonly [string, string])[] => {
  if (afterMs === undefined) return [['x-should-retry', 'true']]
  const seconds = Math.max(1, Math.ceil(afterMs / 1000))
  return [
    ['retry-after', String(seconds)],
    ['x-should-retry', seconds <= LONGEST_WAIT_S ? 'true' : 'false'],
  ]
}

const never = [['x-should-retry', 'false']] as const

export const errorAnswer = {
  invalidRequest: (message: string): ErrorAnswer => ({
    status: 400,
    type: 'invalid_request_error',
    message,
    headers: never,
  }),
  /** The client's own key to Signalbox is wrong. */
  unauthorized: (message: string): ErrorAnswer => ({
    status: 401,
    type: 'authentication_error',
    message,
    headers: never,
  }),
  forbidden: (message: string): ErrorAnswer => ({ status: 403, type: 'permission_error', message, headers: never }),
  notFound: (message: string): ErrorAnswer => ({ status: 404, type: 'not_found_error', message, headers: never }),
  methodNotAllowed: (allow: string): ErrorAnswer => ({
    status: 405,
    type: 'invalid_request_error',
    message: `Method not allowed. Use ${allow}.`,
    headers: [['allow', allow], ...never],
  }),
  tooLarge: (limitBytes: number): ErrorAnswer => ({
    status: 413,
    type: 'request_too_large',
    message: `Request exceeds the maximum size of ${Math.floor(limitBytes / 1_000_000)} MB.`,
    headers: [['connection', 'close'], ...never],
  }),
  unsupportedMediaType: (message: string): ErrorAnswer => ({
    status: 415,
    type: 'invalid_request_error',
    message,
    headers: never,
  }),
  /** Every provider that could serve is at a limit. */
  rateLimited: (message: string, retryAfterMs: number | undefined): ErrorAnswer => ({
    status: 429,
    type: 'rate_limit_error',
    message,
    headers: retry(retryAfterMs),
  }),
  /** Waiting will not help: a credential that Signalbox holds was refused, an account is empty, a service is gone. */
  hopeless: (message: string): ErrorAnswer => ({ status: 502, type: 'api_error', message, headers: never }),
  /** Outages: nobody can serve now, somebody may soon. */
  overloaded: (message: string, retryAfterMs: number | undefined): ErrorAnswer => ({
    status: 529,
    type: 'overloaded_error',
    message,
    headers: retry(retryAfterMs),
  }),
  internal: (): ErrorAnswer => ({
    status: 500,
    type: 'api_error',
    message: 'Signalbox met an internal error; its log has the details under this request id.',
    headers: [],
  }),
}

/** The body of an error answer. */
export const errorBody = (answer: ErrorAnswer, requestId: string): string =>
  JSON.stringify({ type: 'error', error: { type: answer.type, message: answer.message }, request_id: requestId })

/** The same inside a stream whose 200 has gone out already. */
export const errorFrame = (answer: ErrorAnswer): string =>
  `event: error\ndata: ${JSON.stringify({ type: 'error', error: { type: answer.type, message: answer.message } })}\n\n`
