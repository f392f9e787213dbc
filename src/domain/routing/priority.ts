/**
 * The operator's own order: lower priority first, equal priorities in the order of the configuration.
 */
import type { Strategy } from '#domain/routing/strategy.ts'

export const priority: Strategy = {
  name: 'priority',
  // The sort is stable, and candidates come in the order of the configuration.
  rank: (candidates) =>
    candidates
      .toSorted((a, b) => a.provider.priority - b.provider.priority)
      .map((candidate) => ({ candidate, factors: { priority: candidate.provider.priority } })),
}
