/**
 * Makes a whole message out of what a script, a story or nobody said: ids, signatures, token counts, stop reason.
 */

import { makeSignature } from '#infra/simulator/anthropic/signature.ts'
import {
  type Block,
  blockTokens,
  type FullBlock,
  isThinking,
  isToolUse,
  type Message,
  type PromptUsage,
  stopReasonOf,
} from '#infra/simulator/content.ts'
import { letters, seedOf } from '#infra/simulator/draws.ts'
import type { MessagesBody } from '#infra/simulator/request-body.ts'
import type { AnswerStep } from '#infra/simulator/script.ts'
import { BYTES_PER_TOKEN, estimateTokens } from '#infra/simulator/tokens.ts'

/** Ids come from the seed and the request id, so they are unique per provider and the same in every run. */
export const composeMessage = (
  step: AnswerStep,
  from: {
    readonly blocks: readonly Block[]
    readonly body: MessagesBody
    readonly prompt: PromptUsage
    readonly seed: number
    readonly requestId: string
    /** What ids begin with; default: those of the Anthropic API. */
    readonly ids?: { readonly message: string; readonly toolUse: string }
  },
): Message => {
  const ids = from.ids ?? { message: 'msg_01', toolUse: 'toolu_01' }
  const idSeed = from.seed ^ seedOf(from.requestId)
  const omitThinking = from.body.thinking?.display === 'omitted'
  const sum = (blocks: readonly Block[]): number => blocks.reduce((total, block) => total + blockTokens(block), 0)
  return {
    id: `${ids.message}${letters(22, idSeed, 0)}`,
    model: from.body.model,
    blocks: from.blocks.map((block, index) => complete(block, idSeed, index + 1, omitThinking, ids.toolUse)),
    stopReason: step.stopReason ?? stopReasonOf(from.blocks),
    prompt: from.prompt,
    outputTokens: step.outputTokens ?? Math.max(1, sum(from.blocks)),
    thinkingTokens: sum(from.blocks.filter(isThinking)),
  }
}

/** Says that a simulator answered, and fills up to about `tokens` (never above `max_tokens` by the filling). */
export const plainText = (provider: string, body: MessagesBody, tokens: number | undefined): readonly Block[] => {
  const lead =
    `Simulated answer by provider '${provider}': no model has read your ` +
    `${body.messages.length === 1 ? 'message' : `${body.messages.length} messages`}; ` +
    `this text stands in for one of ${body.model}.`
  const wanted = Math.min(tokens ?? 0, body.max_tokens ?? Number.POSITIVE_INFINITY)
  const missing = wanted - estimateTokens(lead)
  const filling = missing <= 0 ? '' : FILLING.repeat(Math.ceil((missing * BYTES_PER_TOKEN) / FILLING.length))
  return [{ type: 'text', text: lead + filling.slice(0, Math.max(0, missing) * BYTES_PER_TOKEN).trimEnd() }]
}

/** ASCII, so that characters are bytes. */
const FILLING = ' The rest of this simulated answer only takes the time that a real one would take to stream.'

const complete = (block: Block, seed: number, index: number, omitThinking: boolean, toolUse: string): FullBlock => {
  if (isThinking(block)) {
    // As with the API, `display: omitted` hides the text and keeps the signature.
    return {
      ...block,
      thinking: omitThinking ? '' : block.thinking,
      signature: block.signature ?? makeSignature(seed, index),
    }
  }
  if (isToolUse(block)) {
    const prefix = block.type === 'tool_use' ? toolUse : 'srvtoolu_01'
    return { ...block, id: block.id ?? `${prefix}${letters(22, seed, index)}` }
  }
  return block
}
