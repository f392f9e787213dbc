/**
 * The statistics of what-if, against what is known exactly.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawnTimes, includesZero, intervalOf, seeded } from '#domain/what-if/intervals.ts'
import { localLevel } from '#domain/what-if/local-level.ts'
import { type FirstChoice, offPolicy } from '#domain/what-if/off-policy.ts'
import { gridOf, nameOfWeights, neighboursOf } from '#domain/what-if/simplex.ts'

describe('off-policy estimators', () => {
  /** Two providers that cost 1 and 3; a tenth is explored, half of that goes to each. The other policy always takes the dear one. */
  const choices = (modelled: number): readonly FirstChoice[] => {
    const chance = seeded(7)
    return Array.from({ length: 4_000 }, () => {
      const isDear = chance() < 0.05
      return {
        value: (isDear ? 3 : 1) + (chance() - 0.5),
        propensity: isDear ? 0.05 : 0.95,
        isSame: isDear,
        modelledHere: isDear ? modelled : 1,
        modelledThere: modelled,
      }
    })
  }

  it('find what the other choice is worth from the few that explored it', () => {
    const found = offPolicy(choices(3))
    if (found._tag === 'NotKnown') throw new Error('200 explored choices are enough')
    expect(found.ips).toBeCloseTo(3, 1)
    expect(found.doublyRobust).toBeCloseTo(3, 1)
    expect(found.effective).toBeGreaterThan(150)
  })

  it('are right, doubly robust, although the model is wrong', () => {
    const found = offPolicy(choices(10))
    expect(found._tag === 'Known' && found.doublyRobust).toBeCloseTo(3, 1)
  })

  it('know nothing where nobody explored', () => {
    const choice = { value: 1, propensity: 1, isSame: false, modelledHere: 1, modelledThere: 2 }
    expect(offPolicy(Array.from({ length: 500 }, () => choice))).toEqual({ _tag: 'NotKnown', effective: 0 })
  })
})

describe('an interval', () => {
  it('becomes wider by the model error, and never narrower', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2 }),
        fc.nat(10),
        (drawn, error) => {
          const [narrow, wide] = [intervalOf(0, drawn, 0), intervalOf(0, drawn, error)]
          expect(wide.high).toBeGreaterThanOrEqual(narrow.high)
          expect(wide.high).toBeGreaterThanOrEqual(1.95 * error)
          expect(includesZero(wide)).toBe(true)
        },
      ),
    )
  })

  it('covers the mean of what it was drawn from as often as it says', () => {
    let covered = 0
    for (let world = 0; world < 300; world++) {
      const chance = seeded(world)
      const values = Array.from({ length: 40 }, () => chance() + chance())
      const mean = values.reduce((sum, value) => sum + value, 0) / 40
      const drawn = Array.from({ length: 200 }, () =>
        drawnTimes(40, chance).reduce((sum, times, index) => sum + (times * (values[index] ?? 0)) / 40, 0),
      )
      const { low, high } = intervalOf(mean, drawn, 0)
      if (low <= 1 && high >= 1) covered += 1
    }
    expect(covered / 300).toBeGreaterThan(0.9)
  })
})

describe('a local level', () => {
  const step = Array.from({ length: 200 }, (_, n) => ({ at: n * 1_000, value: n < 100 ? 0 : 10 }))
  const level = localLevel(step, { widthMs: 5_000, priorWeight: 1 })

  it('is what was seen nearby', () => {
    expect(level.at(50_000).level).toBeLessThan(2)
    expect(level.at(150_000).level).toBeGreaterThan(8)
  })

  it('is the mean of everything where nothing was seen, and says so', () => {
    expect(level.at(10_000_000)).toEqual({ level: 5, support: 0 })
    expect(level.drift).toBeGreaterThan(3)
  })
})

describe('weights', () => {
  it('of a grid sum to one and are all there once', () => {
    const grid = gridOf(4)
    expect(new Set(grid.map(nameOfWeights)).size).toBe(35)
    for (const { headroom, performance, cost, reliability } of grid)
      expect(headroom + performance + cost + reliability).toBeCloseTo(1)
  })

  it('next to others differ in two of them, and none is negative', () => {
    for (const near of neighboursOf({ headroom: 0, performance: 0.5, cost: 0.5, reliability: 0 }, 0.125)) {
      expect(Math.min(...Object.values(near))).toBeGreaterThanOrEqual(0)
      expect(Object.values(near).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1)
    }
  })
})
