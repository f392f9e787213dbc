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
  /** The last word on the usage has come, with the stop reason. */
  isCounted: boolean
  /** Deltas of content that came, and their bytes, framing included. */
  contentFrames: number
  contentBytes: number
  /** What the provider says it charged; the last word counts. */
  costUsd: number | undefined
  /** Data of the `error` event, once seen. */
  errorData: string | undefined
  /** A known event whose data was not JSON, or that came before there was a message. */
  malformed: boolean
}

export const anthropicStream = (): AnthropicStream => ({
  started: false,
  model: undefined,
  stopReason: null,
  usage: undefined,
  isCounted: false,
  contentFrames: 0,
  contentBytes: 0,
  costUsd: undefined,
  errorData: undefined,
  malformed: false,
})

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

const parse = (stream: AnthropicStream, frame: Uint8Array): Json => {
  const data = parseTold(eventData(frame))
  if (isObject(data)) return data
  stream.malformed = true
  return {}
}

const PARTS = new Set([
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
])

/** Reads one frame; content deltas, the bulk of every stream, are not even decoded. */
export const readFrame = (stream: AnthropicStream, frame: Uint8Array): FrameKind => {
  const name = eventName(frame)
  // The middle of an answer that never began: the client drops it all, and asks again.
  if (!stream.started && PARTS.has(name)) stream.malformed = true
  switch (name) {
    case '':
    case 'ping':
      return 'quiet'
    case 'content_block_delta':
      stream.contentFrames += 1
      stream.contentBytes += frame.length
      return 'content'
    case 'message_start': {
      const message = parse(stream, frame).message
      stream.started = true
      if (isObject(message)) {
        if (typeof message.model === 'string') stream.model = clipName(message.model)
        stream.usage = readUsage(message.usage) ?? stream.usage
        stream.costUsd = readCost(message.usage) ?? stream.costUsd
      }
      return 'prelude'
    }
    case 'content_block_start':
      return isEmptyBlock(parse(stream, frame).content_block) ? 'prelude' : 'content'
    case 'content_block_stop':
      return 'prelude'
    case 'message_delta': {
      const data = parse(stream, frame)
      stream.usage = mergeDeltaUsage(stream.usage, data.usage)
      stream.costUsd = readCost(data.usage) ?? stream.costUsd
      const reason = isObject(data.delta) ? data.delta.stop_reason : undefined
      if (typeof reason !== 'string') return 'content'
      stream.stopReason = clipName(reason)
      stream.isCounted = true
      return 'finish'
    }
    case 'message_stop':
      return 'stop'
    case 'error':
      stream.errorData = eventData(frame)
      return 'error'
    default:
      return 'content'
  }
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
