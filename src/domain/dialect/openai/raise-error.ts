/**
 * Errors of OpenAI-dialect servers → errors of the Anthropic API, as the client must see them (providers 6.4, wire 5): a
 * refused key of the gateway is no 401, else Claude Code blames its own login; a transient failure is never a 400, which
 * it would try six times over; hopeless ones say `x-should-retry: false`.
 */
import { type AnthropicErrorType, LONGEST_WAIT_S } from '#domain/dialect/anthropic-error.ts'
import { classifyInner, classifyOpenAi } from '#domain/dialect/openai/classify.ts'
import { overflowMessage } from '#domain/dialect/openai/context-overflow.ts'
import { chatError, readChatError } from '#domain/dialect/openai/read-error.ts'
import { scrub } from '#domain/dialect/openai/scrub.ts'
import type { FailureReason } from '#domain/failure.ts'

type Headers = readonly (readonly [name: string, value: string])[]

/** An error inside a 200. */
export interface RaisedError {
  readonly reason: FailureReason
  readonly type: AnthropicErrorType | 'billing_error'
  readonly message: string
}

/** An answer of its own: nothing of the provider's status, headers and body goes with it. */
export interface RaisedAnswer {
  readonly status: number
  /** JSON text of the Anthropic error envelope. */
  readonly body: string
  readonly headers: Headers
}

/** @param error parsed JSON of an error chunk or of a body */
export const raiseInnerError = (error: unknown, whose: 'client' | 'gateway' = 'gateway'): RaisedError => {
  const read = chatError(error)
  const reason = classifyInner(read, [], 0, whose)
  const { type, message } = translate(reason, read.message)
  // Without a clock a point in time means nothing.
  return { reason: 'until' in reason ? withoutUntil(reason) : reason, type, message }
}

const withoutUntil = ({ until: _, ...reason }: FailureReason & { readonly until?: number }): FailureReason => reason

/**
 * Translates an answer that `classifyOpenAi` calls a failure.
 * @param at epoch ms of the answer
 */
export const raiseError = (
  status: number,
  headers: Headers,
  body: string,
  at: number,
  whose: 'client' | 'gateway' = 'gateway',
): RaisedAnswer =>
  raiseReason(
    classifyOpenAi(status, headers, body, at, whose) ?? { _tag: 'Unknown', status },
    headers,
    readChatError(body).message,
    at,
  )

/**
 * The answer for a reason that is known.
 * @param headers of the provider's answer: they hold its request id
 * @param told the provider's own words, or ''
 */
export const raiseReason = (reason: FailureReason, headers: Headers, told: string, at: number): RaisedAnswer => {
  const { status, type, message, hopeless } = translate(reason, told)
  const id = REQUEST_IDS.map((name) => headers.find(([other]) => other === name)?.[1]).find((one) => one !== undefined)
  return {
    status,
    body: JSON.stringify({ type: 'error', error: { type, message }, request_id: id ?? null }),
    headers: [
      ['content-type', 'application/json'],
      ...(hopeless ? ([['x-should-retry', 'false']] as const) : retryHeaders(reason, at)),
    ],
  }
}

const REQUEST_IDS = ['request-id', 'x-request-id', 'x-generation-id', 'x-amzn-requestid']

/** Where the provider told no time: the least that can be said; Claude Code doubles its own pause from there. */
const GUESSED_WAIT_S = 1

/** `retry-after` in whole seconds: Claude Code waits up to a minute and gives up at once beyond. */
const retryHeaders = (reason: FailureReason, at: number): Headers => {
  const until = 'until' in reason ? reason.until : undefined
  // Every 429 and 529 of our own making has the header.
  const isLimit = reason._tag === 'RateLimited' || reason._tag === 'Overloaded'
  if (until === undefined && !isLimit) return []
  const seconds = until === undefined ? GUESSED_WAIT_S : Math.max(1, Math.ceil((until - at) / 1000))
  return [
    ['retry-after', String(seconds)],
    ['x-should-retry', seconds <= LONGEST_WAIT_S ? 'true' : 'false'],
  ]
}

interface Translated {
  readonly status: number
  readonly type: RaisedError['type']
  readonly message: string
  readonly hopeless: boolean
}

/** Long enough for any honest message; some servers send the whole request back. */
const MOST_CHARACTERS = 2_000

/** Of the provider, or of a proxy before it (Cloudflare's 522 and 524). */
const TIMEOUTS = new Set([408, 504, 522, 524])

const translate = (reason: FailureReason, told: string): Translated => {
  const said = scrub(told.slice(0, MOST_CHARACTERS))
  const as = (status: number, type: Translated['type'], message: string, hopeless: boolean): Translated => ({
    status,
    type,
    message,
    hopeless,
  })
  const or = (otherwise: string): string => said || otherwise
  switch (reason._tag) {
    case 'RateLimited':
      return as(429, 'rate_limit_error', or('The provider limits the rate of requests.'), false)
    case 'Overloaded':
      return as(529, 'overloaded_error', or('The provider is overloaded.'), false)
    case 'ServerError':
      return reason.status !== undefined && TIMEOUTS.has(reason.status)
        ? as(504, 'timeout_error', or('The provider did not answer in time.'), false)
        : as(500, 'api_error', or('The provider failed.'), false)
    case 'QuotaExhausted':
      return as(402, 'billing_error', or('The account at the provider is exhausted.'), true)
    case 'CredentialRefused':
      // The provider's own words may quote a part of the key.
      if (reason.whose === 'gateway') {
        return as(502, 'api_error', 'The provider refused the credential that Signalbox holds for it.', true)
      }
      return reason.status === 403
        ? as(403, 'permission_error', 'The provider refused the credential of this request.', true)
        : as(401, 'authentication_error', 'The provider refused the credential of this request.', true)
    case 'Retired':
      // GitHub's text calls the end "temporary"; it is not.
      return as(502, 'api_error', 'The provider has ended this service for good.', true)
    case 'ContextTooLong':
      return as(400, 'invalid_request_error', overflowMessage(said), true)
    case 'ContentRefused':
      return as(400, 'invalid_request_error', or("The provider's content filter refused the request."), true)
    case 'FeatureRefused':
      return as(400, 'invalid_request_error', or('The provider cannot do what the request asks for.'), true)
    case 'InvalidRequest':
      if (reason.status === 404) return as(404, 'not_found_error', or('The provider does not know the model.'), true)
      if (reason.status === 413) return as(413, 'request_too_large', or('The request is too large.'), true)
      return as(400, 'invalid_request_error', or('The provider calls the request invalid.'), true)
    default:
      return as(500, 'api_error', or('The provider answered with something that is not an answer.'), false)
  }
}
