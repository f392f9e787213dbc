/**
 * Tokens of one attempt as the provider bills them. `inputTokens` is the uncached rest, as in the Anthropic API: the whole
 * prompt is inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens.
 */
import { Schema } from 'effect'

export const Usage = Schema.Struct({
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  cacheReadTokens: Schema.Int,
  cacheWrite5mTokens: Schema.Int,
  cacheWrite1hTokens: Schema.Int,
})
export type Usage = typeof Usage.Type

export const noUsage: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
}

export const addUsage = (a: Usage, b: Usage): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
  cacheWrite5mTokens: a.cacheWrite5mTokens + b.cacheWrite5mTokens,
  cacheWrite1hTokens: a.cacheWrite1hTokens + b.cacheWrite1hTokens,
})
