/**
 * Thinking of vendors that speak the Anthropic format but are not Claude: its signatures are marked on the way to the client
 * (see provenance.ts), so that the history can go to Claude later without them, and back to the vendor with them.
 */
import { wrapSignature } from '#domain/dialect/provenance.ts'
import { eventData, eventName } from '#domain/dialect/sse-fields.ts'
import { parseTold } from '#domain/dialect/told-json.ts'

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const SIGNATURE = encoder.encode('"signature')

/** One frame of a stream as cut by `cutFrames`; the same array unless it holds a signature. */
export const markFrame = (provider: string, frame: Uint8Array): Uint8Array => {
  const name = eventName(frame)
  if (name !== 'content_block_delta' && name !== 'content_block_start') return frame
  if (!includes(frame, SIGNATURE)) return frame
  const event = parseTold(eventData(frame))
  const inner = isObject(event) ? (event.delta ?? event.content_block) : undefined
  if (!isObject(event) || !isObject(inner) || !isUnmarked(inner.signature)) return frame
  const marked = { ...inner, signature: wrapSignature(provider, inner.signature) }
  const data = { ...event, ...(isObject(event.delta) ? { delta: marked } : { content_block: marked }) }
  return encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}

/** A whole message; the same array unless it holds a signature. */
export const markMessage = (provider: string, body: Uint8Array): Uint8Array => {
  if (!includes(body, SIGNATURE)) return body
  const message = parseTold(decoder.decode(body))
  if (!isObject(message) || !Array.isArray(message.content)) return body
  const content = message.content.map((block: unknown) =>
    isObject(block) && block.type === 'thinking' && isUnmarked(block.signature)
      ? { ...block, signature: wrapSignature(provider, block.signature) }
      : block,
  )
  return encoder.encode(JSON.stringify({ ...message, content }))
}

/** An empty one says nothing; it goes before Claude sees it anyway. */
const isUnmarked = (signature: unknown): signature is string => typeof signature === 'string' && signature !== ''

const includes = (bytes: Uint8Array, wanted: Uint8Array): boolean => {
  const [first = 0] = wanted
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return true
  }
  return false
}
