/**
 * How sure a figure is: 95 % intervals by a block bootstrap. What is drawn again are whole sessions, for calls of one depend on each
 * other, and with them one of several worlds that the log does not tell apart; what the model is known to err by is added.
 */
export interface Interval {
  readonly estimate: number
  readonly low: number
  readonly high: number
}

/** Quantile 0.975 of the normal distribution. */
const Z = 1.959964

/** The middle of the values, 1.96 of their standard deviations and of `modelError` (another one, independent) to both sides. */
export const intervalOf = (estimate: number, drawn: readonly number[], modelError: number): Interval => {
  const half = Z * Math.hypot(Math.sqrt(varianceOf(drawn)), modelError)
  return { estimate, low: estimate - half, high: estimate + half }
}

export const widened = ({ estimate, low, high }: Interval, times: number): Interval => ({
  estimate,
  low: estimate - times * (estimate - low),
  high: estimate + times * (high - estimate),
})

export const includesZero = ({ low, high }: Interval): boolean => low <= 0 && high >= 0

/** Unbiased; 0 of fewer than two. */
export const varianceOf = (values: readonly number[]): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1)
}

/** How often each of `blocks` comes when as many are drawn anew. `chance` gives a number in [0, 1). */
export const drawnTimes = (blocks: number, chance: () => number): Uint16Array => {
  const times = new Uint16Array(blocks)
  for (let n = 0; n < blocks; n++) {
    const block = Math.floor(chance() * blocks)
    times[block] = (times[block] ?? 0) + 1
  }
  return times
}

/** A sequence of numbers in [0, 1) from a seed (Mulberry32): the same report each time. */
export const seeded = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
