/**
 * The preview of other weights: it recomputes what was recorded, and says where it cannot.
 */
import { describe, expect, it } from '@effect/vitest'
import fc from 'fast-check'
import type { RouteChosen } from '#domain/decisions.ts'
import { providerId, requestId } from '#domain/ids.ts'
import { compare, reweighed } from '../../src/dashboard/reweighed.ts'

const NAMES = ['headroom', 'performance', 'cost', 'reliability'] as const
const even = { headroom: 1, performance: 1, cost: 1, reliability: 1 }
const onlyCost = { headroom: 0, performance: 0, cost: 1, reliability: 0 }

const route = (factors: RouteChosen['factors'], order = ['alpha', 'beta'], strategy = 'intelligent'): RouteChosen => ({
  _tag: 'RouteChosen',
  requestId: requestId('req_1'),
  strategy,
  policyVersion: 1,
  order: order.map(providerId),
  factors,
  skipped: [],
  propensity: 1,
})

const quickOrCheap = route({ headroom: [1, 1], performance: [1, 0.5], cost: [0.4, 0.8], reliability: [1, 1] })

describe('a decision with other weights', () => {
  it('goes to the one whose factors now weigh more', () => {
    expect(reweighed(quickOrCheap, even, onlyCost)).toEqual({ _tag: 'Weighed', first: 'alpha', wouldBe: 'beta' })
    expect(compare([quickOrCheap, quickOrCheap], even, onlyCost)).toEqual({
      weighed: 2,
      decidedOtherwise: 0,
      notWeighed: 0,
      changed: 2,
      firsts: [
        { provider: 'alpha', before: 2, after: 0 },
        { provider: 'beta', before: 0, after: 2 },
      ],
    })
  })

  it('stays where a warm cache is worth more than the difference', () => {
    const warm = { ...quickOrCheap, factors: { ...quickOrCheap.factors, cachedShare: [0.9, 0] } }
    expect(reweighed(warm, even, onlyCost)).toMatchObject({ wouldBe: 'alpha' })
  })

  it('is not guessed at where something else than the score decided', () => {
    const short = route({ headroom: [0, 1], performance: [0, 1], cost: [0, 1], reliability: [0, 1] })
    expect(reweighed(short, even, onlyCost)).toEqual({ _tag: 'DecidedOtherwise', first: 'alpha' })
  })

  it('is none of another strategy, and none without a choice', () => {
    expect(reweighed(route({}, ['alpha', 'beta'], 'priority'), even, onlyCost)).toEqual({ _tag: 'NotWeighed' })
    expect(reweighed(route({ cost: [1] }, ['alpha']), even, onlyCost)).toEqual({ _tag: 'NotWeighed' })
    expect(reweighed(route({}, []), even, onlyCost)).toEqual({ _tag: 'NotWeighed' })
  })

  it('never changes with the same weights, nor with all of them scaled', () => {
    const value = fc.integer({ min: 0, max: 1_000 }).map((n) => n / 1_000)
    const weights = fc.record({ headroom: value, performance: value, cost: value, reliability: value })
    const routes = fc.array(
      fc.array(fc.tuple(value, value, value, value), { minLength: 1, maxLength: 4 }).map((rows) =>
        route(
          Object.fromEntries(NAMES.map((name, index) => [name, rows.map((row) => row[index] ?? 0)])),
          rows.map((_, index) => `p${index}`),
        ),
      ),
    )
    fc.assert(
      fc.property(routes, weights, fc.integer({ min: 1, max: 8 }), (all, before, power) => {
        // Powers of two scale without rounding.
        const scaled = Object.fromEntries(NAMES.map((name) => [name, before[name] * 2 ** power])) as typeof before
        for (const after of [before, scaled]) {
          const { firsts, weighed, decidedOtherwise, notWeighed } = compare(all, before, after)
          expect(weighed + decidedOtherwise + notWeighed).toBe(all.length)
          expect(firsts.reduce((sum, one) => sum + one.after, 0)).toBe(weighed)
          expect(compare(all, before, scaled)).toEqual(compare(all, before, before))
        }
      }),
    )
  })
})
