/**
 * How many values lie below which bound: what is kept of many durations, and what a histogram is made of.
 */
export interface Distribution {
  /** One per bound, and one more for what lies above them all; each value is in one of them. */
  readonly counts: number[]
  sum: number
}

export const emptyDistribution = (bounds: readonly number[]): Distribution => ({
  counts: Array.from({ length: bounds.length + 1 }, () => 0),
  sum: 0,
})

/** Counts `value` in place, with the first bound that it does not exceed. `bounds` are ascending. */
export const addTo = (distribution: Distribution, bounds: readonly number[], value: number): void => {
  const found = bounds.findIndex((bound) => value <= bound)
  const index = found < 0 ? bounds.length : found
  distribution.counts[index] = (distribution.counts[index] ?? 0) + 1
  distribution.sum += value
}
