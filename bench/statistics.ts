/** Order statistics of a handful, or of many, measurements. */
export interface Summary {
  readonly min: number
  readonly median: number
  readonly max: number
}

export const summary = (values: readonly number[]): Summary => ({
  min: quantile(values, 0),
  median: quantile(values, 0.5),
  max: quantile(values, 1),
})

/** Linear between neighbours; NaN of nothing. `share` from 0 to 1. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}
