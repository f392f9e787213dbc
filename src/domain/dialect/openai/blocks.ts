/**
 * The content blocks of a translated stream. The chat dialect may go back and forth between its parts; the Anthropic one
 * forbids to return to a closed block. So blocks stand in a queue: the first is written live, the others wait until it is
 * over. Text and thinking are over as soon as something else follows; a tool call only when its arguments are a whole
 * object, or at the end of the answer.
 */
import type { AnswerOptions, CallPart } from '#domain/dialect/openai/answer-parts.ts'
import {
  type ArgumentText,
  addArguments,
  allArguments,
  argumentText,
  isComplete,
  takeCertain,
  takeRest,
} from '#domain/dialect/openai/argument-text.ts'
import { isWhole, toolId, toolInput, toolName } from '#domain/dialect/openai/tool-call.ts'

interface ProseBlock {
  readonly kind: 'text' | 'thinking'
  /** Not written yet. */
  pending: string
  isOpen: boolean
  /** What was written of thinking, for its signature. */
  written: string
}

interface ToolBlock {
  readonly kind: 'tool'
  readonly index: number | undefined
  id: string
  name: string
  readonly arguments: ArgumentText
  open: boolean
  closed: boolean
}

/** Owned by one stream and updated in place. */
export interface Blocks {
  readonly options: AnswerOptions
  readonly queue: (ProseBlock | ToolBlock)[]
  /** All calls so far, closed ones included. */
  readonly calls: ToolBlock[]
  readonly usedIds: Set<string>
  /** The index of the block that is, or will be, open. */
  index: number
  /** Tool blocks that were opened. */
  tools: number
  /** Characters written, for an estimate of tokens. */
  characters: number
  /** Characters that came. */
  taken: number
}

/** Ten times the longest answer of any model. Much of one is kept until its end. */
export const MOST_CHARACTERS = 8 * 1024 * 1024
/** Nobody makes more calls in one answer; each fragment is looked for among them. */
export const MOST_CALLS = 2_000
/** No id and no name of a tool is longer. */
const LONGEST_NAME = 1_000

/** Why no more of the answer is taken; undefined while it is. */
export const tooMuch = ({ taken, calls }: Blocks): string | undefined =>
  taken > MOST_CHARACTERS
    ? `the answer has more than ${MOST_CHARACTERS} characters`
    : calls.length > MOST_CALLS
      ? `the answer has more than ${MOST_CALLS} tool calls`
      : undefined

export const blocks = (options: AnswerOptions): Blocks => ({
  options,
  queue: [],
  calls: [],
  usedIds: new Set(),
  index: 0,
  tools: 0,
  characters: 0,
  taken: 0,
})

export const sseFrame = (type: string, data: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`

export const addProse = (all: Blocks, kind: 'text' | 'thinking', text: string): void => {
  if (text === '') return
  all.taken += text.length
  const last = all.queue.at(-1)
  if (last?.kind === kind) last.pending += text
  else all.queue.push({ kind, pending: text, isOpen: false, written: '' })
}

export const addCall = (all: Blocks, part: CallPart): void => {
  let block = callOf(all, part)
  if (block === undefined || isAnother(block, part)) {
    block = {
      kind: 'tool',
      index: part.index,
      id: '',
      name: '',
      arguments: argumentText(),
      open: false,
      closed: false,
    }
    all.calls.push(block)
    all.queue.push(block)
  }
  // Its object was whole: what still comes for it repeats it.
  if (block.closed) return
  if (!block.open) {
    block.id = grown(block.id, part.id)
    block.name = grown(block.name, part.name)
  }
  all.taken += addArguments(block.arguments, part.arguments)
}

/** The newest call that a fragment can belong to: by index, without one by id, without both the last. */
const callOf = (all: Blocks, part: CallPart): ToolBlock | undefined => {
  if (part.index !== undefined) return all.calls.findLast((call) => call.index === part.index)
  if (part.id === '') return all.calls.at(-1)
  const known = all.calls.findLast((call) => call.id === part.id)
  // An id that comes after the name completes the last call; with a name of its own it starts another.
  return known ?? (part.name === '' ? all.calls.at(-1) : undefined)
}

/** Some servers number all calls 0, or not at all: a name that comes after whole arguments begins another call. */
const isAnother = (call: ToolBlock, part: CallPart): boolean => {
  if (part.name === '' || !isComplete(call.arguments)) return false
  if (part.id !== '') return part.id !== call.id
  // With neither id nor a number of its own, only what it says tells it from a repetition.
  return (
    part.index === undefined ||
    part.name !== call.name ||
    (isWhole(part.arguments) && part.arguments.trim() !== allArguments(call.arguments))
  )
}

/** Ids and names come whole, in pieces, repeated in each fragment, or longer each time. */
const grown = (known: string, more: string): string =>
  (more === '' || more.startsWith(known) ? more || known : known + more).slice(0, LONGEST_NAME)

/**
 * Writes what can be written. `atEnd`: nothing more comes.
 * @returns false when a call has no name at the end: it can be neither run nor left out.
 */
export const writeBlocks = (all: Blocks, out: string[], atEnd: boolean): boolean => {
  for (let head = all.queue[0]; head !== undefined; head = all.queue[0]) {
    const followed = all.queue.length > 1
    if (head.kind === 'tool') {
      if (atEnd && head.name === '' && allArguments(head.arguments) !== '') return false
      if (head.name !== '') writeTool(all, head, out)
      if (!atEnd && !(followed && head.open && isComplete(head.arguments))) return true
      if (head.name !== '') closeTool(all, head, out)
      head.closed = true
    } else {
      writeProse(all, head, out)
      if (!atEnd && !followed) return true
      closeProse(all, head, out)
    }
    all.queue.shift()
  }
  return true
}

const start = (all: Blocks, out: string[], content_block: object): void => {
  out.push(sseFrame('content_block_start', { index: all.index, content_block }))
}
type DeltaType = 'text_delta' | 'thinking_delta' | 'signature_delta' | 'input_json_delta'
/** Nearly all frames are these. Only their text needs escaping; to build the objects around it for that doubles the work. */
const delta = (all: Blocks, out: string[], type: DeltaType, member: string, text: string): void => {
  const written = `{"type":"${type}","${member}":${JSON.stringify(text)}}`
  out.push(
    `event: content_block_delta\ndata: {"type":"content_block_delta","index":${all.index},"delta":${written}}\n\n`,
  )
}
const stop = (all: Blocks, out: string[]): void => {
  out.push(sseFrame('content_block_stop', { index: all.index }))
  all.index++
}

const writeProse = (all: Blocks, block: ProseBlock, out: string[]): void => {
  // A block of white space alone is refused by Claude models when it comes back: wait for a word.
  if (block.pending === '' || (!block.isOpen && block.pending.trim() === '')) return
  const { kind } = block
  if (!block.isOpen)
    start(all, out, kind === 'text' ? { type: kind, text: '' } : { type: kind, thinking: '', signature: '' })
  delta(all, out, `${kind}_delta`, kind, block.pending)
  all.characters += block.pending.length
  block.isOpen = true
  if (kind === 'thinking') block.written += block.pending
  block.pending = ''
}

const closeProse = (all: Blocks, block: ProseBlock, out: string[]): void => {
  if (!block.isOpen) return
  if (block.kind === 'thinking') {
    delta(all, out, 'signature_delta', 'signature', all.options.sign(block.written))
  }
  stop(all, out)
}

/** Opens the block at the first piece of arguments, when the name is complete, and writes what is certain of them. */
const writeTool = (all: Blocks, block: ToolBlock, out: string[]): void => {
  // Anything but an object is put right at the end.
  if (!block.arguments.first.startsWith('{')) return
  openTool(all, block, out)
  writeJson(all, out, takeCertain(block.arguments))
}

const closeTool = (all: Blocks, block: ToolBlock, out: string[]): void => {
  openTool(all, block, out)
  const { first } = block.arguments
  writeJson(
    all,
    out,
    first.startsWith('{') ? takeRest(block.arguments) : JSON.stringify(toolInput(allArguments(block.arguments))),
  )
  stop(all, out)
}

const openTool = (all: Blocks, block: ToolBlock, out: string[]): void => {
  if (block.open) return
  block.open = true
  all.tools++
  const id = toolId(block.id, all.usedIds, all.options)
  const name = toolName(block.name, all.options)
  all.characters += name.length
  start(all, out, { type: 'tool_use', id, name, input: {} })
}

const writeJson = (all: Blocks, out: string[], partial_json: string): void => {
  if (partial_json === '') return
  all.characters += partial_json.length
  delta(all, out, 'input_json_delta', 'partial_json', partial_json)
}
