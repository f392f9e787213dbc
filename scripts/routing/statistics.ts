/**
 * Means with 95 % confidence intervals by Student's t, over worlds. Policies are compared world by world: what makes a world hard
 * is hard for both, so the interval of the differences is much narrower than those of the two means suggest.
 */
export interface Estimate {
  readonly mean: number
  /** Half of the interval's width; Infinity for a single value. */
  readonly plusMinus: number
}

export const estimate = (values: readonly number[]): Estimate => {
  const n = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  return { mean, plusMinus: n < 2 ? Number.POSITIVE_INFINITY : t95(n - 1) * Math.sqrt(variance / n) }
}

/** Of `a[i] - b[i]`. */
export const pairedDifference = (a: readonly number[], b: readonly number[]): Estimate =>
  estimate(a.map((value, index) => value - (b[index] ?? Number.NaN)))

/** Quantile 0.975 of Student's t: Cornish and Fisher's expansion around the normal one, within 1 % from 3 degrees on. */
export const t95 = (degrees: number): number => {
  const known = FEW_DEGREES[degrees - 1]
  if (known !== undefined) return known
  const z = 1.959964
  const g1 = (z ** 3 + z) / 4
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96
  return z + g1 / degrees + g2 / degrees ** 2
}

const FEW_DEGREES: readonly number[] = [12.706, 4.303, 3.182]
