/**
 * The cheapest by the estimated cost of this very request and of what it leads to: the prompt cache that it reads, or that it
 * writes for the turns to come.
 */
import { factorsOf } from '#domain/routing/factors.ts'
import type { Strategy } from '#domain/routing/strategy.ts'

export const cost: Strategy = {
  name: 'cost',
  staysWithCache: false,
  score: (prospects, { limitThreshold }) =>
    factorsOf(
      prospects.map(({ outlook }) => outlook),
      limitThreshold,
    ).map((factors) => ({ factors: { ...factors }, score: factors.cost })),
}
