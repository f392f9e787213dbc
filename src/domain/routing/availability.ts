/**
 * The most reliable of late: failures and limits that were hit both count, and fade.
 */
import { factorsOf } from '#domain/routing/factors.ts'
import type { Strategy } from '#domain/routing/strategy.ts'

export const availability: Strategy = {
  name: 'availability',
  staysWithCache: true,
  score: (prospects, { limitThreshold }) =>
    factorsOf(
      prospects.map(({ outlook }) => outlook),
      limitThreshold,
    ).map((factors) => ({ factors: { ...factors }, score: factors.reliability })),
}
