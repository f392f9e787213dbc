/**
 * Draws for building a world: a sequence per purpose, so that one more draw for one thing changes nothing else. What happens
 * while the world runs is drawn by `draw` with what it is for, not in sequence: it must not depend on who asks first.
 */
import { draw, logNormal } from '#infra/simulator/draws.ts'

export interface Dice {
  /** In [0, 1). */
  readonly next: () => number
  readonly between: (least: number, most: number) => number
  /** Whole, both ends included. */
  readonly whole: (least: number, most: number) => number
  readonly chance: (share: number) => boolean
  readonly pick: <A>(all: readonly A[]) => A
  readonly logNormal: (median: number, sigma: number) => number
}

export const diceFor = (seed: number, ...purpose: readonly number[]): Dice => {
  let count = 0
  const next = (): number => {
    count += 1
    return draw(seed, ...purpose, count)
  }
  return {
    next,
    between: (least, most) => least + (most - least) * next(),
    whole: (least, most) => least + Math.floor((most - least + 1) * next()),
    chance: (share) => next() < share,
    pick: (all) => {
      const chosen = all[Math.floor(next() * all.length)]
      if (chosen === undefined) throw new Error('nothing to pick from')
      return chosen
    },
    logNormal: (median, sigma) => logNormal(median, sigma, next(), next()),
  }
}
