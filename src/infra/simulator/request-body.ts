/**
 * What the simulator reads of a Messages or count_tokens body, and the real API's complaints about a wrong one.
 * Everything else in the body is accepted: the API grows faster than this file.
 */
import { isObject, parseJson } from '#infra/simulator/json.ts'

export interface MessagesBody {
  readonly model: string
  readonly max_tokens?: number
  readonly messages: readonly { readonly role: string; readonly content: string | readonly object[] }[]
  readonly system?: string | readonly object[]
  readonly tools?: readonly object[]
  readonly stream?: boolean
  readonly tool_choice?: object
  readonly thinking?: { readonly type?: string; readonly display?: string; readonly budget_tokens?: number }
  readonly cache_control?: object
}

/** A body of the right shape, or the message of the 400 that the API would answer. */
export type ParsedBody =
  | { readonly _tag: 'Valid'; readonly body: MessagesBody }
  | { readonly _tag: 'Invalid'; readonly message: string }

/**
 * `counting`: for count_tokens, which takes no `max_tokens`. `version`: the `anthropic-version` that the request names.
 * `model`: from the path, for wires that have it there.
 */
export const parseBody = (
  bytes: Uint8Array,
  options: { readonly counting: boolean; readonly version: string | undefined; readonly model?: string },
): ParsedBody => {
  const sent = parseJson(bytes)
  if (!isObject(sent)) return invalid('The request body is not valid JSON')
  const json = options.model === undefined ? sent : { ...sent, model: options.model }
  const complaint = complaintAbout(json, options.counting, options.version)
  return complaint === undefined ? { _tag: 'Valid', body: json as unknown as MessagesBody } : invalid(complaint)
}

const complaintAbout = (
  body: { readonly [key: string]: unknown },
  counting: boolean,
  version: string | undefined,
): string | undefined => {
  if (body.model === undefined) return 'model: Field required'
  if (typeof body.model !== 'string') return 'model: Input should be a valid string'
  if (!counting) {
    if (body.max_tokens === undefined) return 'max_tokens: Field required'
    if (!Number.isInteger(body.max_tokens)) return 'max_tokens: Input should be a valid integer'
    if (Number(body.max_tokens) < 0) return 'max_tokens: must be greater than or equal to 0'
  }
  if (body.messages === undefined) return 'messages: Field required'
  if (!Array.isArray(body.messages)) return 'messages: Input should be a valid array'
  if (body.messages.length === 0) return 'messages: at least one message is required'
  for (const [index, message] of body.messages.entries()) {
    const complaint = complaintAboutMessage(message)
    if (complaint !== undefined) return `messages.${index}${complaint}`
  }
  if (body.system !== undefined && !isContent(body.system)) return 'system: Input should be a valid array'
  if (body.tools !== undefined && !(Array.isArray(body.tools) && body.tools.every(isObject))) {
    return 'tools: Input should be a valid array'
  }
  if (body.stream !== undefined && typeof body.stream !== 'boolean') return 'stream: Input should be a valid boolean'
  if (version === '2026-10-21') {
    for (const gone of ['temperature', 'top_p', 'top_k']) {
      if (body[gone] !== undefined) return `${gone}: Extra inputs are not permitted`
    }
  }
  return undefined
}

const complaintAboutMessage = (message: unknown): string | undefined => {
  if (!isObject(message)) return ': Input should be a valid dictionary or object to extract fields from'
  if (message.role !== 'user' && message.role !== 'assistant' && message.role !== 'system') {
    return `.role: Input should be 'user', 'assistant' or 'system'`
  }
  if (message.content === undefined) return '.content: Field required'
  if (!isContent(message.content)) return '.content: Input should be a valid array'
  if (Array.isArray(message.content)) {
    const typeless = message.content.findIndex((block) => typeof block.type !== 'string')
    if (typeless !== -1) return `.content.${typeless}.type: Field required`
  }
  return undefined
}

const isContent = (value: unknown): boolean =>
  typeof value === 'string' || (Array.isArray(value) && value.every(isObject))

const invalid = (message: string): ParsedBody => ({ _tag: 'Invalid', message })
