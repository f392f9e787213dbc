/**
 * What an answer that is no Anthropic envelope means, by its status, codes and headers. The words of a message are asked in
 * one place only, where servers have no code: see context-overflow.ts.
 */

import { isObject } from '#domain/dialect/openai/answer-parts.ts'
import { contextOverflow, isUnknownModel } from '#domain/dialect/openai/context-overflow.ts'
import {
  BAD_REQUEST,
  CONTENT,
  CREDENTIAL,
  GENERATION,
  NO_MODEL,
  names,
  OVERLOAD,
  QUOTA,
  RATE,
  RETIRED,
  TIMEOUT,
} from '#domain/dialect/openai/error-words.ts'
import { exhaustedUntil } from '#domain/dialect/openai/rate-headers.ts'
import { type ChatError, chatError, readChatError } from '#domain/dialect/openai/read-error.ts'
import { retryAt, withinReason } from '#domain/dialect/retry-after.ts'
import type { FailureReason } from '#domain/failure.ts'

type Headers = readonly (readonly [name: string, value: string])[]
type Whose = 'client' | 'gateway'

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
  if (status < 200 || status >= 300) return reasonOf(status, headers, readChatError(body, headers), body, at, whose)
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
  if (names(error, QUOTA)) return 402
  if (names(error, RATE)) return 429
  if (names(error, OVERLOAD)) return 503
  if (names(error, CREDENTIAL)) return 401
  if (names(error, NO_MODEL)) return 404
  if (names(error, TIMEOUT)) return 504
  // Before the request errors: a context that is too long has its own word, and 400 lets it be asked for.
  const isRefusal = contextOverflow(error) !== undefined || names(error, CONTENT) || names(error, BAD_REQUEST)
  return isRefusal ? 400 : 500
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
  const told =
    retryAt(headers, at) ?? (error.retryAfterMs === undefined ? undefined : withinReason(at + error.retryAfterMs, at))
  const until = told === undefined ? {} : { until: told }

  if (status === 410 || names(error, RETIRED) || announcesEnd(status, headers, body)) return { _tag: 'Retired', status }
  if (status < 400) return { _tag: 'Unknown', status }
  // llama.cpp and Groq say it with other statuses too; a code or these words of a refused request are enough.
  const overflow = contextOverflow(error)
  if (overflow !== undefined && (refusesRequest(status) || overflow.isCode)) {
    return { _tag: 'ContextTooLong', status, ...overflow.limit }
  }
  if (status < 500 && names(error, CONTENT)) return { _tag: 'ContentRefused', status }
  if (status === 402 || names(error, QUOTA)) return { _tag: 'QuotaExhausted', status, ...until }
  if (status < 500 && names(error, GENERATION)) return { _tag: 'ServerError', status, ...until }
  // Some refuse with a status of the request what only their word tells apart.
  if (status < 500 && (names(error, OVERLOAD) || (status !== 429 && error.retryable === true))) {
    return { _tag: 'Overloaded', status, ...until }
  }
  if (status < 500 && status !== 413 && status !== 429 && names(error, RATE)) {
    return { _tag: 'RateLimited', status, ...until }
  }
  switch (status) {
    case 401:
      return { _tag: 'CredentialRefused', status, whose }
    case 403:
      // OpenAI answers 403 to a project that may not use one model, OpenRouter to a region.
      return names(error, NO_MODEL)
        ? { _tag: 'InvalidRequest', status: 404 }
        : { _tag: 'CredentialRefused', status, whose }
    case 400:
    case 422:
      if (names(error, CREDENTIAL)) return { _tag: 'CredentialRefused', status, whose }
      // Another provider may have the model: 404 is the status that says so, whatever this server calls it.
      return { _tag: 'InvalidRequest', status: names(error, NO_MODEL) || isUnknownModel(error) ? 404 : status }
    case 405:
      // No such endpoint here: what it was asked for may be elsewhere.
      return { _tag: 'InvalidRequest', status: 404 }
    // A proxy on the way, or a server that is not the one that was meant.
    case 407:
    case 421:
    case 408:
    case 409:
    // Bedrock, when its own model failed.
    case 424:
    case 425:
    // Google, when its own backend gave up.
    case 499:
      return { _tag: 'ServerError', status, ...until }
    case 413:
      // Groq: the request alone is larger than the limit of a minute. It will not fit later either.
      return names(error, RATE)
        ? { _tag: 'ContextTooLong', status, limit: 'provider' }
        : { _tag: 'InvalidRequest', status }
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
      return { _tag: names(error, OVERLOAD) ? 'Overloaded' : 'ServerError', status, ...until }
  }
}
