/** The client's tools → functions. Tools that run on Anthropic's servers have no counterpart and are dropped. */
import { isObject, type Json, stringOr } from '#domain/dialect/openai/client-block.ts'
import { clientTool } from '#domain/dialect/openai/client-tools.ts'
import type { Lowering } from '#domain/dialect/openai/lowering.ts'
import { fitsStrict, lowerSchema } from '#domain/dialect/openai/schema.ts'

export interface ChatTool {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    readonly parameters: Json
    readonly strict?: true
  }
}

/** A tool of the client with the client's name, before the server's rules. */
export interface ClientTool {
  readonly name: string
  readonly description: string
  readonly schema: unknown
  readonly strict: boolean
  readonly deferred: boolean
}

/** Undefined for a tool that this dialect cannot offer: the server would have to run it. */
export const readTool = (tool: unknown): ClientTool | undefined => {
  if (!isObject(tool)) return undefined
  const name = stringOr(tool.name, '')
  const isCustom = tool.type === undefined || tool.type === null || tool.type === 'custom'
  const known = isCustom
    ? { description: stringOr(tool.description, ''), schema: tool.input_schema }
    : clientTool(stringOr(tool.type, ''))
  if (known === undefined || name === '') return undefined
  return { name, ...known, strict: tool.strict === true, deferred: tool.defer_loading === true }
}

/**
 * Deferred tools are sent like the others, for only Anthropic's servers can load them later. Over the server's maximum,
 * those that the conversation has not mentioned yet go first.
 * @param mentioned client names of tools that were called, loaded or chosen.
 */
export const lowerTools = (
  tools: readonly ClientTool[],
  mentioned: ReadonlySet<string>,
  lowering: Lowering,
): readonly ChatTool[] => {
  const unique = [...new Map(tools.map((tool) => [tool.name, tool])).values()]
  const most = lowering.quirks.maxTools ?? unique.length
  if (unique.length > most) lowering.dropped.add('tools')
  const rank = (tool: ClientTool): number => (mentioned.has(tool.name) ? 0 : tool.deferred ? 2 : 1)
  const kept = new Set(unique.toSorted((a, b) => rank(a) - rank(b)).slice(0, most))
  return unique.filter((tool) => kept.has(tool)).map((tool) => lowerTool(tool, lowering))
}

const lowerTool = (tool: ClientTool, { quirks, tools }: Lowering): ChatTool => {
  const parameters = lowerSchema(tool.schema, quirks.schema)
  return {
    type: 'function',
    function: {
      name: tools.out(tool.name),
      ...(tool.description === '' ? {} : { description: cut(tool.description, quirks.maxDescription) }),
      parameters,
      ...(tool.strict && quirks.schema !== 'gemini' && fitsStrict(parameters) ? { strict: true } : {}),
    },
  }
}

/** At most `most` UTF-16 units, not ending in half a character. */
const cut = (text: string, most = Number.POSITIVE_INFINITY): string =>
  text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`

export type LoweredToolChoice =
  | { readonly fields: { readonly tool_choice?: unknown; readonly parallel_tool_calls?: false } }
  | { readonly refused: string }

/** Nothing without tools: servers refuse a choice among none. */
export const lowerToolChoice = (choice: unknown, sent: readonly ChatTool[], lowering: Lowering): LoweredToolChoice => {
  if (!isObject(choice)) return { fields: {} }
  const name = lowering.tools.out(stringOr(choice.name, ''))
  if (choice.type === 'tool' && !sent.some((tool) => tool.function.name === name)) {
    return {
      refused: `tool_choice: the tool ${stringOr(choice.name, '')} is not among the tools this provider can offer`,
    }
  }
  if (sent.length === 0) return { fields: {} }
  const mayChoose = lowering.quirks.noToolChoice !== true
  if (!mayChoose && choice.type !== 'auto') lowering.dropped.add('tool_choice')
  const isSerial = choice.disable_parallel_tool_use === true
  const mayTell = lowering.quirks.noParallelToolCalls !== true
  if (isSerial && !mayTell) lowering.dropped.add('tool_choice.disable_parallel_tool_use')
  return {
    fields: {
      ...(mayChoose ? { tool_choice: choiceOf(stringOr(choice.type, ''), name, lowering) } : {}),
      ...(isSerial && mayTell ? { parallel_tool_calls: false as const } : {}),
    },
  }
}

const choiceOf = (type: string, name: string, lowering: Lowering): unknown => {
  switch (type) {
    case 'none':
      return 'none'
    case 'tool':
      return { type: 'function', function: { name } }
    case 'any':
      if (lowering.quirks.noRequiredToolChoice !== true) return 'required'
      lowering.dropped.add('tool_choice.any')
      return 'auto'
    default:
      return 'auto'
  }
}
