/**
 * Sums of either side of a comparison.
 */
import { addUsage, noUsage, type TokenCounts } from '#domain/usage.ts'

/** The kinds in which tokens are counted and billed. */
export const TOKEN_KINDS = [
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
] as const satisfies readonly (keyof TokenCounts)[]

export interface Totals extends TokenCounts {
  readonly answers: number
  /** Of those whose cost is known, in billionths of a US dollar. */
  readonly costNanoUsd: number
  /** Answers whose cost is not known. */
  readonly unpriced: number
}

export interface Counted {
  readonly usage: TokenCounts
  readonly costNanoUsd: number | null
}

export const totalsOf = (all: Iterable<Counted>): Totals => {
  let usage: TokenCounts = noUsage
  let [answers, costNanoUsd, unpriced] = [0, 0, 0]
  for (const one of all) {
    answers += 1
    usage = addUsage(usage, one.usage)
    costNanoUsd += one.costNanoUsd ?? 0
    if (one.costNanoUsd === null) unpriced += 1
  }
  return { answers, ...countsOf(usage), costNanoUsd, unpriced }
}

export const sameCounts = (a: TokenCounts, b: TokenCounts): boolean => TOKEN_KINDS.every((kind) => a[kind] === b[kind])

/** The five counts, and nothing of what else a usage may hold. */
export const countsOf = (usage: TokenCounts): TokenCounts => ({
  inputTokens: usage.inputTokens,
  outputTokens: usage.outputTokens,
  cacheReadTokens: usage.cacheReadTokens,
  cacheWrite5mTokens: usage.cacheWrite5mTokens,
  cacheWrite1hTokens: usage.cacheWrite1hTokens,
})
