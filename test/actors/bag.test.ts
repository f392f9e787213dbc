import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { makeBag } from '#actors/bag.ts'

describe('a bag', () => {
  it('holds what a set would, whoever comes and goes in whatever order', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(9)))
    fc.assert(
      fc.property(steps, (all) => {
        const bag = makeBag<number>()
        const set = new Set<number>()
        for (const [comes, one] of all) {
          if (!comes) {
            bag.delete(one)
            set.delete(one)
          } else if (!set.has(one)) {
            bag.add(one)
            set.add(one)
          }
          expect(bag.size).toBe(set.size)
          expect([...bag].toSorted()).toEqual([...set].toSorted())
          expect(bag.has(one)).toBe(set.has(one))
        }
      }),
    )
  })

  it('is walked as it was, though the walker takes all out', () => {
    const bag = makeBag<string>()
    for (const one of ['a', 'b', 'c']) bag.add(one)
    const seen: string[] = []
    for (const one of bag) {
      seen.push(one)
      for (const other of bag) bag.delete(other)
    }
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(bag.size).toBe(0)
  })
})
