/**
 * Chat usage → Anthropic usage. `prompt_tokens` includes what was read from and written to the cache, `input_tokens` does
 * not; `completion_tokens` includes reasoning, save where a quirk says otherwise.
 */
import { isObject, type Json, listOf } from '#domain/dialect/openai/answer-parts.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

/** In the order and with the members of `message_delta.usage`. `cost`: USD charged, where the server tells. */
export interface RaisedUsage {
  readonly input_tokens: number
  readonly cache_creation_input_tokens: number
  readonly cache_read_input_tokens: number
  readonly output_tokens: number
  readonly output_tokens_details: { readonly thinking_tokens: number } | null
  readonly server_tool_use: { readonly web_search_requests: number; readonly web_fetch_requests: number } | null
  readonly cost?: number
}

/** More than any request has or costs is noise, which no client should add up (anthropic-usage.ts). */
const MOST_TOKENS = 1e8
const MOST_DOLLARS = 100_000

const count = (value: unknown): number =>
  typeof value === 'number' && value > 0 && value <= MOST_TOKENS ? Math.trunc(value) : 0

/** A rough four characters to a token: only where the server reports nothing. */
export const tokensOf = (characters: number): number => Math.ceil(characters / 4)

/** The usage of an answer or chunk, wherever the server puts it; undefined when it reports none. */
export const usageOf = (answer: Json): Json | undefined => {
  const choice = listOf(answer.choices)[0]
  // Groq's streams, before it knew stream_options; Kimi's, beside the finish reason.
  const places = [answer, answer.x_groq, choice].map((place) => (isObject(place) ? place.usage : undefined))
  return places.filter(isObject).find(isCounted)
}

/** An empty object is what some servers report before they have counted. */
const isCounted = (usage: Json): boolean =>
  typeof usage.prompt_tokens === 'number' || typeof usage.completion_tokens === 'number'

/** @param estimate tokens to report when the server reports none */
export const raiseUsage = (
  usage: Json | undefined,
  quirks: OpenAiQuirks,
  estimate: { readonly input: number; readonly output: number },
): RaisedUsage => {
  if (usage === undefined) return usageFrom(estimate.input, 0, 0, estimate.output, null)
  const prompt = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {}
  const completion = isObject(usage.completion_tokens_details) ? usage.completion_tokens_details : undefined
  const total = count(usage.prompt_tokens)
  const read = Math.min(total, count(prompt.cached_tokens ?? usage.prompt_cache_hit_tokens ?? usage.cached_tokens))
  const written = Math.min(total - read, count(prompt.cache_write_tokens))
  const reasoning = count(completion?.reasoning_tokens)
  const output = count(usage.completion_tokens) + (quirks.reasoningTokensApart ? reasoning : 0)
  const details = completion === undefined ? null : { thinking_tokens: reasoning }
  const raised = usageFrom(total - read - written, written, read, output, details)
  const searched = searchesOf(usage)
  const cost = usage.cost
  const told = searched === 0 ? raised : { ...raised, server_tool_use: searches(searched) }
  return typeof cost === 'number' && cost >= 0 && cost <= MOST_DOLLARS ? { ...told, cost } : told
}

/** OpenRouter counts the searches that it ran itself (providers 4.3). */
const searchesOf = ({ server_tool_use: tools }: Json): number =>
  isObject(tools) ? count(tools.web_search_requests) : 0

const searches = (made: number) => ({ web_search_requests: made, web_fetch_requests: 0 })

const usageFrom = (
  input: number,
  written: number,
  read: number,
  output: number,
  details: RaisedUsage['output_tokens_details'],
): RaisedUsage => ({
  input_tokens: input,
  cache_creation_input_tokens: written,
  cache_read_input_tokens: read,
  output_tokens: output,
  output_tokens_details: details,
  server_tool_use: null,
})
