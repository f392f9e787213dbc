/**
 * Whether an event stream has the shape that the Messages API promises: message_start, blocks one after another, each with
 * its start and its stop, message_delta with a stop reason, message_stop; the input of every tool call one JSON object.
 */
import { eventData, eventName } from '#domain/dialect/sse-fields.ts'

interface OpenBlock {
  readonly index: number
  readonly type: string
  readonly name: string
  json: string
}

/** Owned by one stream and updated in place. */
export interface StreamShape {
  started: boolean
  finished: boolean
  stopped: boolean
  blocks: number
  open: OpenBlock | undefined
  /** Names of the tools that were called, with whole input. */
  readonly toolCalls: string[]
  /** What is wrong, in the order in which it was seen. */
  readonly problems: string[]
}

export const streamShape = (): StreamShape => ({
  started: false,
  finished: false,
  stopped: false,
  blocks: 0,
  open: undefined,
  toolCalls: [],
  problems: [],
})

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Looks at one frame, in the order in which they come. */
export const lookAt = (shape: StreamShape, frame: Uint8Array): void => {
  const name = eventName(frame)
  if (name === '' || name === 'ping' || name === 'error') return
  const data = parsed(eventData(frame))
  if (data === undefined) {
    shape.problems.push(`the data of ${name} is not a JSON object`)
    return
  }
  if (shape.stopped) shape.problems.push(`${name} comes after message_stop`)
  else if (name === 'message_start') start(shape)
  else if (!shape.started) shape.problems.push(`${name} comes before message_start`)
  else inMessage(shape, name, data)
}

/** What is still missing when the stream is over. */
export const endOfStream = (shape: StreamShape): void => {
  if (shape.stopped) return
  shape.problems.push(shape.started ? 'it ends without message_stop' : 'it holds no message')
}

const start = (shape: StreamShape): void => {
  if (shape.started) shape.problems.push('message_start comes twice')
  shape.started = true
}

const inMessage = (shape: StreamShape, name: string, data: Json): void => {
  if (name === 'content_block_start') openBlock(shape, data)
  else if (name === 'content_block_delta') addTo(shape, data)
  else if (name === 'content_block_stop') closeBlock(shape, data)
  else if (name === 'message_delta') {
    if (shape.open !== undefined) shape.problems.push(`block ${shape.open.index} is open at message_delta`)
    if (isObject(data.delta) && typeof data.delta.stop_reason === 'string') shape.finished = true
  } else if (name === 'message_stop') {
    if (!shape.finished) shape.problems.push('message_stop comes without a stop reason')
    shape.stopped = true
  }
}

const openBlock = (shape: StreamShape, { index, content_block: block }: Json): void => {
  if (shape.open !== undefined) shape.problems.push(`block ${shape.open.index} has no content_block_stop`)
  if (index !== shape.blocks) shape.problems.push(`block ${String(index)} comes where ${shape.blocks} is due`)
  const { type, name } = isObject(block) ? block : {}
  shape.open = { index: shape.blocks, type: String(type), name: String(name), json: '' }
  shape.blocks++
}

const addTo = (shape: StreamShape, { index, delta }: Json): void => {
  if (shape.open === undefined || index !== shape.open.index) {
    shape.problems.push(`a delta is of block ${String(index)}, which is not open`)
  } else if (isObject(delta) && delta.type === 'input_json_delta') shape.open.json += String(delta.partial_json ?? '')
}

const closeBlock = (shape: StreamShape, { index }: Json): void => {
  const { open } = shape
  if (open === undefined || index !== open.index) {
    shape.problems.push(`block ${String(index)} is stopped, but not open`)
    return
  }
  shape.open = undefined
  if (open.type !== 'tool_use') return
  // A tool without arguments may come without any delta.
  if (open.json === '' || parsed(open.json) !== undefined) shape.toolCalls.push(open.name)
  else shape.problems.push(`the input of the tool call in block ${open.index} is not a JSON object`)
}

const parsed = (text: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // Told by who asked.
    return undefined
  }
}
