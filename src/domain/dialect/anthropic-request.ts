/**
 * What routing needs to know of a Messages request, and the checks that are certain to fail at every provider. Everything
 * else is an open list: unknown fields, roles and blocks pass.
 */
export interface MessagesRequest {
  /** As the client spelled it. */
  readonly model: string
  readonly stream: boolean
  readonly maxTokens: number | undefined
  readonly messages: number
  readonly tools: number
  readonly images: number
}

export type RequestReading =
  | { readonly _tag: 'Valid'; readonly request: MessagesRequest }
  /** `message` is in the Anthropic API's own form, `field: what is wrong`. */
  | { readonly _tag: 'Invalid'; readonly message: string }

/** A body that is not UTF-8 is refused with a clear message, not mangled. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const invalid = (message: string): RequestReading => ({ _tag: 'Invalid', message })

/** Reads the body of POST /v1/messages (`needsMaxTokens`) or of count_tokens. */
export const readRequest = (body: Uint8Array, needsMaxTokens: boolean): RequestReading => {
  let parsed: unknown
  try {
    parsed = JSON.parse(strictUtf8.decode(body))
  } catch {
    return invalid('The request body is not valid JSON')
  }
  if (!isObject(parsed)) return invalid('The request body must be a JSON object')
  const { model, messages, stream, max_tokens: maxTokens, tools } = parsed
  if (model === undefined) return invalid('model: Field required')
  if (typeof model !== 'string' || model.length === 0) return invalid('model: Input should be a valid string')
  if (messages === undefined) return invalid('messages: Field required')
  if (!Array.isArray(messages)) return invalid('messages: Input should be a valid list')
  if (needsMaxTokens && maxTokens === undefined) return invalid('max_tokens: Field required')
  if (maxTokens !== undefined && !(Number.isSafeInteger(maxTokens) && (maxTokens as number) >= 0)) {
    return invalid('max_tokens: Input should be a valid integer')
  }
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean') {
    return invalid('stream: Input should be a valid boolean')
  }
  return {
    _tag: 'Valid',
    request: {
      model,
      stream: stream === true,
      maxTokens: maxTokens as number | undefined,
      messages: messages.length,
      tools: Array.isArray(tools) ? tools.length : 0,
      images: countImages(messages),
    },
  }
}

/** Images in messages and inside tool results. */
const countImages = (messages: readonly unknown[]): number => {
  let images = 0
  // Not recursive: the depth of a body is the client's to choose.
  const open: unknown[] = messages.map((message) => (isObject(message) ? message.content : undefined))
  while (open.length > 0) {
    const content = open.pop()
    if (!Array.isArray(content)) continue
    for (const block of content) {
      if (!isObject(block)) continue
      if (block.type === 'image') images++
      else if (block.type === 'tool_result') open.push(block.content)
    }
  }
  return images
}
