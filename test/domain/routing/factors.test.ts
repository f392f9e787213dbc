/**
 * The factors: shares that move the right way, whatever the candidates are.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Factors, factorsOf } from '#domain/routing/factors.ts'
import type { Outlook } from '#domain/routing/outlook.ts'
import { fineOutlook, outlooks, shares, unknownOutlook as unknown } from '#test/prospects.ts'

const THRESHOLD = 0.8
const NAMES: readonly (keyof Factors)[] = ['headroom', 'performance', 'cost', 'reliability']

const factors = (...some: readonly Partial<Outlook>[]) =>
  factorsOf(
    some.map((one) => ({ ...fineOutlook, ...one })),
    THRESHOLD,
  )

const worlds = fc.array(outlooks, { minLength: 1, maxLength: 10 })
const thresholds = fc.constantFrom(0, 0.5, THRESHOLD, 0.95, 1)

/** What a factor hangs on, and whether more of it is better. */
const KNOBS: readonly (readonly [keyof Factors, keyof Outlook, 'better' | 'worse', max: number])[] = [
  ['headroom', 'headroomShare', 'better', 1],
  ['headroom', 'concurrencyShare', 'better', 1],
  ['performance', 'ttftMs', 'worse', 300_000],
  ['performance', 'msPerToken', 'worse', 1_000],
  ['performance', 'inFlight', 'worse', 64],
  ['performance', 'outputTokens', 'worse', 128_000],
  ['cost', 'turnNanoUsd', 'worse', 2_000_000_000],
  ['reliability', 'successShare', 'better', 1],
  ['reliability', 'limitPenalty', 'worse', 1],
]
const KNOWN_BY: { readonly [K in keyof Factors]: (one: Outlook, world: readonly Outlook[]) => boolean } = {
  headroom: ({ headroomShare }) => headroomShare !== null,
  performance: (one, world) => one.ttftMs !== null && (one.msPerToken !== null || !world.some(isMeasured)),
  cost: ({ turnNanoUsd }) => turnNanoUsd !== null,
  reliability: ({ successShare }) => successShare !== null,
}

const isMeasured = ({ ttftMs, msPerToken }: Outlook): boolean => ttftMs !== null && msPerToken !== null

describe('every factor', () => {
  it('lies in [0, 1], of every candidate in any world', () => {
    fc.assert(
      fc.property(worlds, thresholds, (world, threshold) => {
        const all = factorsOf(world, threshold)
        expect(all).toHaveLength(world.length)
        for (const one of all) {
          for (const name of NAMES) {
            expect(one[name]).toBeGreaterThanOrEqual(0)
            expect(one[name]).toBeLessThanOrEqual(1)
          }
        }
      }),
    )
  })

  it.each(KNOBS)('moves the right way: %s with %s, of which more is %s', (name, knob, direction, max) => {
    fc.assert(
      fc.property(worlds, thresholds, fc.tuple(shares, shares), (world, threshold, values) => {
        const [low, high] = values.toSorted((a, b) => a - b)
        const at = (value: number) => factorsOf([{ ...world[0]!, [knob]: value * max }, ...world.slice(1)], threshold)
        const [with_low, with_high] = [at(low!)[0]![name], at(high!)[0]![name]]
        const [better, worse] = direction === 'better' ? [with_high, with_low] : [with_low, with_high]
        expect(better).toBeGreaterThanOrEqual(worse - 1e-12)
      }),
    )
  })

  it.each(NAMES)('is never best where it is not known: %s', (name) => {
    fc.assert(
      fc.property(worlds, thresholds, (world, threshold) => {
        const all = factorsOf(world, threshold).map((one) => one[name])
        const [known, guessed] = [true, false].map((is) =>
          all.filter((_, n) => KNOWN_BY[name](world[n]!, world) === is),
        )
        const most = name === 'headroom' && known!.length > 0 ? 1 : 0.5
        for (const value of guessed!) expect(value).toBeLessThanOrEqual(Math.min(most, ...known!))
      }),
    )
  })

  it.each(NAMES)('is 1/2 where nobody is known and nothing else is wrong: %s', (name) => {
    expect(factors(unknown, unknown).map((one) => one[name])).toEqual([0.5, 0.5])
  })

  it.each(NAMES)('does not depend on the order of the candidates: %s', (name) => {
    fc.assert(
      fc.property(worlds, (world) => {
        const forth = factorsOf(world, THRESHOLD).map((one) => one[name])
        const back = factorsOf(world.toReversed(), THRESHOLD).map((one) => one[name])
        expect(back.toReversed()).toEqual(forth)
      }),
    )
  })
})

describe('head-room', () => {
  it.each([
    [1, 1],
    [0.6, 0.75],
    [0.2, 0.5],
    [0.1, 0.25],
    [0, 0],
  ])('of %d left is worth %d where the limit is short from 0.8 on', (headroomShare, expected) => {
    expect(factors({ headroomShare })[0]?.headroom).toBeCloseTo(expected)
  })

  it('is that of the scarcest, concurrency among them, also where no limit is known', () => {
    expect(factors({ headroomShare: 0.9, concurrencyShare: 0.1 })[0]?.headroom).toBeCloseTo(0.25)
    expect(factors({ headroomShare: null, concurrencyShare: 0.1 })[0]?.headroom).toBeCloseTo(0.25)
  })
})

describe('performance', () => {
  it('compares the time until the answer is complete with the best', () => {
    const [best, other] = factors({}, { ttftMs: 2_000, msPerToken: 18.2 })
    // 1,000 + 500 × 10 against 2,000 + 500 × 18.2, a tenth of a second on either side.
    expect([best?.performance, other?.performance]).toEqual([1, expect.closeTo(6_100 / 11_200)])
  })

  it('counts requests that are under way as standing before this one', () => {
    const [idle, busy] = factors({ msPerToken: 0 }, { msPerToken: 0, inFlight: 3 })
    expect([idle?.performance, busy?.performance]).toEqual([1, expect.closeTo(1_100 / 4_100)])
  })

  it('compares first contents while nobody has a speed of output, and knows nothing of those without once one has', () => {
    const [soon, late] = factors({ msPerToken: null }, { msPerToken: null, ttftMs: 2_100 })
    expect([soon?.performance, late?.performance]).toEqual([1, 0.5])
    const [measured, silent] = factors({ ttftMs: 60_000 }, { msPerToken: null })
    expect([measured?.performance, silent?.performance]).toEqual([1, 0.5])
  })
})

describe('cost', () => {
  it('compares with the cheapest', () => {
    const [cheap, dear] = factors({ turnNanoUsd: 900_000 }, { turnNanoUsd: 9_900_000 })
    expect([cheap?.cost, dear?.cost]).toEqual([1, expect.closeTo(0.1)])
  })

  it('still tells the dear from the dearer where one is free', () => {
    const [free, cheap, dear] = factors({ turnNanoUsd: 0 }, { turnNanoUsd: 1_000_000 }, { turnNanoUsd: 9_000_000 })
    expect(free?.cost).toBe(1)
    expect(cheap!.cost).toBeGreaterThan(5 * dear!.cost)
    expect(dear!.cost).toBeGreaterThan(0)
  })
})

describe('reliability', () => {
  it('is the share of successes, lowered by the limits that were hit of late', () => {
    const [sure, limited] = factors({ successShare: 0.9 }, { successShare: 0.9, limitPenalty: 0.5 })
    expect([sure?.reliability, limited?.reliability]).toEqual([0.9, 0.45])
    const [untried, refusing] = factors({ successShare: null }, { successShare: null, limitPenalty: 0.75 })
    expect([untried?.reliability, refusing?.reliability]).toEqual([0.5, 0.25])
  })
})
