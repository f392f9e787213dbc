/**
 * An average that believes bad news at once and good news slowly (peak EWMA; reliability 4.3). A value above it is taken as
 * it is; towards lower ones it halves the distance per half-life. While nothing is measured it goes back to the long mean
 * at the same pace, so that one slow answer does not mark a provider that nobody asks any more for ever.
 */
import { leftAfter } from '#domain/decay.ts'

export interface PeakAverage {
  /** As of `at`, epoch ms. */
  readonly recent: number
  /** Mean of the last `MEMORY` values, roughly; of all while there are fewer. */
  readonly typical: number
  readonly samples: number
  readonly at: number
}

/** The newest value weighs 1/100 in the long mean, once there have been as many. */
const MEMORY = 100

/** `value` is finite and not negative; `at` is epoch ms. */
export const observe = (average: PeakAverage | null, value: number, at: number, halfLifeMs: number): PeakAverage => {
  if (average === null) return { recent: value, typical: value, samples: 1, at }
  const samples = average.samples + 1
  const left = leftAfter(at - average.at, halfLifeMs)
  return {
    recent: value >= average.recent ? value : value + (average.recent - value) * left,
    typical: average.typical + (value - average.typical) / Math.min(samples, MEMORY),
    samples,
    at,
  }
}

/** What to expect at `at`, epoch ms. */
export const expectedAt = ({ recent, typical, at: since }: PeakAverage, at: number, halfLifeMs: number): number =>
  typical + (recent - typical) * leftAfter(at - since, halfLifeMs)
