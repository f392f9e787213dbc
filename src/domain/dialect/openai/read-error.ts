/**
 * Error bodies of the chat dialect, as OpenAI, Azure, OpenRouter, Groq, Google, vLLM, Ollama, FastAPI and proxies write
 * them → one shape. Facts: providers 3.4, 4.5 and 5.3.
 */
import { isObject, type Json, listOf, textOf } from '#domain/dialect/openai/answer-parts.ts'
import { durationMs } from '#domain/dialect/openai/rate-headers.ts'

export interface ChatError {
  /** Every word that names the kind of error: code, type, Google's status, OpenRouter's error_type and availability code. */
  readonly words: ReadonlySet<string>
  /** The HTTP status that the body names, if any. */
  readonly status: number | undefined
  /** '' when the body has none. */
  readonly message: string
  /** OpenRouter says outright if waiting helps. */
  readonly retryable: boolean | undefined
  /** Milliseconds that the body asks to wait. */
  readonly retryAfterMs: number | undefined
  /** False for HTML, an empty body and everything else that is not an error of an API. */
  readonly readable: boolean
}

export const readChatError = (body: string): ChatError => {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return chatError(undefined)
  }
  return chatError(parsed)
}

/** The same from parsed JSON. */
export const chatError = (parsed: unknown): ChatError => {
  // Google answers streams with an array of one error.
  const body = Array.isArray(parsed) ? parsed[0] : parsed
  if (typeof body === 'string') return fromObject({ message: body })
  if (!isObject(body)) return { ...fromObject({}), readable: false }
  if (typeof body.error === 'string') return fromObject({ ...body, message: body.error })
  if (isObject(body.error)) return fromObject(body.error)
  if (body.detail !== undefined) return fromObject({ ...body, message: detailText(body.detail) })
  const listed = listOf(body.errors)[0]
  return fromObject(isObject(listed) ? listed : body)
}

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
    metadata.error_type,
    availability.code,
    inner.code,
  ]
  const words = [...named, ...details.map((detail) => detail.reason)].map(textOf).filter((word) => word !== '')
  return {
    words: new Set(words),
    status: httpStatus(error.code) ?? httpStatus(error.status) ?? httpStatus(error.statusCode),
    message: textOf(error.message),
    retryable: typeof availability.retryable === 'boolean' ? availability.retryable : undefined,
    retryAfterMs: seconds(availability.retry_after) ?? seconds(metadata.retry_after) ?? googleDelay(details),
    readable: true,
  }
}

const httpStatus = (value: unknown): number | undefined => {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined
}

const seconds = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value * 1000 : undefined

/** google.rpc.RetryInfo: `retryDelay: "34s"`. */
const googleDelay = (details: readonly Json[]): number | undefined =>
  details.map((detail) => durationMs(textOf(detail.retryDelay))).find((delay) => delay !== undefined)

/** FastAPI: a text, or a list of what was wrong with which field. */
const detailText = (detail: unknown): string =>
  textOf(detail) ||
  listOf(detail)
    .filter(isObject)
    .map((one) => [listOf(one.loc).join('.'), textOf(one.msg)].filter((word) => word !== '').join(': '))
    .join('; ')
