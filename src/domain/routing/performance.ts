/**
 * The fastest of late, to the first content and from there on, under its present load.
 */
import { factorsOf } from '#domain/routing/factors.ts'
import type { Strategy } from '#domain/routing/strategy.ts'

export const performance: Strategy = {
  name: 'performance',
  staysWithCache: true,
  score: (prospects, { limitThreshold }) =>
    factorsOf(
      prospects.map(({ outlook }) => outlook),
      limitThreshold,
    ).map((factors) => ({ factors: { ...factors }, score: factors.performance })),
}
