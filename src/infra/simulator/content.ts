/**
 * What a simulated model says: content blocks as a script or a story writes them, and the message object they become.
 */
import { estimateTokens } from '#infra/simulator/tokens.ts'

export interface TextBlock {
  readonly type: 'text'
  readonly text: string
  /** Citation objects, sent as `citations_delta` when streaming. */
  readonly citations?: readonly object[]
}
export interface ThinkingBlock {
  readonly type: 'thinking'
  readonly thinking: string
  /** Made up when absent. */
  readonly signature?: string
}
/** `id` is made up when absent (`toolu_…`, `srvtoolu_…`), a new one in every answer. */
export interface ToolUseBlock {
  readonly type: 'tool_use' | 'server_tool_use'
  readonly id?: string
  readonly name: string
  readonly input: object
}
/** Any other block (server-tool results, redacted_thinking …): sent whole in `content_block_start`, as the API does. */
export interface WholeBlock {
  readonly type: 'redacted_thinking' | `${string}_tool_result`
  readonly [member: string]: unknown
}
export type Block = TextBlock | ThinkingBlock | ToolUseBlock | WholeBlock

/** A block with everything the wire needs. */
export type FullBlock = TextBlock | Required<ThinkingBlock> | Required<ToolUseBlock> | WholeBlock

/** Tokens as the API reports them: the whole prompt is input + cache read + both cache writes. */
export interface PromptUsage {
  readonly inputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
}

export interface Message {
  readonly id: string
  readonly model: string
  readonly blocks: readonly FullBlock[]
  readonly stopReason: string
  readonly prompt: PromptUsage
  readonly outputTokens: number
  readonly thinkingTokens: number
}

/** Tokens of one block by the simulator's rule (bytes / 4, see tokens.ts). */
export const blockTokens = (block: Block): number => {
  if (isText(block)) return estimateTokens(block.text)
  if (isThinking(block)) return estimateTokens(block.thinking)
  return estimateTokens(JSON.stringify(isToolUse(block) ? block.input : block))
}

export const isText = (block: Block): block is TextBlock => block.type === 'text'
export const isThinking = (block: Block): block is ThinkingBlock => block.type === 'thinking'
export const isToolUse = (block: Block): block is ToolUseBlock =>
  block.type === 'tool_use' || block.type === 'server_tool_use'

/** `tool_use` when a client tool is called, else `end_turn`. */
export const stopReasonOf = (blocks: readonly Block[]): string =>
  blocks.some((block) => block.type === 'tool_use') ? 'tool_use' : 'end_turn'

/** Members that a reseller of the API adds, or words otherwise. */
export interface Extras {
  /** Of the message. */
  readonly message?: object
  /** Of `usage` in `message_start` and in a whole message. */
  readonly startUsage?: object
  /** Of `usage` in `message_delta` and in a whole message. */
  readonly finalUsage?: object
}

/** The body of a non-streaming answer. */
export const messageObject = (message: Message, extras: Extras = {}): object => ({
  id: message.id,
  type: 'message',
  role: 'assistant',
  model: message.model,
  content: message.blocks.map((block) => (isText(block) ? { citations: null, ...block } : block)),
  stop_reason: message.stopReason,
  stop_sequence: null,
  stop_details: null,
  container: null,
  diagnostics: null,
  usage: {
    ...startUsage(message),
    output_tokens: message.outputTokens,
    ...outputDetails(message),
    ...extras.startUsage,
    ...extras.finalUsage,
  },
  ...extras.message,
})

/** `usage` as `message_start` carries it: the only place of a stream with the 5 m / 1 h split. */
export const startUsage = (message: Message): object => ({
  ...cumulativePrompt(message),
  cache_creation: {
    ephemeral_5m_input_tokens: message.prompt.cacheWrite5mTokens,
    ephemeral_1h_input_tokens: message.prompt.cacheWrite1hTokens,
  },
  output_tokens: 1,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: 'standard',
  speed: 'standard',
  inference_geo: 'global',
})

/** `usage` as `message_delta` carries it: cumulative. */
export const finalUsage = (message: Message): object => ({
  ...cumulativePrompt(message),
  output_tokens: message.outputTokens,
  ...outputDetails(message),
})

const cumulativePrompt = ({ prompt }: Message): object => ({
  input_tokens: prompt.inputTokens,
  cache_creation_input_tokens: prompt.cacheWrite5mTokens + prompt.cacheWrite1hTokens,
  cache_read_input_tokens: prompt.cacheReadTokens,
})

const outputDetails = (message: Message): object => {
  const searches = message.blocks.filter((block) => block.type === 'server_tool_use').length
  return {
    output_tokens_details: message.thinkingTokens > 0 ? { thinking_tokens: message.thinkingTokens } : null,
    server_tool_use: searches > 0 ? { web_search_requests: searches, web_fetch_requests: 0 } : null,
  }
}
