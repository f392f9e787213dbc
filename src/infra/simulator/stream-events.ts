/**
 * A message as the API streams it: frames of `event:` and `data:` lines, each with the output tokens that have been made
 * when it leaves.
 */
import {
  blockTokens,
  type Extras,
  type FullBlock,
  finalUsage,
  isText,
  isThinking,
  isToolUse,
  type Message,
  startUsage,
} from '#infra/simulator/content.ts'

export interface StreamEvent {
  readonly bytes: Uint8Array
  /** Output tokens made up to and including this event. */
  readonly tokens: number
}

export interface StreamShape {
  /** Characters of text, thinking or tool JSON per delta; 12 is about three tokens. */
  readonly charactersPerDelta: number
}

/** One SSE frame. */
export const frame = (event: string, data: object): Uint8Array =>
  Buffer.from(`event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`)

export const pingFrame = frame('ping', {})

/** All events of a message, `message_start` to `message_stop`, with one ping where the API puts it. */
export const streamEvents = (message: Message, shape: StreamShape, extras: Extras = {}): readonly StreamEvent[] => {
  const events: StreamEvent[] = []
  let tokens = 0
  const emit = (event: string, data: object, made = 0): void => {
    tokens += made
    events.push({ bytes: frame(event, data), tokens })
  }
  emit('message_start', {
    message: {
      id: message.id,
      type: 'message',
      role: 'assistant',
      model: message.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: { ...startUsage(message), ...extras.startUsage },
      ...extras.message,
    },
  })
  for (const [index, block] of message.blocks.entries()) {
    emit('content_block_start', { index, content_block: startOf(block) })
    if (index === 0) emit('ping', {})
    const deltas = deltasOf(block, shape)
    const share = deltas.length === 0 ? 0 : blockTokens(block) / deltas.length
    for (const delta of deltas) emit('content_block_delta', { index, delta }, share)
    emit('content_block_stop', { index })
  }
  emit('message_delta', {
    delta: { stop_reason: message.stopReason, stop_sequence: null, stop_details: null, container: null },
    usage: { ...finalUsage(message), ...extras.finalUsage },
  })
  emit('message_stop', {})
  return events
}

/** A block as `content_block_start` shows it: empty where deltas fill it, whole where none come. */
const startOf = (block: FullBlock): object => {
  if (isText(block)) return { type: 'text', text: '', ...(block.citations === undefined ? {} : { citations: [] }) }
  if (isThinking(block)) return { type: 'thinking', thinking: '', signature: '' }
  if (isToolUse(block)) return { type: block.type, id: block.id, name: block.name, input: {} }
  return block
}

const deltasOf = (block: FullBlock, shape: StreamShape): readonly object[] => {
  if (isText(block)) {
    return [
      ...(block.citations ?? []).map((citation) => ({ type: 'citations_delta', citation })),
      ...cut(block.text, shape.charactersPerDelta).map((text) => ({ type: 'text_delta', text })),
    ]
  }
  if (isThinking(block)) {
    // Thinking that is not displayed is one empty delta.
    const parts = block.thinking === '' ? [''] : cut(block.thinking, shape.charactersPerDelta)
    return [
      ...parts.map((thinking) => ({ type: 'thinking_delta', thinking })),
      { type: 'signature_delta', signature: block.signature },
    ]
  }
  if (isToolUse(block)) {
    // The first part is always empty; a call without arguments sends nothing else.
    const json = Object.keys(block.input).length === 0 ? '' : JSON.stringify(block.input)
    return ['', ...cut(json, shape.charactersPerDelta)].map((partial_json) => ({
      type: 'input_json_delta',
      partial_json,
    }))
  }
  return []
}

/** Parts of at most `length` characters; never cuts a surrogate pair. */
export const cut = (text: string, length: number): readonly string[] => {
  const parts: string[] = []
  let at = 0
  while (at < text.length) {
    let end = Math.min(text.length, at + length)
    const last = text.charCodeAt(end - 1)
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end++
    parts.push(text.slice(at, end))
    at = end
  }
  return parts
}
