/**
 * Tool calls as a chat stream cuts them: id and name in the first fragment of each index, then the arguments; or as servers
 * do that deviate.
 */
import type { ToolUseBlock } from '#infra/simulator/content.ts'
import type { ChatStyle } from '#infra/simulator/openai/chat-style.ts'
import type { Sloppy } from '#infra/simulator/openai/sloppy.ts'

export interface NumberedCall {
  /** From 0 over the whole answer. */
  readonly nth: number
  readonly block: Required<ToolUseBlock>
}

/** The fragments of neighbouring calls, each an entry of `delta.tool_calls`. */
export const fragmentsOf = (
  calls: readonly NumberedCall[],
  style: ChatStyle,
  cut: (text: string) => readonly string[],
): readonly object[] => {
  const each = calls.map((call) => fragmentsOfOne(call, style, cut))
  if (!style.sloppy.interleavedCalls) return each.flat()
  const rounds = Math.max(0, ...each.map((fragments) => fragments.length))
  return Array.from({ length: rounds }, (_, round) =>
    each.flatMap((fragments) => fragments.slice(round, round + 1)),
  ).flat()
}

/** A call of an answer that is not streamed. */
export const wholeCall = ({ nth, block }: NumberedCall, { sloppy, callMembers }: ChatStyle): object => ({
  ...idOf(nth, block, sloppy),
  type: 'function',
  function: { name: block.name, arguments: sloppy.objectArguments ? block.input : JSON.stringify(block.input) },
  ...(sloppy.nulls ? { index: null } : {}),
  ...callMembers(nth),
})

const fragmentsOfOne = (
  { nth, block }: NumberedCall,
  { sloppy, callMembers }: ChatStyle,
  cut: (text: string) => readonly string[],
): readonly object[] => {
  const text = JSON.stringify(block.input)
  const place = sloppy.noIndex ? {} : { index: nth }
  const id = idOf(nth, block, sloppy)
  const opening = (name: string, input: unknown): object => ({
    ...place,
    ...id,
    type: 'function',
    function: { name, arguments: input },
    ...callMembers(nth),
  })
  if (sloppy.objectArguments) return [opening(block.name, block.input)]
  if (sloppy.noIndex) return [opening(block.name, text)]

  const half = Math.ceil(block.name.length / 2)
  const names = sloppy.splitName ? [block.name.slice(0, half), block.name.slice(half)] : [block.name]
  const [head = '', ...restOfName] = names
  const absent = sloppy.nulls ? { id: null, type: null } : {}
  const repeated = sloppy.repeatedIdAndName ? { ...id, type: 'function' } : absent
  const sameName = sloppy.repeatedIdAndName ? { name: block.name } : sloppy.nulls ? { name: null } : {}
  const parts = cut(text)
  const inputs = sloppy.wholeArgumentsEachTime ? parts.map((_, index) => parts.slice(0, index + 1).join('')) : parts
  return [
    opening(head, ''),
    ...restOfName.map((name) => ({ ...place, ...repeated, function: { name, arguments: '' } })),
    ...inputs.map((input) => ({ ...place, ...repeated, function: { ...sameName, arguments: input } })),
  ]
}

const idOf = (nth: number, block: Required<ToolUseBlock>, sloppy: Sloppy): object => {
  if (sloppy.noIds) return sloppy.nulls ? { id: null } : {}
  if (!sloppy.illegalIds) return { id: block.id }
  return { id: nth % 2 === 0 ? `functions.${block.name}:${nth}` : `${block.id.slice(0, 16)}|fc_${block.id.slice(-8)}` }
}
