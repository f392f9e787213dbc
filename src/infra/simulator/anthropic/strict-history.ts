/**
 * What a real Claude refuses of a history: thinking that no Claude has signed, calls and results that do not match, empty
 * words. Each check answers the API's own complaint, or nothing.
 */
import { isSimulatedSignature } from '#infra/simulator/anthropic/signature.ts'
import type { Json } from '#infra/simulator/json.ts'
import type { MessagesBody } from '#infra/simulator/request-body.ts'

/** A message as the API sees it: neighbours of one role are one, and `system` messages stand aside. */
interface Turn {
  readonly role: string
  readonly blocks: readonly { readonly at: string; readonly block: Json }[]
  /** Path of its first message. */
  readonly at: string
}

export function* checkHistory(body: MessagesBody): Generator<string | undefined> {
  yield* checkEmpty(body)
  for (const { at, block } of turnsOf(body).flatMap((turn) => turn.blocks)) {
    yield checkThinking(block, at)
    yield checkId(block, at)
  }
  yield* checkPairs(turnsOf(body))
}

const EMPTY_TEXT = 'messages: text content blocks must be non-empty'

function* checkEmpty(body: MessagesBody): Generator<string | undefined> {
  const { messages, system } = body
  for (const [index, { role, content }] of messages.entries()) {
    // Claude Code sends system messages that only carry settings.
    const mayBeEmpty = role === 'system' || (role === 'assistant' && index === messages.length - 1)
    if (content.length === 0 && !mayBeEmpty) {
      yield `messages.${index}: all messages must have non-empty content except for the optional final assistant message`
    }
    if (typeof content !== 'string' && content.some(isEmptyText)) yield EMPTY_TEXT
  }
  if (system !== undefined && typeof system !== 'string' && system.some(isEmptyText)) {
    yield 'system: text content blocks must be non-empty'
  }
}

const isEmptyText = (block: object): boolean => (block as Json).type === 'text' && (block as Json).text === ''

const checkThinking = (block: Json, at: string): string | undefined => {
  if (block.type !== 'thinking') return undefined
  const { signature } = block
  if (signature === undefined) return `${at}.thinking.signature: Field required`
  if (typeof signature !== 'string') return `${at}.thinking.signature: Input should be a valid string`
  return isSimulatedSignature(signature) ? undefined : `${at}: Invalid \`signature\` in \`thinking\` block`
}

const checkId = (block: Json, at: string): string | undefined => {
  const member = block.type === 'tool_use' ? 'id' : block.type === 'tool_result' ? 'tool_use_id' : undefined
  if (member === undefined) return undefined
  const id = block[member]
  const path = `${at}.${String(block.type)}.${member}`
  if (id === undefined) return `${path}: Field required`
  if (typeof id !== 'string') return `${path}: Input should be a valid string`
  return /^[a-zA-Z0-9_-]+$/.test(id) ? undefined : `${path}: String should match pattern '^[a-zA-Z0-9_-]+$'`
}

function* checkPairs(turns: readonly Turn[]): Generator<string | undefined> {
  const seen = new Set<unknown>()
  for (const [index, turn] of turns.entries()) {
    const before = turns[index - 1]
    const called = new Set(before?.role === 'assistant' ? idsOf(before, 'tool_use', 'id') : [])
    for (const { at, block } of turn.blocks) {
      if (block.type === 'tool_use') {
        if (seen.has(block.id)) yield `${at}: \`tool_use\` ids must be unique`
        seen.add(block.id)
      }
      if (block.type !== 'tool_result' || called.has(block.tool_use_id)) continue
      yield `${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${String(block.tool_use_id)}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
    }
    if (turn.role !== 'assistant') continue
    const after = turns[index + 1]
    const answered = new Set(after === undefined ? [] : idsOf(after, 'tool_result', 'tool_use_id'))
    const lacking = idsOf(turn, 'tool_use', 'id').filter((id) => !answered.has(id))
    if (lacking.length > 0) {
      yield `${turn.at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${lacking.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
    }
  }
}

const idsOf = (turn: Turn, type: string, member: string): readonly unknown[] =>
  turn.blocks.flatMap(({ block }) => (block.type === type ? [block[member]] : []))

const turnsOf = ({ messages }: MessagesBody): readonly Turn[] => {
  const turns: Turn[] = []
  for (const [index, { role, content }] of messages.entries()) {
    if (role === 'system') continue
    const at = `messages.${index}`
    const blocks = (typeof content === 'string' ? [] : content).map((block, nth) => ({
      at: `${at}.content.${nth}`,
      block: block as Json,
    }))
    const last = turns.at(-1)
    if (last?.role === role) turns.splice(-1, 1, { ...last, blocks: [...last.blocks, ...blocks] })
    else turns.push({ role, blocks, at })
  }
  return turns
}
