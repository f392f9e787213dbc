/**
 * Quantiles and histograms of the handful of values that a view holds.
 */

/** The value below which `share` of the values lie, by the nearest rank; undefined of none. */
export const quantile = (values: readonly number[], share: number): number | undefined => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

export interface Bin {
  /** Inclusive. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly count: number
}

/** Bounds that double (…, 250, 500, 1,000, …): latencies are spread over orders of magnitude. Empty bins between are kept. */
export const histogram = (values: readonly number[]): readonly Bin[] => {
  if (values.length === 0) return []
  const step = (value: number): number => Math.floor(Math.log2(Math.max(value, LEAST) / LEAST))
  const steps = values.map(step)
  const first = Math.min(...steps)
  return Array.from({ length: Math.max(...steps) - first + 1 }, (_, index) => ({
    from: LEAST * 2 ** (first + index),
    to: LEAST * 2 ** (first + index + 1),
    count: steps.filter((one) => one === first + index).length,
  }))
}

/** What is quicker goes into the first bin. In ms, so that 1,000 ms is a bound. */
const LEAST = 15.625
