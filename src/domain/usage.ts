/**
 * Tokens of one attempt as the provider bills them, and what else the bill depends on. `inputTokens` is the uncached rest, as in
 * the Anthropic API: the whole prompt is inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens. What is
 * optional is there only when it changes the bill.
 */
import { Schema } from 'effect'

const Counts = {
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  cacheReadTokens: Schema.Int,
  cacheWrite5mTokens: Schema.Int,
  cacheWrite1hTokens: Schema.Int,
}

/** One sampling of a model within the attempt. */
export const Iteration = Schema.Struct({
  ...Counts,
  /** As Anthropic names it; absent: the model of the attempt. */
  model: Schema.optionalKey(Schema.String),
  /** `message`, `compaction`, `advisor_message`, `fallback_message`, or what comes. */
  type: Schema.optionalKey(Schema.String),
})
export type Iteration = typeof Iteration.Type

export const Usage = Schema.Struct({
  ...Counts,
  /** Searches that the provider ran, which cost by themselves. */
  webSearches: Schema.optionalKey(Schema.Int),
  speed: Schema.optionalKey(Schema.Literal('fast')),
  /** Where inference ran, if that has a price of its own. */
  geo: Schema.optionalKey(Schema.Literal('us')),
  tier: Schema.optionalKey(Schema.Literals(['batch', 'priority'])),
  /** All samplings, when there is more to bill than one answer of one model: they are billed instead of the counts above. */
  iterations: Schema.optionalKey(Schema.Array(Iteration)),
})
export type Usage = typeof Usage.Type

/** The five counts of tokens, of which prices are made. */
export type TokenCounts = Pick<Usage, keyof typeof Counts>

export const noUsage: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
}

/** Counts are summed; speed, place, tier and iterations belong to one attempt, and have no sum. */
export const addUsage = (a: Usage, b: Usage): Usage => {
  const webSearches = (a.webSearches ?? 0) + (b.webSearches ?? 0)
  const sum = {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWrite5mTokens: a.cacheWrite5mTokens + b.cacheWrite5mTokens,
    cacheWrite1hTokens: a.cacheWrite1hTokens + b.cacheWrite1hTokens,
  }
  return webSearches === 0 ? sum : { ...sum, webSearches }
}
