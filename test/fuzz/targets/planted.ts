/** Targets with a bug of each kind at a known case, by which the fuzzer itself is tested. */
import type { Dice } from '../dice.ts'
import { firstOf, type OpenTarget, type Target } from '../target.ts'

/** The case of each target that goes wrong, counted from 1. */
export const PLANTED_AT = 7

const at = (name: string, wrong: OpenTarget['run']): Target => ({
  name,
  share: 0,
  open: () => {
    let count = 0
    return { run: (draws: Dice) => (++count === PLANTED_AT ? wrong(draws) : undefined) }
  },
})

export const planted: readonly Target[] = [
  at('planted-complaint', () => firstOf([false, 'not this'], [true, 'as planted'])),
  at('planted-throw', () => {
    throw new Error('as planted')
  }),
  at('planted-loop', () => {
    for (;;);
  }),
  at('planted-memory', () => {
    const all: number[][] = []
    for (;;) all.push(new Array<number>(1e6).fill(all.length))
  }),
  at('planted-end', () => process.exit(3)),
]
