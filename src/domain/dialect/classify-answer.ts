/**
 * What any provider's answer means, and how Claude Code must hear of it. Errors come as the Anthropic envelope, as one that a
 * relay wrapped into its own error (providers 2.5), or in some other vendor's shape; a provider's kind does not tell which, for
 * clouds and proxies in front of it answer in their own words.
 */
import { classifyAnthropic, classifyAnthropicEvent, readError } from '#domain/dialect/classify-anthropic.ts'
import { isObject, type Json } from '#domain/dialect/openai/answer-parts.ts'
import { classifyInner, classifyOpenAi } from '#domain/dialect/openai/classify.ts'
import { isNative } from '#domain/dialect/openai/context-overflow.ts'
import { type RaisedAnswer, raiseError, raiseReason } from '#domain/dialect/openai/raise-error.ts'
import { readChatError } from '#domain/dialect/openai/read-error.ts'
import type { FailureReason } from '#domain/failure.ts'

type Headers = readonly (readonly [name: string, value: string])[]

export interface FailedAnswer {
  readonly reason: FailureReason
  /** What the client gets instead; without it the provider's answer may go on unchanged. */
  readonly raised?: RaisedAnswer
}

/**
 * Undefined for a success.
 * @param headers lower-case names
 * @param at epoch ms of the answer
 * @param whose owner of the credential that was sent
 */
export const classifyAnswer = (
  status: number,
  headers: Headers,
  body: string,
  at: number,
  whose: 'client' | 'gateway',
): FailedAnswer | undefined => {
  const isSuccess = status >= 200 && status < 300
  // Long answers are not parsed for nothing.
  if (isSuccess && !body.includes('"error"')) return undefined
  const found = findEnvelope(body)
  if (found === undefined) {
    const reason = classifyOpenAi(status, headers, body, at, whose)
    return reason === undefined ? undefined : { reason, raised: raiseError(status, headers, body, at, whose) }
  }
  const { envelope, wrapped } = found
  const told = wrapped || isSuccess ? statusOf(envelope, status) : status
  const text = JSON.stringify(envelope)
  const reason = isVendors(envelope)
    ? classifyVendors(told, headers, text, at, whose)
    : (classifyAnthropic(told, headers, text, at, whose) ?? classifyAnthropicEvent(text, whose))
  const { message, type } = readError(text)
  if (!wrapped && mayGoOn(reason, status, message)) return { reason }
  const raised = raiseReason(reason, headers, message, at)
  const raisedError = readError(raised.body)
  // The inner envelope has more to say than ours: its request id and details.
  const isSame = raisedError.type === type && raisedError.message === message
  return { reason, raised: isSame ? { ...raised, body: text } : raised }
}

/** An error of an Anthropic-speaking vendor that also has a vocabulary of its own (OpenRouter, LiteLLM). */
const isVendors = (envelope: Envelope): boolean =>
  ['error_type', 'availability', 'code'].some((name) => envelope.error[name] !== undefined)

const classifyVendors = (status: number, headers: Headers, text: string, at: number, whose: 'client' | 'gateway') =>
  classifyOpenAi(status, headers, text, at, whose) ?? classifyInner(readChatError(text), headers, at, whose)

/** Whether Claude Code reads the provider's own answer as what it is (wire 5). */
const mayGoOn = (reason: FailureReason, status: number, message: string): boolean => {
  switch (reason._tag) {
    case 'ContextTooLong':
      // It compacts on a 400 with these words; a 413 is "request too large" to it, for good.
      return status === 400 && isNative(message)
    case 'RateLimited':
    case 'Overloaded':
    case 'ServerError':
      return status === 408 || status === 409 || status >= 429
    case 'InvalidRequest':
      return reason.status === status
    default:
      return status >= 400
  }
}

interface Envelope extends Json {
  readonly type: 'error'
  readonly error: Json & { readonly type: string }
}

const isEnvelope = (value: unknown): value is Envelope =>
  isObject(value) && value.type === 'error' && isObject(value.error) && typeof value.error.type === 'string'

interface Found {
  readonly envelope: Envelope
  /** It was not the body itself. */
  readonly wrapped: boolean
}

const findEnvelope = (body: string): Found | undefined => {
  const outer = parse(body)
  const envelope = innermost(outer, { left: MOST_PLACES })
  return envelope === undefined ? undefined : { envelope, wrapped: envelope !== outer }
}

/** Relays wrap errors in errors, no known one more than twice: that takes a dozen looks. */
const MOST_PLACES = 40

/** Looks in every place where a relay is known to put what it was told: Google's `message`, OpenRouter's `metadata.raw`. */
const innermost = (value: unknown, places: { left: number }): Envelope | undefined => {
  if (places.left-- <= 0) return undefined
  if (Array.isArray(value)) return innermost(value[0], places)
  if (typeof value === 'string') return innermost(embedded(value), places)
  if (!isObject(value)) return undefined
  if (isEnvelope(value)) {
    // An API's own message may quote JSON of the request; only one that is nothing else was wrapped.
    const { message } = value.error
    const isJson = typeof message === 'string' && message.trimStart().startsWith('{')
    return (isJson ? innermost(message, places) : undefined) ?? value
  }
  const metadata = isObject(value.metadata) ? value.metadata : {}
  for (const place of [value.error, value.message, metadata.raw, value.detail]) {
    const found = innermost(place, places)
    if (found !== undefined) return found
  }
  return undefined
}

/** JSON inside a text: `Publisher model error: {…}`. */
const embedded = (text: string): unknown => {
  const start = text.indexOf('{')
  const end = text.lastIndexOf('}')
  return start !== -1 && end > start && text.includes('"error"') ? parse(text.slice(start, end + 1)) : undefined
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The API's status of an error type; where one type has several, the relay's own is kept if it is among them. */
const statusOf = ({ error: { type } }: Envelope, outer: number): number => {
  switch (type) {
    case 'invalid_request_error':
      return outer === 413 || outer === 422 ? outer : 400
    case 'authentication_error':
      return 401
    case 'billing_error':
      return 402
    case 'permission_error':
      return 403
    case 'not_found_error':
      return 404
    case 'request_too_large':
      return 413
    case 'rate_limit_error':
      return 429
    case 'overloaded_error':
      return outer >= 500 ? outer : 529
    case 'timeout_error':
      return 504
    case 'api_error':
      return outer >= 500 ? outer : 500
    default:
      return outer
  }
}
