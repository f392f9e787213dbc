/**
 * Draws of one fuzz case: a stream of numbers that follows from its seed alone (mulberry32), so that a case is its number.
 */
export interface Dice {
  /** A number in [0, 1). */
  readonly next: () => number
  /** A whole number in [0, n). */
  readonly below: (n: number) => number
  readonly pick: <A>(from: readonly A[]) => A
  readonly chance: (share: number) => boolean
}

export const dice = (seed: number): Dice => {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let h = Math.imul(state ^ (state >>> 15), state | 1)
    h ^= h + Math.imul(h ^ (h >>> 7), h | 61)
    return ((h ^ (h >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const below = (n: number): number => Math.floor(next() * n)
  return {
    next,
    below,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
    chance: (share) => next() < share,
  }
}
