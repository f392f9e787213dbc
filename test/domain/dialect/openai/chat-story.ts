/**
 * Chat streams for tests: bytes of chunks, their translation, and what the official SDK's rules make of the frames.
 */

import type { AnswerOptions } from '#domain/dialect/openai/answer-parts.ts'
import { chatStream, endChat, stepChat } from '#domain/dialect/openai/stream.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'

/** New ids are counted, so that two translations of one answer agree. */
export const answerOptions = (more: Partial<AnswerOptions> = {}): AnswerOptions => {
  let ids = 0
  return {
    quirks: openAiQuirks,
    names: { tools: new Map(), ids: new Map() },
    sign: (text) => `ours:${text.length}`,
    model: 'claude-opus-5-5',
    newId: () => String(++ids).padStart(24, 'A'),
    estimatedInputTokens: 777,
    ...more,
  }
}

export const bytesOf = (...chunks: readonly (object | string)[]): Buffer =>
  Buffer.from(chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join(''))

export const delta = (change: object, finish_reason: string | null = null) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: change, finish_reason }],
})
export const call = (index: number | undefined, id: string | undefined, name: string | undefined, args?: unknown) =>
  delta({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: args } }] })

export const translate = (bytes: Uint8Array, options = answerOptions(), size = bytes.length) => {
  const stream = chatStream(options)
  const frames: string[] = []
  const cutter = frameCutter()
  for (let i = 0; i < bytes.length; i += size) {
    cutFrames(cutter, bytes.subarray(i, i + size), (frame) => frames.push(...stepChat(stream, frame)))
  }
  const end = endChat(stream)
  if ('frames' in end) frames.push(...end.frames)
  return { stream, frames, broken: 'broken' in end ? end.broken : undefined }
}

export interface Block {
  readonly type: string
  readonly text?: string
  readonly thinking?: string
  readonly signature?: string
  readonly id?: string
  readonly name?: string
  readonly input?: unknown
}
interface Data {
  readonly type: string
  readonly index: number
  readonly message: { readonly id: string; readonly usage: object }
  readonly content_block: Block
  readonly delta: { readonly [key: string]: string }
  readonly usage: object
  readonly error: object
}

/** Accumulates frames and throws on any order that the API would not send. */
export const accumulate = (frames: readonly string[]) => {
  const content: Block[] = []
  const result = { content, id: '', stop: {}, usage: {}, ended: false, error: undefined as object | undefined }
  let open: { block: Block; json: string } | undefined
  for (const frame of frames) {
    const match = /^event: (\w+)\ndata: (.+)\n\n$/.exec(frame)
    if (match === null || result.ended) throw new Error(`not a frame here: ${frame}`)
    const data = JSON.parse(match[2]!) as Data
    if (data.type !== match[1]) throw new Error('name and type differ')
    if (data.type === 'ping') continue
    if (data.type === 'message_start') {
      if (result.id !== '') throw new Error('two starts')
      result.id = data.message.id
      result.usage = data.message.usage
    } else if (data.type === 'error') result.error = data.error
    else if (result.id === '') throw new Error('not started')
    else if (data.type === 'content_block_start') {
      if (open !== undefined || data.index !== content.length) throw new Error('a block inside a block')
      open = { block: { ...data.content_block }, json: '' }
    } else if (data.type === 'content_block_delta') {
      if (open === undefined || data.index !== content.length) throw new Error('no such block')
      const { block } = open
      if (data.delta.type === 'text_delta') open.block = { ...block, text: block.text! + data.delta.text! }
      else if (data.delta.type === 'thinking_delta')
        open.block = { ...block, thinking: block.thinking! + data.delta.thinking! }
      else if (data.delta.type === 'signature_delta') open.block = { ...block, signature: data.delta.signature! }
      else open.json += data.delta.partial_json!
    } else if (data.type === 'content_block_stop') {
      if (open === undefined || data.index !== content.length) throw new Error('no such block')
      content.push(
        open.block.type === 'tool_use' ? { ...open.block, input: JSON.parse(open.json) as unknown } : open.block,
      )
      open = undefined
    } else if (data.type === 'message_delta') {
      if (open !== undefined) throw new Error('an open block at the end')
      result.stop = data.delta
      result.usage = { ...result.usage, ...data.usage }
    } else if (data.type === 'message_stop') result.ended = true
    else throw new Error(`unknown ${data.type}`)
  }
  return result
}
