/**
 * Error bodies as OpenAI, Azure, OpenRouter, Groq, Google, Bedrock, vLLM, Ollama, FastAPI and proxies write them → one
 * shape. Facts: providers 2.5, 3.4, 4.5, 5.3 and 9.
 */
import { isObject, type Json, listOf, textOf } from '#domain/dialect/openai/answer-parts.ts'
import { durationMs } from '#domain/dialect/openai/rate-headers.ts'

type Headers = readonly (readonly [name: string, value: string])[]

export interface ChatError {
  /**
   * Every word that names the kind of error: code, type, Google's status and reasons, OpenRouter's error_type and
   * availability code, Bedrock's exception. In lower case with `_` for blanks and hyphens.
   */
  readonly words: ReadonlySet<string>
  /** The HTTP status that the body names, if any. */
  readonly status: number | undefined
  /** '' when the body has none. */
  readonly message: string
  /** OpenRouter says outright if waiting helps. */
  readonly retryable: boolean | undefined
  /** Milliseconds that the body asks to wait. */
  readonly retryAfterMs: number | undefined
  /** False for markup, plain text, an empty body and everything else that is not an error of an API. */
  readonly readable: boolean
}

/** @param headers lower-case names; Bedrock names its exception there */
export const readChatError = (body: string, headers: Headers = []): ChatError => {
  const error = parsedError(body)
  const exception = headers.find(([name]) => name === 'x-amzn-errortype')?.[1]
  if (exception === undefined) return error
  return { ...error, words: new Set([...error.words, wordOf(exception)]), readable: true }
}

const parsedError = (body: string): ChatError => {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    const text = body.trim()
    // The text of a proxy is its message; markup says nothing to anybody.
    return { ...fromObject({ message: text.startsWith('<') ? '' : text }), readable: false }
  }
  return chatError(parsed)
}

/** The same from parsed JSON. */
export const chatError = (parsed: unknown): ChatError => {
  const found = innermost(parsed, 0)
  return found === undefined ? { ...fromObject({}), readable: false } : fromObject(found)
}

/** Relays wrap errors in errors; no known one more than twice. */
const MOST_DEPTH = 4

const innermost = (value: unknown, depth: number): Json | undefined => {
  if (typeof value === 'string') return { message: value }
  // Google answers streams with an array of one error.
  if (Array.isArray(value)) return depth < MOST_DEPTH ? innermost(value[0], depth + 1) : undefined
  if (!isObject(value) || depth === MOST_DEPTH) return undefined
  const { error, detail, errors } = value
  if (typeof error === 'string') return { ...value, message: messageOf(value) || error }
  if (isObject(error) || Array.isArray(error)) return innermost(error, depth + 1) ?? value
  if (isObject(detail)) return innermost(detail, depth + 1) ?? value
  if (detail !== undefined && detail !== null) return { ...value, message: detailText(detail) || messageOf(value) }
  return listOf(errors).length > 0 ? (innermost(errors, depth + 1) ?? value) : value
}

const messageOf = (error: Json): string => textOf(error.message) || textOf(error.Message) || textOf(error.msg)

const fromObject = (error: Json): ChatError => {
  const metadata = isObject(error.metadata) ? error.metadata : {}
  const availability = isObject(error.availability) ? error.availability : {}
  const inner = isObject(error.innererror) ? error.innererror : {}
  const details = listOf(error.details).filter(isObject)
  const named = [
    error.code,
    error.type,
    error.status,
    error.error_type,
    error.__type,
    metadata.error_type,
    availability.code,
    inner.code,
    ...details.map((detail) => detail.reason),
    // OpenRouter's moderation has no word of its own.
    Array.isArray(metadata.reasons) ? 'content_policy_violation' : undefined,
  ]
  return {
    words: new Set(named.map((name) => wordOf(textOf(name))).filter((word) => word !== '')),
    status: [error.code, error.status, error.statusCode, error.status_code]
      .map(httpStatus)
      .find((status) => status !== undefined),
    message: messageOf(error),
    retryable: typeof availability.retryable === 'boolean' ? availability.retryable : undefined,
    retryAfterMs:
      [availability.retry_after, metadata.retry_after, error.retry_after]
        .map(secondsMs)
        .find((delay) => delay !== undefined) ?? googleDelay(details),
    readable: true,
  }
}

/** Without the namespaces of Amazon's exceptions: `com.amazon.coral#ThrottlingException`, `ThrottlingException:http://…`. */
const wordOf = (name: string): string =>
  name
    .replace(/^.*#/, '')
    .replace(/:.*$/, '')
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_')

const httpStatus = (value: unknown): number | undefined => {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined
}

/** Seconds as a number or its text. */
const secondsMs = (value: unknown): number | undefined => {
  const seconds = typeof value === 'string' ? durationMs(value) : typeof value === 'number' ? value * 1000 : undefined
  return seconds !== undefined && seconds >= 0 && Number.isFinite(seconds) ? seconds : undefined
}

/** google.rpc.RetryInfo: `retryDelay: "34s"`; google.rpc.ErrorInfo: `metadata.quotaResetDelay: "1h2m3.5s"`. */
const googleDelay = (details: readonly Json[]): number | undefined =>
  details
    .flatMap(({ retryDelay, metadata }) => [retryDelay, isObject(metadata) ? metadata.quotaResetDelay : undefined])
    .map((delay) => durationMs(textOf(delay)))
    .find((delay) => delay !== undefined)

/** FastAPI: a text, or a list of what was wrong with which field. */
const detailText = (detail: unknown): string =>
  textOf(detail) ||
  listOf(detail)
    .filter(isObject)
    .map((one) => [listOf(one.loc).join('.'), textOf(one.msg)].filter((word) => word !== '').join(': '))
    .join('; ')
