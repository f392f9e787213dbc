/**
 * What each strategy makes of the factors. What comes of equal scores, limits and caches is in order.test.ts.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultPolicy, type Policy } from '#domain/policy.ts'
import { availability } from '#domain/routing/availability.ts'
import { cost } from '#domain/routing/cost.ts'
import { intelligent } from '#domain/routing/intelligent.ts'
import type { Outlook } from '#domain/routing/outlook.ts'
import { performance } from '#domain/routing/performance.ts'
import { priority } from '#domain/routing/priority.ts'
import type { Prospect, Strategy } from '#domain/routing/strategy.ts'
import { prospect, prospectLists, shares } from '#test/prospects.ts'

type Weights = Policy['routing']['weights']
const SCORING = [intelligent, cost, performance, availability]

const { routing } = defaultPolicy
const scores = (strategy: Strategy, prospects: readonly Prospect[], weights: Weights = routing.weights) =>
  strategy.score(prospects, { ...routing, weights }).map(({ score }) => score)
const weighing = (some: Partial<Weights>): Weights => ({
  headroom: 0,
  performance: 0,
  cost: 0,
  reliability: 0,
  ...some,
})

const anyWeights: fc.Arbitrary<Weights> = fc.record({
  headroom: fc.integer({ min: 0, max: 9 }),
  performance: fc.constantFrom(0, 0.3, 1_000_000),
  cost: shares,
  reliability: shares,
})

describe.each(SCORING)('$name', (strategy) => {
  it('gives one score in [0, 1] to each candidate, of the same factors for all', () => {
    fc.assert(
      fc.property(prospectLists, anyWeights, (prospects, weights) => {
        const scored = strategy.score(prospects, { ...routing, weights })
        expect(scored).toHaveLength(prospects.length)
        for (const { score, factors } of scored) {
          expect(score).toBeGreaterThanOrEqual(0)
          expect(score).toBeLessThanOrEqual(1)
          expect(Object.keys(factors)).toEqual(['headroom', 'performance', 'cost', 'reliability'])
        }
      }),
    )
  })

  it.each<[keyof Outlook, 'better' | 'worse', max: number]>([
    ['headroomShare', 'better', 1],
    ['concurrencyShare', 'better', 1],
    ['ttftMs', 'worse', 300_000],
    ['msPerToken', 'worse', 1_000],
    ['inFlight', 'worse', 64],
    ['turnNanoUsd', 'worse', 2_000_000_000],
    ['successShare', 'better', 1],
    ['limitPenalty', 'worse', 1],
  ])('never scores a candidate lower for a change to the good: %s, of which more is %s', (knob, direction, max) => {
    fc.assert(
      fc.property(prospectLists, anyWeights, fc.tuple(shares, shares), ([first, ...others], weights, values) => {
        const [low, high] = values.toSorted((a, b) => a - b)
        const at = (value: number) => {
          const changed = { ...first!, outlook: { ...first!.outlook, [knob]: value * max } }
          return scores(strategy, [changed, ...others], weights)[0]!
        }
        const [better, worse] = direction === 'better' ? [at(high!), at(low!)] : [at(low!), at(high!)]
        expect(better).toBeGreaterThanOrEqual(worse - 1e-12)
      }),
    )
  })
})

describe('each strategy looks at what it is called after, and at nothing else', () => {
  const cheap = prospect('cheap', { turnNanoUsd: 1_000_000, ttftMs: 9_000, successShare: 0.5, headroomShare: 0.3 })
  const fast = prospect('fast', { ttftMs: 300, msPerToken: 2, successShare: 0.6, headroomShare: 0.4 })
  const sure = prospect('sure', { ttftMs: 5_000, successShare: 0.99, turnNanoUsd: 90_000_000, headroomShare: 0.5 })
  const roomy = prospect('roomy', { ttftMs: 7_000, successShare: 0.7, turnNanoUsd: 80_000_000 })
  const all = [cheap, fast, sure, roomy]
  const best = (values: readonly number[]) => all[values.indexOf(Math.max(...values))]?.provider.id

  it.each([
    ['cost', cost, routing.weights, 'cheap'],
    ['performance', performance, routing.weights, 'fast'],
    ['availability', availability, routing.weights, 'sure'],
    ['intelligent, by cost alone', intelligent, weighing({ cost: 1 }), 'cheap'],
    ['intelligent, by speed alone', intelligent, weighing({ performance: 0.1 }), 'fast'],
    ['intelligent, by success alone', intelligent, weighing({ reliability: 7 }), 'sure'],
    ['intelligent, by room alone', intelligent, weighing({ headroom: 2 }), 'roomy'],
  ] as const)('%s', (_what, strategy, weights, expected) => {
    expect(best(scores(strategy, all, weights))).toBe(expected)
  })

  it('cost knows the cache by its price: the warm one is cheapest although its list price is higher', () => {
    const warm = prospect('warm', { turnNanoUsd: 30_000_000, cachedTokens: 60_000, cachedShare: 0.9 })
    const cold = prospect('cold', { turnNanoUsd: 250_000_000 })
    const [here, there] = scores(cost, [warm, cold])
    expect(here).toBeGreaterThan(there!)
  })

  it('performance sees the requests that are under way', () => {
    const [busy, idle] = scores(performance, [prospect('busy', { inFlight: 6 }), prospect('idle', { ttftMs: 2_000 })])
    expect(idle).toBeGreaterThan(busy!)
  })

  it('availability avoids the one that refused a moment ago', () => {
    const [limited, failing] = scores(availability, [
      prospect('limited', { limitPenalty: 0.5 }),
      prospect('failing', { successShare: 0.8 }),
    ])
    expect(failing).toBeGreaterThan(limited!)
  })
})

describe('intelligent', () => {
  it('is the mean of the factors by their weights, and only the proportions of these count', () => {
    const one = [prospect('a', { headroomShare: 0.6 }), prospect('b', { ttftMs: 100, successShare: 0.5 })]
    const weights = { headroom: 0.4, performance: 0.3, cost: 0.2, reliability: 0.1 }
    const [a] = intelligent.score(one, { ...routing, weights })
    const { headroom, performance: speed, cost: price, reliability } = a!.factors
    expect(a!.score).toBeCloseTo(0.4 * headroom! + 0.3 * speed! + 0.2 * price! + 0.1 * reliability!, 12)
    const tenfold = { headroom: 4, performance: 3, cost: 2, reliability: 1 }
    for (const [n, score] of scores(intelligent, one, tenfold).entries()) {
      expect(score).toBeCloseTo(scores(intelligent, one, weights)[n]!, 12)
    }
  })

  it('finds all alike when nothing has a weight', () => {
    const all = [prospect('a'), prospect('b', { ttftMs: 1, turnNanoUsd: 0, successShare: 0.1 })]
    expect(scores(intelligent, all, weighing({}))).toEqual([0, 0])
  })
})

describe('priority', () => {
  it('is higher for lower numbers, whatever else is known', () => {
    fc.assert(
      fc.property(prospectLists, (prospects) => {
        expect(scores(priority, prospects)).toEqual(prospects.map(({ provider }) => -provider.priority))
      }),
    )
  })
})
