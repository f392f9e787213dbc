/**
 * Weights to try: only their proportions count, so they sum to one. A coarse grid over all of them first, then what is near the best.
 */
import type { Policy } from '#domain/policy.ts'

export type Weights = Policy['routing']['weights']

const NAMES = ['headroom', 'performance', 'cost', 'reliability'] as const

/** All weights in steps of 1 / `parts` that sum to one. */
export const gridOf = (parts: number): readonly Weights[] => {
  const found: Weights[] = []
  for (let headroom = 0; headroom <= parts; headroom++)
    for (let performance = 0; headroom + performance <= parts; performance++)
      for (let cost = 0; headroom + performance + cost <= parts; cost++) {
        const reliability = parts - headroom - performance - cost
        found.push(normalised({ headroom, performance, cost, reliability }))
      }
  return found
}

/** `step` taken from one weight and given to another, wherever there is as much. */
export const neighboursOf = (weights: Weights, step: number): readonly Weights[] =>
  NAMES.flatMap((from) =>
    NAMES.flatMap((to) =>
      from === to || weights[from] < step
        ? []
        : [normalised({ ...weights, [from]: weights[from] - step, [to]: weights[to] + step })],
    ),
  )

/** To thousandths of their sum, so that the same weights have the same name. Weights of nothing stay so. */
export const normalised = (weights: Weights): Weights => {
  const sum = NAMES.reduce((total, name) => total + weights[name], 0)
  const part = (name: (typeof NAMES)[number]): number =>
    sum === 0 ? 0 : Math.round((1_000 * weights[name]) / sum) / 1_000
  return {
    headroom: part('headroom'),
    performance: part('performance'),
    cost: part('cost'),
    reliability: part('reliability'),
  }
}

export const nameOfWeights = (weights: Weights): string => NAMES.map((name) => `${name}=${weights[name]}`).join(',')
