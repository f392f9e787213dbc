/**
 * Who made a piece of the history. Thinking that a foreign model wrote carries a signature of ours, which Claude would
 * refuse; so it leaves the history before that goes to Claude. All edits are cuts in the raw text: re-serialising would
 * change bytes that Claude's own signatures and caches depend on.
 */
import { fnvHash } from '#domain/dialect/fnv-hash.ts'
import { type Edit, editBytes, itemsAt, latin1, memberAt, removals } from '#domain/dialect/json-cuts.ts'

/**
 * The signature for thinking that did not come from Claude. Opaque to clients; the dots, which base64 does not have, keep
 * it from ever being one of Anthropic's.
 */
export const markThinking = (provider: string, text: string): string =>
  `${TAG}v1.${fnvHash(`${provider}\u0000${text}`)}`

const TAG = 'signalbox.'

export const isOurs = (signature: unknown): boolean => typeof signature === 'string' && OURS.test(signature)

/** Of any version: a later Signalbox may have written the history. */
const OURS = /^signalbox\.v\d+\./

/**
 * The body of a Messages request as Claude can take it; the same array when there is nothing to do.
 *
 * - Thinking blocks with our signature or an empty one are cut. (Claude Code sends `""` for thinking that came without.)
 *   Thinking without a `signature` member is left: that is the client's error, and Claude says so.
 * - Tool call ids that Claude refuses are replaced, alike in calls and results, by one that depends on the old id alone.
 * - An assistant message of nothing but such thinking goes as a whole: its neighbours are user messages, which the API
 *   reads as one, or it is the last. Beside a `system` message, whose place between user and assistant is fixed, or as the first message, it
 *   stays with the text `…` instead, for content must not be empty.
 *
 * @param bytes valid JSON in UTF-8.
 */
export const cleanForClaude = (bytes: Uint8Array): Uint8Array => {
  // One character per byte, so that positions are offsets, and searching is fast.
  const text = latin1(bytes)
  if (!SUSPECT.some((pattern) => pattern.test(text))) return bytes
  const body: unknown = JSON.parse(new TextDecoder().decode(bytes))
  const messages: readonly unknown[] = isObject(body) && Array.isArray(body.messages) ? body.messages : []
  const plans = messages.map(planMessage)
  if (plans.every((plan) => plan === undefined)) return bytes

  const list = memberAt(text, text.indexOf('{'), 'messages')
  if (list === undefined) return bytes
  const places = itemsAt(text, list.start)
  const edits: Edit[] = []
  const gone = new Set<number>()
  plans.forEach((plan, index) => {
    const place = places[index]
    if (plan === undefined || place === undefined) return
    const content = memberAt(text, place.start, 'content')
    if (content === undefined) return
    const blocks = itemsAt(text, content.start)
    if (plan.cut.size < blocks.length) edits.push(...removals(blocks, plan.cut))
    else if (mayGo(messages, index)) gone.add(index)
    else edits.push({ start: content.start, end: content.end, text: PLACEHOLDER })
    for (const { block, member, id } of plan.ids) {
      const start = blocks[block]?.start
      const value = start === undefined ? undefined : memberAt(text, start, member)
      if (value !== undefined) edits.push({ ...value, text: JSON.stringify(id) })
    }
  })
  return editBytes(bytes, [...edits, ...removals(places, gone)])
}

/** Cheap and generous: what matches is parsed. A name spelled with escapes is missed, and Claude answers for it. */
const SUSPECT = [
  /"signature"\s*:\s*"signalbox\.v/,
  /"signature"\s*:\s*""/,
  /"(?:tool_use_)?id"\s*:\s*"(?![a-zA-Z0-9_-]+")/,
]
const LEGAL_ID = /^[a-zA-Z0-9_-]+$/
const PLACEHOLDER = '[{"type":"text","text":"\\u2026"}]'

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

interface Plan {
  /** Indices of the blocks to cut. */
  readonly cut: ReadonlySet<number>
  readonly ids: readonly { readonly block: number; readonly member: 'id' | 'tool_use_id'; readonly id: string }[]
}

/** Undefined for a message that stays as it is. */
const planMessage = (message: unknown): Plan | undefined => {
  if (!isObject(message) || !Array.isArray(message.content)) return undefined
  const cut = new Set<number>()
  const ids: Plan['ids'][number][] = []
  message.content.forEach((block: unknown, index) => {
    if (!isObject(block)) return
    if (block.type === 'thinking' && (block.signature === '' || isOurs(block.signature))) cut.add(index)
    const member = block.type === 'tool_use' ? 'id' : block.type === 'tool_result' ? 'tool_use_id' : undefined
    if (member === undefined) return
    const id = block[member]
    if (typeof id === 'string' && !LEGAL_ID.test(id)) ids.push({ block: index, member, id: `toolu_${fnvHash(id)}` })
  })
  return cut.size === 0 && ids.length === 0 ? undefined : { cut, ids }
}

const mayGo = (messages: readonly unknown[], index: number): boolean => {
  const roleAt = (at: number): unknown => {
    const message = messages[at]
    return isObject(message) ? message.role : undefined
  }
  if (index === 0) return false
  // At the end a placeholder would be a prefill, which newer models refuse; without it the history is one that Claude saw.
  if (index === messages.length - 1) return true
  return roleAt(index - 1) !== 'system' && roleAt(index + 1) !== 'system'
}
