/**
 * What first choices were worth, where the log recorded how probable they were: inverse-propensity weights and the doubly robust
 * estimator. They believe no model (the second believes it only as far as it is right), and know nothing where nobody explored.
 */
export interface FirstChoice {
  /** What came of it. */
  readonly value: number
  /** Recorded probability of the choice that was made, in (0, 1]. */
  readonly propensity: number
  /** The other policy would have made the same choice. */
  readonly isSame: boolean
  /** What the model expects of the choice that was made, and of the other policy's. */
  readonly modelledHere: number
  readonly modelledThere: number
}

export type OffPolicy =
  | { readonly _tag: 'Known'; readonly ips: number; readonly doublyRobust: number; readonly effective: number }
  | { readonly _tag: 'NotKnown'; readonly effective: number }

/** Kish's effective size below which weighted means are not reported: a handful of large weights would be all of them. */
export const LEAST_EFFECTIVE = 30

/** Means per request under the other policy. Weights are normalised (Hájek), so that a constant is estimated exactly. */
export const offPolicy = (choices: readonly FirstChoice[]): OffPolicy => {
  let [weights, squares, weighted, corrections, modelled] = [0, 0, 0, 0, 0]
  for (const { value, propensity, isSame, modelledHere, modelledThere } of choices) {
    modelled += modelledThere
    if (!isSame || propensity <= 0) continue
    const weight = 1 / propensity
    weights += weight
    squares += weight * weight
    weighted += weight * value
    corrections += weight * (value - modelledHere)
  }
  const effective = squares === 0 ? 0 : (weights * weights) / squares
  if (effective < LEAST_EFFECTIVE) return { _tag: 'NotKnown', effective }
  return {
    _tag: 'Known',
    ips: weighted / weights,
    doublyRobust: modelled / choices.length + corrections / weights,
    effective,
  }
}
