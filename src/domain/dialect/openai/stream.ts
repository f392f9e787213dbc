/**
 * A chat completion stream → Anthropic event frames, frame by frame. Nothing is sent before the server's first choice, so
 * that another provider may still be tried; and an end is only told when the server told one: a stream that breaks off is
 * reported as broken, never as an `end_turn`.
 */

import {
  type AnswerOptions,
  isObject,
  type Json,
  listOf,
  readParts,
  textOf,
} from '#domain/dialect/openai/answer-parts.ts'
import {
  addCall,
  addProse,
  type Blocks,
  blocks,
  sseFrame,
  tooMuch,
  writeBlocks,
} from '#domain/dialect/openai/blocks.ts'
import { type RaisedError, raiseInnerError } from '#domain/dialect/openai/raise-error.ts'
import { isFailedFinish, raiseStop } from '#domain/dialect/openai/stop-reason.ts'
import { endThinking, splitThinking, type ThinkTags, thinkTags } from '#domain/dialect/openai/think-tags.ts'
import { raiseUsage, tokensOf, usageOf } from '#domain/dialect/openai/usage.ts'
import { eventData, eventName } from '#domain/dialect/sse-fields.ts'
import { parseTold } from '#domain/dialect/told-json.ts'

/**
 * - `waiting`: no choice yet, nothing was sent but pings.
 * - `open`: `message_start` is out.
 * - `finished`: the server gave its finish reason; usage may follow. A caller that waits long enough calls endChat.
 * - `ended`: `message_stop` is out.
 * - `failed`: the server sent an error, and `error` says which; an `error` event is out.
 * - `broken`: not a chat stream, or not any more; nothing more will be sent.
 */
export type ChatPhase = 'waiting' | 'open' | 'finished' | 'ended' | 'failed' | 'broken'

/** Owned by one stream and updated in place. */
export interface ChatStream {
  readonly options: AnswerOptions
  phase: ChatPhase
  /** Why, in phase `broken`. */
  broken: string
  /** In phase `failed`. */
  error: RaisedError | undefined
  /** The server's own id of the answer, for the log. */
  upstreamId: string | undefined
  readonly blocks: Blocks
  readonly tags: ThinkTags
  usage: Json | undefined
  finish: string
  refused: boolean
}

export const chatStream = (options: AnswerOptions): ChatStream => ({
  options,
  phase: 'waiting',
  broken: '',
  error: undefined,
  upstreamId: undefined,
  blocks: blocks(options),
  tags: thinkTags(options.quirks.thinkTags === true),
  usage: undefined,
  finish: '',
  refused: false,
})

export const PING = sseFrame('ping', {})
const isOver = (stream: ChatStream): boolean =>
  stream.phase === 'ended' || stream.phase === 'failed' || stream.phase === 'broken'

/** Feeds one frame as cut by `cutFrames`; returns the frames to send on, in order. */
export const stepChat = (stream: ChatStream, frame: Uint8Array): readonly string[] => {
  if (isOver(stream)) return []
  const data = eventData(frame).trim()
  // Comments and blank lines are all that some servers send while they work; the client must hear of it.
  if (data === '') return [PING]
  const out: string[] = []
  const isError = eventName(frame) === 'error'
  const whole = parseTold(data)
  if (whole !== undefined || data === DONE) stepData(stream, data, whole, isError, out)
  // Servers that end events with one line feed: each line is an event of its own.
  else for (const line of data.split('\n')) stepData(stream, line.trim(), parseTold(line), isError, out)
  return out
}

/** The connection ended, or the caller waited long enough for the usage of a finished answer. */
export const endChat = (stream: ChatStream): { readonly frames: readonly string[] } | { readonly broken: string } => {
  const out: string[] = []
  if (stream.phase === 'finished') finish(stream, out)
  switch (stream.phase) {
    case 'ended':
    case 'failed':
      return { frames: out }
    case 'broken':
      return { broken: stream.broken }
    case 'waiting':
      return { broken: 'the stream ended before an answer began' }
    default:
      return { broken: 'the stream ended without a finish reason' }
  }
}

const DONE = '[DONE]'

const breakOff = (stream: ChatStream, why: string): void => {
  stream.phase = 'broken'
  stream.broken = why
}

const stepData = (stream: ChatStream, data: string, chunk: unknown, isError: boolean, out: string[]): void => {
  if (isOver(stream) || data === '') return
  if (data === DONE) {
    if (stream.phase === 'waiting') breakOff(stream, 'the stream ended before an answer began')
    else finish(stream, out)
  } else if (isError || isErrorChunk(chunk)) fail(stream, chunk ?? data, out)
  else if (isObject(chunk)) stepChunk(stream, chunk, out)
  else breakOff(stream, 'a chunk is not a JSON object')
}

/** Google's errors are arrays of one. */
const isErrorChunk = (chunk: unknown): boolean =>
  Array.isArray(chunk)
    ? chunk.length > 0 && isErrorChunk(chunk[0])
    : isObject(chunk) && (Boolean(chunk.error) || chunk.object === 'error' || chunk.detail !== undefined)

const fail = (stream: ChatStream, error: unknown, out: string[]): void => {
  stream.phase = 'failed'
  stream.error = raiseInnerError(error)
  const { type, message } = stream.error
  out.push(sseFrame('error', { error: { type, message } }))
}

const stepChunk = (stream: ChatStream, chunk: Json, out: string[]): void => {
  const finishedBefore = stream.phase === 'finished'
  const usage = usageOf(chunk)
  // Cumulative where a server repeats it: the last one counts.
  if (usage !== undefined) stream.usage = usage
  if (typeof chunk.id === 'string') stream.upstreamId ??= chunk.id
  const choice = listOf(chunk.choices).find(
    (one) => isObject(one) && (one.index === 0 || typeof one.index !== 'number'),
  )
  if (isObject(choice)) stepChoice(stream, choice, out)
  if (stream.phase === 'finished' && finishedBefore && usage !== undefined) finish(stream, out)
}

const stepChoice = (stream: ChatStream, choice: Json, out: string[]): void => {
  const finished = textOf(choice.finish_reason)
  if (isFailedFinish(finished) || choice.error) {
    fail(stream, choice.error ? choice : { error: { message: `finish_reason ${finished}` } }, out)
    return
  }
  if (stream.phase === 'waiting') begin(stream, out)
  const delta = isObject(choice.delta) ? choice.delta : isObject(choice.message) ? choice.message : {}
  const parts = readParts(delta)
  addProse(stream.blocks, 'thinking', parts.reasoning)
  for (const { kind, text } of splitThinking(stream.tags, parts.text)) addProse(stream.blocks, kind, text)
  addProse(stream.blocks, 'text', parts.refusal)
  if (parts.refusal !== '') stream.refused = true
  for (const call of parts.calls) addCall(stream.blocks, call)
  const much = tooMuch(stream.blocks)
  if (much !== undefined) {
    breakOff(stream, much)
    return
  }
  writeBlocks(stream.blocks, out, false)
  if (finished !== '') {
    stream.finish = finished
    stream.phase = 'finished'
  }
}

const begin = (stream: ChatStream, out: string[]): void => {
  const { options } = stream
  stream.phase = 'open'
  out.push(
    sseFrame('message_start', {
      message: {
        id: `msg_${options.newId()}`,
        type: 'message',
        role: 'assistant',
        model: options.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        container: null,
        usage: raiseUsage(undefined, options.quirks, { input: options.estimatedInputTokens ?? 0, output: 1 }),
      },
    }),
    PING,
  )
}

const finish = (stream: ChatStream, out: string[]): void => {
  const { options, blocks: all } = stream
  for (const { kind, text } of endThinking(stream.tags)) addProse(all, kind, text)
  if (!writeBlocks(all, out, true)) {
    breakOff(stream, 'a tool call has no name')
    return
  }
  const input = options.estimatedInputTokens ?? 0
  const usage = raiseUsage(stream.usage, options.quirks, { input, output: tokensOf(all.characters) })
  const { stop_reason, stop_sequence, stop_details } = raiseStop(stream.finish, all.tools, stream.refused)
  out.push(
    sseFrame('message_delta', {
      delta: { stop_reason, stop_sequence, stop_details, container: null },
      // A zero would leave the estimate of message_start standing beside the cached tokens.
      usage: usage.input_tokens === 0 && input > 0 ? { ...usage, input_tokens: 1 } : usage,
    }),
    sseFrame('message_stop', {}),
  )
  stream.phase = 'ended'
}
