/**
 * OpenRouter's chat skin: OpenAI's chunks with the provider, the model's own stop reason, reasoning with its details, and
 * the cost in a last chunk that repeats an empty choice.
 */
import type { Message } from '#infra/simulator/content.ts'
import { chatSpeech } from '#infra/simulator/openai/chat-speech.ts'
import { type ChatStyle, openAiStyle } from '#infra/simulator/openai/chat-style.ts'
import type { Sloppy } from '#infra/simulator/openai/sloppy.ts'
import { PROCESSING } from '#infra/simulator/openrouter/messages.ts'
import { openRouterStep } from '#infra/simulator/openrouter/refusals.ts'
import type { Speech } from '#infra/simulator/wire.ts'

export const chatSkinSpeech = (of: {
  readonly generationId: string
  readonly model: string
  readonly streams: boolean
  /** Epoch seconds. */
  readonly created: number
  readonly sloppy: Sloppy
  readonly headers: Speech['headers']
  readonly charge: (message: Message) => object
}): Speech => {
  const around = {
    id: of.generationId,
    object: 'chat.completion.chunk',
    created: of.created,
    model: of.model,
    provider: 'Anthropic',
  }
  const speech = chatSpeech({
    ids: { message: 'gen-', toolUse: 'toolu_01' },
    style: { ...styleOf(of.sloppy, of.created, of.charge), members: { id: of.generationId, provider: 'Anthropic' } },
    headers: of.headers,
    refuse: (refusal) => openRouterStep(refusal, 'chat', of.model),
    streams: of.streams,
    ping: PROCESSING,
    streamError: (_refusal, step) => ({
      ...around,
      ...(typeof step.body === 'string' ? {} : step.body),
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
    }),
  })
  return {
    ...speech,
    events: (message, shape) => [{ bytes: Buffer.from(PROCESSING), tokens: 0 }, ...speech.events(message, shape)],
  }
}

const styleOf = (sloppy: Sloppy, created: number, charge: (message: Message) => object): ChatStyle => ({
  ...openAiStyle(sloppy, { created, includeUsage: true }),
  streamUsage: sloppy.noUsage ? 'never' : 'withChoice',
  usage: (message) => {
    const { prompt, outputTokens, thinkingTokens } = message
    const writes = prompt.cacheWrite5mTokens + prompt.cacheWrite1hTokens
    const promptTokens = prompt.inputTokens + prompt.cacheReadTokens + writes
    return {
      prompt_tokens: promptTokens,
      completion_tokens: outputTokens,
      total_tokens: promptTokens + outputTokens,
      ...charge(message),
      prompt_tokens_details: { cached_tokens: prompt.cacheReadTokens, cache_write_tokens: writes, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: thinkingTokens },
    }
  },
  choiceMembers: (message, finished) => ({
    native_finish_reason: finished ? message.stopReason : null,
    logprobs: null,
  }),
  thinkingDeltas: ({ thinking, signature }, index, cut) => {
    const detail = { type: 'reasoning.text', format: FORMAT, index }
    return [
      ...cut(thinking).map((text) => ({ content: '', reasoning: text, reasoning_details: [{ ...detail, text }] })),
      { content: '', reasoning: null, reasoning_details: [{ ...detail, signature }] },
    ]
  },
  thinkingMembers: (blocks) =>
    blocks.length === 0
      ? {}
      : {
          reasoning: blocks.map(({ thinking }) => thinking).join(''),
          reasoning_details: blocks.map(({ thinking: text, signature }, index) => ({
            type: 'reasoning.text',
            text,
            signature,
            format: FORMAT,
            index,
          })),
        },
})

const FORMAT = 'anthropic-claude-v1'
