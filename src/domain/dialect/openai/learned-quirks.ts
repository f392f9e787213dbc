/**
 * Fields that a server was seen to refuse, as ids `param:<name>` of its request, → quirks: a field has its own way of being
 * left out, which the preset's flags already know.
 */
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

/** Names of the fields in the ids; ids of another kind are somebody else's. */
export const refusedFields = (without: readonly string[]): ReadonlySet<string> =>
  new Set(without.filter((id) => id.startsWith(PREFIX)).map((id) => id.slice(PREFIX.length)))

const PREFIX = 'param:'

/** Fields that no flag speaks of (`temperature`, and any that is not known here) stay: the caller cuts them out. */
export const learnedQuirks = (quirks: OpenAiQuirks, refused: ReadonlySet<string>): OpenAiQuirks => {
  if (refused.size === 0) return quirks
  const { userField, topK, ...rest } = quirks
  return {
    ...rest,
    maxTokensField: outputField(quirks, refused),
    ...(topK === undefined || refused.has('top_k') ? {} : { topK }),
    ...(userField === undefined || refused.has(userField) ? {} : { userField }),
    ...(refused.has(REASONING[quirks.reasoning]) ? { reasoning: 'none' } : {}),
    ...(refused.has('parallel_tool_calls') ? { noParallelToolCalls: true } : {}),
    ...(refused.has('response_format') ? { noResponseFormat: true } : {}),
    ...(refused.has('stop') ? { noStop: true } : {}),
    ...(refused.has('stream_options') ? { noStreamOptions: true } : {}),
    ...(refused.has('tool_choice') ? { noToolChoice: true } : {}),
  }
}

const REASONING: { readonly [K in OpenAiQuirks['reasoning']]: string } = {
  none: '',
  reasoning_effort: 'reasoning_effort',
  openrouter: 'reasoning',
  thinking: 'thinking',
  enable_thinking: 'chat_template_kwargs',
}

/** The server that refuses one of the two names knows the other ("Use 'max_completion_tokens' instead"). */
const outputField = (
  { maxTokensField }: OpenAiQuirks,
  refused: ReadonlySet<string>,
): OpenAiQuirks['maxTokensField'] => {
  if (!refused.has(maxTokensField)) return maxTokensField
  return maxTokensField === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens'
}
