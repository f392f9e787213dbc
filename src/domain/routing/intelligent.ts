/**
 * The weighted mean of all factors: room in the limits, speed, cost of this very request, reliability.
 */
import { factorsOf } from '#domain/routing/factors.ts'
import type { Strategy } from '#domain/routing/strategy.ts'

export const intelligent: Strategy = {
  name: 'intelligent',
  staysWithCache: true,
  score: (prospects, { weights, limitThreshold }) => {
    const total = weights.headroom + weights.performance + weights.cost + weights.reliability
    return factorsOf(
      prospects.map(({ outlook }) => outlook),
      limitThreshold,
    ).map((factors) => ({
      factors: { ...factors },
      score:
        total === 0
          ? 0
          : (weights.headroom * factors.headroom +
              weights.performance * factors.performance +
              weights.cost * factors.cost +
              weights.reliability * factors.reliability) /
            total,
    }))
  },
}
