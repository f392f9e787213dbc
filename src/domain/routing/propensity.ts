/**
 * The probability of a choice, the draw being yet unknown: over all turns of equals, over exploring and not, over the shares
 * of those that ramp up. With it recorded, what happened can be weighed as if everybody had been tried alike.
 */
import type { ProviderId } from '#domain/ids.ts'
import { explorations } from '#domain/routing/explore.ts'
import { drawn, outcomes, type Ranked, type Ranking } from '#domain/routing/order.ts'

/** That `id` comes first, in [0, 1]. */
export const propensityOf = (id: ProviderId, ranking: Ranking, explorationShare: number): number => {
  const greedy = expected(withinReach(ranking), (order) => firstShare(order, id))
  if (explorationShare === 0) return greedy
  // Who is explored still takes the first place only for its share.
  const exploring = expected(ranking, (order) => mean(explorations(order).map((other) => firstShare(other, id))))
  return (1 - explorationShare) * greedy + explorationShare * exploring
}

/** Where one is always welcome, nobody behind comes first. */
const withinReach = (ranking: Ranking): Ranking => {
  const last = ranking.findIndex((run) => run.some(({ candidate }) => candidate.share >= 1))
  return last < 0 ? ranking : ranking.slice(0, last + 1)
}

/** The mean over all draws among equals. */
const expected = (ranking: Ranking, value: (order: readonly Ranked[]) => number): number =>
  sum(outcomes(ranking).map(({ tieDraw, share }) => share * value(drawn(ranking, tieDraw))))

/**
 * The share of draws for which `id` comes first of this order. One draw is compared with every candidate's share, so the first
 * welcome one is the named one exactly when the draw lies under its share and above the shares of all ranked before it; when
 * it lies above all shares, the best ranked comes first.
 */
const firstShare = (order: readonly Ranked[], id: ProviderId): number => {
  let covered = 0
  let own = 0
  for (const { candidate } of order) {
    if (candidate.provider.id === id) own = Math.max(0, candidate.share - covered)
    covered = Math.max(covered, candidate.share)
  }
  return order[0]?.candidate.provider.id === id ? own + (1 - covered) : own
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length
