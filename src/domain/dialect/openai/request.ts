/**
 * An Anthropic Messages request → an OpenAI chat request. Pure and deterministic: the same history gives the same bytes,
 * so that the server's prompt cache finds its prefix. Every field of the client is either used here or named in `dropped`.
 */
import { blocksOf, isBlank, isDeeperThan, isObject, type Json, stringOr } from '#domain/dialect/openai/client-block.ts'
import { learnedQuirks, refusedFields } from '#domain/dialect/openai/learned-quirks.ts'
import type { Lowering } from '#domain/dialect/openai/lowering.ts'
import { lowerMessages } from '#domain/dialect/openai/messages.ts'
import { reasoningFields } from '#domain/dialect/openai/reasoning-request.ts'
import { outputLimit, sampling, stop, streaming, user } from '#domain/dialect/openai/request-fields.ts'
import { responseFormat } from '#domain/dialect/openai/response-format.ts'
import type { NameMap, OpenAiQuirks } from '#domain/dialect/openai/target.ts'
import { toolCallId, toolIds, toolNames } from '#domain/dialect/openai/tool-ids.ts'
import { type ClientTool, lowerToolChoice, lowerTools, readTool } from '#domain/dialect/openai/tools.ts'

export interface LowerOptions {
  /** The server's name of the model. */
  readonly model: string
  readonly quirks: OpenAiQuirks
  /** Stream from the server even when the client did not ask to: long answers outlive its time-outs otherwise. */
  readonly forceStream?: boolean
  /** What this server was seen to refuse: `param:<name>` for a field of its request. Others are ignored. */
  readonly without?: readonly string[]
}

export type LoweredRequest =
  | {
      readonly body: Json
      readonly names: NameMap
      /** What the server does not get to see, as paths: `container`, `messages.thinking`, `tools.web_search_20250305`. */
      readonly dropped: readonly string[]
    }
  /** This dialect cannot do what the request is about; another provider may. */
  | { readonly refused: string }

/** @param body the parsed body, known to have `model` and `messages`. */
export const lowerRequest = (body: unknown, options: LowerOptions): LoweredRequest => {
  const { model, forceStream, without = [] } = options
  const refusedNames = refusedFields(without)
  const quirks = learnedQuirks(options.quirks, refusedNames)
  const asked = isObject(body) ? body : {}
  const messages: readonly unknown[] = Array.isArray(asked.messages) ? asked.messages : []
  if (asked.max_tokens === 0)
    return { refused: 'max_tokens: this provider has no cache to warm by a request for 0 tokens' }
  if (isDeeperThan(asked, MOST_DEPTH)) return { refused: `the request is nested more than ${MOST_DEPTH} deep` }
  const dropped = new Set(Object.keys(asked).filter((name) => !HANDLED.has(name) && asked[name] !== null))
  const { tools, refused } = readTools(asked, dropped)
  if (refused !== undefined) return { refused }

  const mentions = mentionsOf(messages, asked.tool_choice)
  const lowering: Lowering = {
    quirks,
    tools: toolNames([...tools.map((tool) => tool.name), ...mentions.tools]),
    ids: toolIds(quirks.toolIds, mentions.ids),
    dropped,
  }
  const chatTools = lowerTools(tools, mentions.tools, lowering)
  if (chatTools.length > 0 && refusedNames.has('tools')) return { refused: 'tools: this provider takes none' }
  const choice = lowerToolChoice(asked.tool_choice, chatTools, lowering)
  if ('refused' in choice) return choice

  const format = responseFormat(asked, quirks)
  const instructions = [...systemTexts(asked.system), ...format.instructions].join('\n\n')
  const chatMessages = lowerMessages(instructions, messages, lowering)
  if (chatMessages.length === 0) return { refused: 'messages: at least one message with content is required' }
  const reasoning = reasoningFields(asked, quirks)
  for (const name of reasoning.dropped) dropped.add(name)

  const optional: Json = {
    ...(chatTools.length === 0 ? {} : { tools: chatTools }),
    ...choice.fields,
    ...outputLimit(asked, quirks),
    ...sampling(asked, lowering),
    ...stop(asked, lowering),
    ...reasoning.fields,
    ...format.fields,
    ...user(asked, lowering),
  }
  for (const name of Object.keys(optional)) if (refusedNames.has(name)) dropped.add(name)
  return {
    body: {
      model,
      messages: chatMessages,
      ...Object.fromEntries(Object.entries(optional).filter(([name]) => !refusedNames.has(name))),
      ...streaming(asked.stream === true || forceStream === true, quirks),
    },
    names: { tools: lowering.tools.changed, ids: lowering.ids.changed },
    dropped: [...dropped],
  }
}

/** JSON.stringify is recursive: at some thousands it runs out of stack. Real requests stay below 30. */
const MOST_DEPTH = 500

const HANDLED = new Set([
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'stream',
  'thinking',
  'output_config',
  'output_format',
  'metadata',
])

/** Refused when all the tools are the server's own: Claude Code's WebSearch is a call with nothing else. */
const readTools = (asked: Json, dropped: Set<string>): { tools: readonly ClientTool[]; refused?: string } => {
  const given: readonly unknown[] = Array.isArray(asked.tools) ? asked.tools : []
  const tools: ClientTool[] = []
  const unknown: string[] = []
  for (const one of given) {
    const tool = readTool(one)
    if (tool !== undefined) tools.push(tool)
    else unknown.push(isObject(one) ? stringOr(one.type, 'unknown') : 'unknown')
  }
  const mayCall = !(isObject(asked.tool_choice) && asked.tool_choice.type === 'none')
  if (tools.length === 0 && unknown.length > 0 && mayCall) {
    return { tools, refused: `tools: this provider cannot run ${[...new Set(unknown)].join(', ')}` }
  }
  for (const type of unknown) dropped.add(`tools.${type}`)
  return { tools }
}

/** Client's names of the tools and calls that the conversation speaks of. */
const mentionsOf = (
  messages: readonly unknown[],
  choice: unknown,
): { tools: ReadonlySet<string>; ids: Set<string> } => {
  const tools = new Set<string>()
  const ids = new Set<string>()
  if (isObject(choice) && typeof choice.name === 'string') tools.add(choice.name)
  for (const message of messages) {
    for (const block of isObject(message) ? blocksOf(message.content) : []) {
      if (block.type === 'tool_use') {
        tools.add(stringOr(block.name, ''))
        ids.add(toolCallId(block))
      } else if (block.type === 'tool_result') {
        for (const inner of blocksOf(block.content)) {
          if (inner.type === 'tool_reference') tools.add(stringOr(inner.tool_name, ''))
        }
      }
    }
  }
  return { tools, ids }
}

/**
 * Claude Code's first block says which version asked, differently in every conversation: it means nothing to other models
 * and would keep their prompt caches from ever matching.
 */
const ATTRIBUTION = 'x-anthropic-billing-header:'

const systemTexts = (system: unknown): readonly string[] =>
  blocksOf(system)
    .map((block) => stringOr(block.text, ''))
    .filter((text) => !isBlank(text) && !text.startsWith(ATTRIBUTION))
