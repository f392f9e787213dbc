/**
 * What differs between the servers that speak chat completions: members around the answer, usage, thinking, calls.
 */
import type { FullBlock, Message, ThinkingBlock } from '#infra/simulator/content.ts'
import type { Sloppy } from '#infra/simulator/openai/sloppy.ts'

export interface ChatStyle {
  readonly sloppy: Sloppy
  /** Epoch seconds. */
  readonly created: number
  /** `never`: in no stream; `asked`: in a chunk of its own; `withChoice`: in a chunk with an empty choice. */
  readonly streamUsage: 'never' | 'asked' | 'withChoice'
  readonly usage: (message: Message) => object
  /** Members of the whole answer and of every chunk beyond id, object, created, model, choices and usage. */
  readonly members: object
  /** Members of a choice beyond OpenAI's; `finished`: the choice has its `finish_reason`. */
  readonly choiceMembers: (message: Message, finished: boolean) => object
  /** Deltas of one thinking block; `cut` cuts its text. No deltas: thinking is not shown. */
  readonly thinkingDeltas: (
    block: Required<ThinkingBlock>,
    nth: number,
    cut: (text: string) => readonly string[],
  ) => readonly object[]
  /** The same as members of a whole message. */
  readonly thinkingMembers: (blocks: readonly Required<ThinkingBlock>[]) => object
  /** Members of a tool call beyond OpenAI's; `nth` from 0. */
  readonly callMembers: (nth: number) => object
}

export const thinkingOf = (blocks: readonly FullBlock[]): readonly Required<ThinkingBlock>[] =>
  blocks.filter((block): block is Required<ThinkingBlock> => block.type === 'thinking')

/** OpenAI's own style, with the deviations. */
export const openAiStyle = (
  sloppy: Sloppy,
  request: { readonly created: number; readonly includeUsage: boolean },
): ChatStyle => ({
  sloppy,
  created: request.created,
  streamUsage: sloppy.noUsage || !request.includeUsage ? 'never' : sloppy.usageWithChoice ? 'withChoice' : 'asked',
  usage: (message) => openAiUsage(message, sloppy),
  members: { service_tier: 'default', system_fingerprint: null },
  choiceMembers: () => ({ logprobs: null }),
  thinkingDeltas: (block, _nth, cut) => {
    if (sloppy.thinkTags) return cut(`<think>${block.thinking}</think>`).map((content) => ({ content }))
    const field = sloppy.reasoningContent
    return field === undefined ? [] : cut(block.thinking).map((text) => ({ [field]: text }))
  },
  thinkingMembers: (blocks) => {
    const field = sloppy.reasoningContent
    return field === undefined || sloppy.thinkTags || blocks.length === 0
      ? {}
      : { [field]: blocks.map(({ thinking }) => thinking).join('') }
  },
  callMembers: () => ({}),
})

/** Prompt tokens include what came from the cache, completion tokens include reasoning. */
export const openAiUsage = ({ prompt, outputTokens, thinkingTokens }: Message, sloppy: Sloppy): object => {
  const promptTokens =
    prompt.inputTokens + prompt.cacheReadTokens + prompt.cacheWrite5mTokens + prompt.cacheWrite1hTokens
  return {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
    prompt_tokens_details: sloppy.nulls
      ? null
      : { cached_tokens: prompt.cacheReadTokens, cache_write_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: sloppy.nulls
      ? null
      : {
          reasoning_tokens: thinkingTokens,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
  }
}

/** `finish_reason` for a stop reason of the Messages API. */
export const finishReasonOf = ({ stopReason }: Message, sloppy: Sloppy): string => {
  switch (stopReason) {
    case 'tool_use':
      return sloppy.toolCallFinishStop ? 'stop' : 'tool_calls'
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length'
    case 'refusal':
      return 'content_filter'
    default:
      return 'stop'
  }
}
