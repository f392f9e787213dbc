/**
 * The tiny requests of `--live`: one word to be noted by a tool. Forced where the model may be forced; one that always thinks
 * refuses that.
 */
import type { HeaderList, Target, UpstreamRequest } from '#actors/ports.ts'
import type { WantedModel } from '#cli/doctor/wanted-models.ts'
import { parseClaudeModel, thinkingRules } from '#domain/claude-models.ts'
import { readRequest } from '#domain/dialect/anthropic-request.ts'
import { modelId } from '#domain/ids.ts'
import { estimateTokens } from '#domain/token-estimate.ts'

export type LiveCall = 'stream' | 'whole' | 'count'

const MAX_TOKENS = 64
const VERSION = '2023-06-01'

const TOOL = {
  name: 'note_word',
  description: 'Notes one word.',
  input_schema: {
    type: 'object',
    properties: { word: { type: 'string', description: 'The word to note.' } },
    required: ['word'],
  },
} as const

export interface LiveRequest {
  readonly request: UpstreamRequest
  /** By size alone. */
  readonly estimatedTokens: number
}

/** @param headers the client's credential, where the provider wants it */
export const liveRequest = (
  call: LiveCall,
  { asked, model }: WantedModel,
  without: readonly string[],
  headers: HeaderList,
): LiveRequest => {
  const claude = parseClaudeModel(asked)
  const mayRest = claude !== undefined && thinkingRules(claude).disabled
  const prompt = {
    model: asked,
    messages: [{ role: 'user', content: 'Call the tool note_word with the word "signal".' }],
    tools: [TOOL],
  }
  const body = new TextEncoder().encode(
    JSON.stringify(
      call === 'count'
        ? prompt
        : {
            ...prompt,
            max_tokens: MAX_TOKENS,
            stream: call === 'stream',
            tool_choice: { type: mayRest ? 'any' : 'auto' },
            ...(mayRest ? { thinking: { type: 'disabled' } } : {}),
          },
    ),
  )
  const estimatedTokens = estimateOf(body)
  const target: Target = {
    asked: modelId(asked),
    model: modelId(model ?? asked),
    stream: call === 'stream',
    without,
    inputTokens: estimatedTokens,
  }
  return {
    estimatedTokens,
    request: {
      path: call === 'count' ? '/v1/messages/count_tokens' : '/v1/messages',
      query: '',
      method: 'POST',
      headers: [['content-type', 'application/json'], ['anthropic-version', VERSION], ...headers],
      body,
      target,
    },
  }
}

const estimateOf = (body: Uint8Array): number => {
  const reading = readRequest(body, false)
  const images = reading._tag === 'Valid' ? reading.request : { images: 0 }
  return estimateTokens({ ...images, bodyBytes: body.length }).tokens
}
