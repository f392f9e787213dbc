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

/**
 * The signature of another vendor, marked: to Claude it is ours, and goes; to that vendor it is told as it was.
 * @param provider the operator's name of it; a renamed provider does not get its old signatures back.
 */
export const wrapSignature = (provider: string, signature: string): string =>
  `${TAG}v2.${fnvHash(provider)}.${signature}`

/** What `wrapSignature` was given, if it was for this provider; undefined for any other signature. */
export const unwrapSignature = (provider: string, signature: string): string | undefined => {
  const [, owner, wrapped] = WRAPPED.exec(signature) ?? []
  return owner === fnvHash(provider) ? wrapped : undefined
}

const WRAPPED = /^signalbox\.v2\.([^.]+)\.(.*)$/s

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
export const cleanForClaude = (bytes: Uint8Array): Uint8Array => clean(bytes, FOR_CLAUDE, planForClaude)

/**
 * The body as another vendor of the same format can take it: its own thinking with its own signatures, and none that is
 * marked for somebody else. Claude's blocks stay: nobody is known to refuse them.
 */
export const cleanForVendor = (bytes: Uint8Array, provider: string): Uint8Array =>
  clean(bytes, FOR_VENDOR, (block) => planForVendor(block, provider))

/** Whether neither of the two has anything to do. Of a body that has been parsed this is told without searching all of its text. */
export const isClean = (messages: readonly unknown[]): boolean =>
  messages.every((message) => planMessage(message, planForClaude) === undefined)

const clean = (bytes: Uint8Array, suspect: readonly RegExp[], planBlock: PlanBlock): Uint8Array => {
  // One character per byte, so that positions are offsets, and searching is fast.
  const text = latin1(bytes)
  if (!suspect.some((pattern) => pattern.test(text))) return bytes
  const body: unknown = JSON.parse(new TextDecoder().decode(bytes))
  const messages: readonly unknown[] = isObject(body) && Array.isArray(body.messages) ? body.messages : []
  const plans = messages.map((message) => planMessage(message, planBlock))
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
    for (const { block, member, value } of plan.values) {
      const start = blocks[block]?.start
      const place = start === undefined ? undefined : memberAt(text, start, member)
      if (place !== undefined) edits.push({ ...place, text: JSON.stringify(value) })
    }
  })
  return editBytes(bytes, [...edits, ...removals(places, gone)])
}

/** Cheap and generous: what matches is parsed. A name spelled with escapes is missed, and Claude answers for it. */
const FOR_CLAUDE = [/"signature"\s*:\s*"(?:signalbox\.v|")/, /"(?:tool_use_)?id"\s*:\s*"(?![a-zA-Z0-9_-]+")/]
const FOR_VENDOR = [/"signature"\s*:\s*"signalbox\.v/]
const LEGAL_ID = /^[a-zA-Z0-9_-]+$/
const PLACEHOLDER = '[{"type":"text","text":"\\u2026"}]'

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What happens to one block: nothing, its end, or another value for one of its members. */
type BlockPlan = 'cut' | { readonly member: 'id' | 'tool_use_id' | 'signature'; readonly value: string } | undefined
type PlanBlock = (block: Json) => BlockPlan

interface Plan {
  /** Indices of the blocks to cut. */
  readonly cut: ReadonlySet<number>
  readonly values: readonly (Exclude<BlockPlan, 'cut' | undefined> & { readonly block: number })[]
}

const planForClaude: PlanBlock = (block) => {
  if (block.type === 'thinking' && (block.signature === '' || isOurs(block.signature))) return 'cut'
  const member = block.type === 'tool_use' ? 'id' : block.type === 'tool_result' ? 'tool_use_id' : undefined
  const id = member === undefined ? undefined : block[member]
  return member !== undefined && typeof id === 'string' && !LEGAL_ID.test(id)
    ? { member, value: `toolu_${fnvHash(id)}` }
    : undefined
}

const planForVendor = (block: Json, provider: string): BlockPlan => {
  const { signature } = block
  if (block.type !== 'thinking' || typeof signature !== 'string' || !isOurs(signature)) return undefined
  const value = unwrapSignature(provider, signature)
  return value === undefined ? 'cut' : { member: 'signature', value }
}

/** Undefined for a message that stays as it is. */
const planMessage = (message: unknown, planBlock: PlanBlock): Plan | undefined => {
  if (!isObject(message) || !Array.isArray(message.content)) return undefined
  const cut = new Set<number>()
  const values: Plan['values'][number][] = []
  message.content.forEach((block: unknown, index) => {
    const plan = isObject(block) ? planBlock(block) : undefined
    if (plan === 'cut') cut.add(index)
    else if (plan !== undefined) values.push({ block: index, ...plan })
  })
  return cut.size === 0 && values.length === 0 ? undefined : { cut, values }
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
