/**
 * The operator's own order: lower priority first, equal priorities in the order of the configuration.
 */
import type { Strategy } from '#domain/routing/strategy.ts'

export const priority: Strategy = {
  name: 'priority',
  staysWithCache: false,
  score: (prospects) =>
    prospects.map(({ provider }) => ({ score: -provider.priority, factors: { priority: provider.priority } })),
}
