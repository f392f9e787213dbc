/**
 * What we read of an Anthropic event stream while it passes by: how binding each frame is for the client, and the few
 * values that are recorded. Unknown events and blocks are never errors.
 */
import { clipName, mergeDeltaUsage, readCost, readUsage } from '#domain/dialect/anthropic-usage.ts'
import { eventData, eventName } from '#domain/dialect/sse-fields.ts'
import { parseTold } from '#domain/dialect/told-json.ts'
import type { Usage } from '#domain/usage.ts'

/**
 * - `quiet`: comment, ping, unnamed data: says nothing.
 * - `prelude`: message_start, the start or end of an empty block: binds nobody yet.
 * - `content`: anything the client acts on, unknown events included.
 * - `finish`: message_delta with a stop reason: the answer is complete but for its last frame.
 * - `stop`: message_stop.
 * - `error`: the provider's own error event.
 */
export type FrameKind = 'quiet' | 'prelude' | 'content' | 'finish' | 'stop' | 'error'

/** Owned by one stream and updated in place. */
export interface AnthropicStream {
  started: boolean
  model: string | undefined
  stopReason: string | null
  usage: Usage | undefined
  /** The last word on the usage has come, with the stop reason, and no more of the answer after it. */
  isCounted: boolean
  /** A block has begun; it may be over. */
  hasBlock: boolean
  /** Deltas of content that came, and their bytes, framing included. */
  contentFrames: number
  contentBytes: number
  /** What the provider says it charged; the last word counts. */
  costUsd: number | undefined
  /** Data of the `error` event, once seen. */
  errorData: string | undefined
  /** A known event whose data was not JSON or named another event, or that came before what it belongs to; a second beginning. */
  malformed: boolean
}

export const anthropicStream = (): AnthropicStream => ({
  started: false,
  model: undefined,
  stopReason: null,
  usage: undefined,
  isCounted: false,
  hasBlock: false,
  contentFrames: 0,
  contentBytes: 0,
  costUsd: undefined,
  errorData: undefined,
  malformed: false,
})

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

/** Clients go by the `type` in the data: where it is not the event's name, they read something else than is read here. */
const parse = (stream: AnthropicStream, frame: Uint8Array, name: string): Json => {
  const data = parseTold(eventData(frame))
  if (isObject(data) && (data.type === undefined || data.type === name)) return data
  stream.malformed = true
  return {}
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
/** How nearly every frame begins; of servers in Python with a space. To decode them all would be most of the work on a stream. */
const USUAL = bytesOf('event: content_block_delta\ndata: {"type":"content_block_delta",')
const SPACED = bytesOf('event: content_block_delta\ndata: {"type": "content_block_delta",')
const LF = 10
const CR = 13
const CLOSING_BRACE = 125

const isUsualDelta = (frame: Uint8Array): boolean =>
  frame[frame.length - 3] === CLOSING_BRACE &&
  (startsWith(frame, USUAL) || startsWith(frame, SPACED)) &&
  frame.indexOf(LF, USUAL.length) === frame.length - 2 &&
  frame.indexOf(CR, USUAL.length) === -1

const startsWith = (frame: Uint8Array, usual: Uint8Array): boolean => {
  for (let i = 0; i < usual.length; i++) if (frame[i] !== usual[i]) return false
  return true
}

const PARTS = new Set([
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
])

/** Reads one frame; content deltas, the bulk of every stream, are not even decoded, but for odd ones and the first, which binds the client. */
export const readFrame = (stream: AnthropicStream, frame: Uint8Array): FrameKind => {
  if (stream.contentFrames > 0 && isUsualDelta(frame)) return contentOf(stream, frame)
  const name = eventName(frame)
  // The middle of an answer that never began: the client drops it all, and asks again.
  if (!stream.started && PARTS.has(name)) stream.malformed = true
  switch (name) {
    case '':
    case 'ping':
      return 'quiet'
    case 'content_block_delta': {
      const { delta } = parse(stream, frame, name)
      if (!stream.hasBlock || !isObject(delta)) stream.malformed = true
      return contentOf(stream, frame)
    }
    case 'message_start': {
      const { message } = parse(stream, frame, name)
      // Two answers in one are none: a server that began again in the middle shows here.
      if (stream.started || !isObject(message)) {
        stream.malformed = true
        return 'prelude'
      }
      stream.started = true
      if (typeof message.model === 'string') stream.model = clipName(message.model)
      stream.usage = readUsage(message.usage)
      stream.costUsd = readCost(message.usage)
      return 'prelude'
    }
    case 'content_block_start':
      stream.isCounted = false
      stream.hasBlock = true
      return isEmptyBlock(parse(stream, frame, name).content_block) ? 'prelude' : 'content'
    case 'content_block_stop':
      parse(stream, frame, name)
      return 'prelude'
    case 'message_delta': {
      const data = parse(stream, frame, name)
      stream.usage = mergeDeltaUsage(stream.usage, data.usage)
      stream.costUsd = readCost(data.usage) ?? stream.costUsd
      const reason = isObject(data.delta) ? data.delta.stop_reason : undefined
      if (typeof reason !== 'string') return 'content'
      stream.stopReason = clipName(reason)
      stream.isCounted = true
      return 'finish'
    }
    case 'message_stop':
      parse(stream, frame, name)
      return 'stop'
    case 'error':
      stream.errorData = eventData(frame)
      return 'error'
    default:
      if (isKnownWithin(frame)) stream.malformed = true
      return 'content'
  }
}

const contentOf = (stream: AnthropicStream, frame: Uint8Array): 'content' => {
  stream.isCounted = false
  stream.contentFrames += 1
  stream.contentBytes += frame.length
  return 'content'
}

/** Of an event by a name that nobody knows: a client would take it for the known one. */
const isKnownWithin = (frame: Uint8Array): boolean => {
  const data = parseTold(eventData(frame))
  return isObject(data) && typeof data.type === 'string' && (data.type === 'message_start' || PARTS.has(data.type))
}

/** Whether a frame says nothing, wherever it stands. */
export const isQuiet = (frame: Uint8Array): boolean => {
  const name = eventName(frame)
  return name === '' || name === 'ping'
}

/** Blocks that carry nothing yet; those that arrive whole (redacted thinking, server tool results …) are content. */
const isEmptyBlock = (block: unknown): boolean => {
  if (!isObject(block)) return true
  switch (block.type) {
    case 'text':
      return block.text === '' || block.text === undefined
    case 'thinking':
      return block.thinking === '' || block.thinking === undefined
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return !isObject(block.input) || Object.keys(block.input).length === 0
    default:
      return false
  }
}
