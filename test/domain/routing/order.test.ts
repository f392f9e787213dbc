/**
 * The rules that stand above the scores, and what is done with scores that are equal.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ProviderId, providerId } from '#domain/ids.ts'
import { defaultPolicy, type Policy } from '#domain/policy.ts'
import { availability } from '#domain/routing/availability.ts'
import { cost } from '#domain/routing/cost.ts'
import { explorations } from '#domain/routing/explore.ts'
import { intelligent } from '#domain/routing/intelligent.ts'
import { drawn, orderProspects, outcomes, type Ranked, rankProspects } from '#domain/routing/order.ts'
import type { Outlook } from '#domain/routing/outlook.ts'
import { performance } from '#domain/routing/performance.ts'
import { priority } from '#domain/routing/priority.ts'
import type { Prospect, Strategy } from '#domain/routing/strategy.ts'
import { draws } from '#test/generators.ts'
import { outlooks, prospect, prospectLists, shares, unknownOutlook } from '#test/prospects.ts'

const ALL = [intelligent, cost, performance, availability, priority]
const SCORING = ALL.filter((strategy) => strategy !== priority)

interface Asked {
  readonly routing?: Partial<Policy['routing']>
  readonly avoid?: ProviderId
  readonly unwell?: readonly string[]
  readonly tieDraw?: number
}

const ordered = (
  strategy: Strategy,
  prospects: readonly Prospect[],
  { routing, avoid, unwell = [], tieDraw = 0 }: Asked = {},
) =>
  orderProspects(prospects, {
    strategy,
    routing: { ...defaultPolicy.routing, ...routing },
    avoid,
    isUnwell: (id) => unwell.includes(id),
    tieDraw,
  })
const names = (ranked: readonly Ranked[]) => ranked.map(({ candidate }) => candidate.provider.id)
const namesOf = (strategy: Strategy, prospects: readonly Prospect[], asked?: Asked) =>
  names(ordered(strategy, prospects, asked))

const routings = fc.record({
  limitThreshold: fc.constantFrom(0, 0.5, 0.8, 1),
  substitutes: fc.constantFrom('last' as const, 'equal' as const),
})

describe.each(ALL)('the order of $name', (strategy) => {
  it('is a permutation of the candidates, and the same for the same draw', () => {
    fc.assert(
      fc.property(prospectLists, routings, draws, (prospects, routing, tieDraw) => {
        const asked = { routing, tieDraw, avoid: providerId('a') }
        const order = ordered(strategy, prospects, asked)
        expect(new Set(order.map(({ candidate }) => candidate))).toEqual(new Set(prospects))
        expect(order).toHaveLength(prospects.length)
        expect(ordered(strategy, prospects, asked)).toEqual(order)
      }),
    )
  })

  /** What is better of each, and by how much at most. */
  const improvements: readonly (readonly [knob: keyof Outlook, best: number])[] = [
    ['headroomShare', 1],
    ['concurrencyShare', 1],
    ['ttftMs', 0],
    ['msPerToken', 0],
    ['inFlight', 0],
    ['successShare', 1],
    ['limitPenalty', 0],
    ['turnNanoUsd', 0],
    ['cachedShare', 1],
  ]
  it.each(improvements)('never puts a candidate behind another for a better %s', (knob, best) => {
    fc.assert(
      fc.property(prospectLists, routings, shares, draws, (prospects, routing, by, tieDraw) => {
        const [first, ...others] = prospects
        const value = first!.outlook[knob]
        if (typeof value !== 'number') return
        const improved = { ...first!, outlook: { ...first!.outlook, [knob]: value + by * (best - value) } }
        const behind = (all: readonly Prospect[], one: Prospect) => {
          const order = ordered(strategy, all, { routing, tieDraw })
          const at = order.findIndex(({ candidate }) => candidate === one)
          return { own: order[at]!, behind: order.slice(at + 1) }
        }
        const before = behind(prospects, first!)
        const after = behind([improved, ...others], improved)
        for (const one of before.behind) {
          if (after.behind.some(({ candidate }) => candidate === one.candidate)) continue
          // Sums of fractions are rounded: what was ahead by the last digit may come out equal, and then the draw decides.
          const now = ordered(strategy, [improved, ...others], { routing, tieDraw })
          const other = now.find(({ candidate }) => candidate === one.candidate)!
          expect(other.group).toBe(after.own.group)
          expect(Math.abs(worth(other) - worth(after.own))).toBeLessThan(1e-12)
        }
      }),
      { numRuns: 200 },
    )
  })

  const worth = ({ score, candidate }: Ranked) =>
    score + (strategy.staysWithCache ? candidate.outlook.cachedShare / 2 : 0)

  it('tries a provider that is short of a limit after all that are not', () => {
    const all = [
      prospect('short', { headroomShare: 0.19, ttftMs: 1, turnNanoUsd: 0 }),
      prospect('fit', { priority: 9 }),
    ]
    expect(namesOf(strategy, all)).toEqual(['fit', 'short'])
    expect(namesOf(strategy, all, { routing: { limitThreshold: 0.95 } })[0]).toBe('short')
  })

  it('tries one where the same turn has just failed after its equals, but before one that is short', () => {
    const all = [
      prospect('failed', { ttftMs: 1, turnNanoUsd: 0 }),
      prospect('other', { priority: 9, successShare: 0.5 }),
      prospect('short', { headroomShare: 0.1 }),
    ]
    expect(namesOf(strategy, all, { avoid: providerId('failed') })).toEqual(['other', 'failed', 'short'])
  })
})

describe.each(SCORING)('in the order of $name', (strategy) => {
  it('a substitute comes after all that have the model, unless told that it is their equal', () => {
    const all = [
      prospect('substitute', { isSubstitute: true, ttftMs: 1, turnNanoUsd: 0 }),
      prospect('own', { successShare: 0.5, turnNanoUsd: 900_000_000, priority: 9 }),
    ]
    expect(namesOf(strategy, all)).toEqual(['own', 'substitute'])
    expect(namesOf(strategy, all, { routing: { substitutes: 'equal' } })).toEqual(['substitute', 'own'])
  })

  it('a substitute comes after the last part of a limit of the right model, but before one that has nothing left', () => {
    const all = [
      prospect('empty', { headroomShare: 0 }),
      prospect('substitute', { isSubstitute: true }),
      prospect('short', { headroomShare: 0.05 }),
    ]
    expect(namesOf(strategy, all)).toEqual(['short', 'substitute', 'empty'])
  })

  it('a provider of which nothing is known is never better than a known one', () => {
    // Short ones come last, known or not: here none is.
    const known = fc.array(outlooks, { minLength: 1, maxLength: 6 }).map((all) =>
      all.map((outlook, n) =>
        prospect(`known${n}`, {
          ...outlook,
          headroomShare: 0.2 + 0.8 * (outlook.headroomShare ?? 0),
          ...{ ttftMs: outlook.ttftMs ?? 500, msPerToken: outlook.msPerToken ?? 5 },
          ...{ successShare: outlook.successShare ?? 0.9, turnNanoUsd: outlook.turnNanoUsd ?? 1_000 },
        }),
      ),
    )
    fc.assert(
      fc.property(known, (all) => {
        const order = ordered(strategy, [prospect('new', unknownOutlook), ...all])
        const fresh = order.find(({ candidate }) => candidate.provider.id === 'new')!
        for (const { score } of order) expect(score).toBeGreaterThanOrEqual(fresh.score)
      }),
    )
  })

  it('equals are told apart by their priority, before any draw', () => {
    fc.assert(
      fc.property(draws, (tieDraw) => {
        const all = [prospect('b', { priority: 2 }), prospect('a', { priority: 1 }), prospect('c', { priority: 3 })]
        expect(namesOf(strategy, all, { tieDraw })).toEqual(['a', 'b', 'c'])
      }),
    )
  })

  it('each of k equals comes first for 1/k of the draws, wherever in the configuration they stand', () => {
    // Divisible by every k up to ten.
    const COUNT = 2_520
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(9), { minLength: 1 }), (places) => {
        const worse = { headroomShare: 0.5, ttftMs: 20_000, successShare: 0.4, turnNanoUsd: 900_000_000 }
        const all = Array.from({ length: 10 }, (_, n) => prospect(`p${n}`, places.includes(n) ? {} : worse))
        const ranking = rankProspects(all, {
          strategy,
          routing: defaultPolicy.routing,
          avoid: undefined,
          isUnwell: () => false,
        })
        const first = new Map<string, number>()
        for (let n = 0; n < COUNT; n++) {
          const [best] = names(drawn(ranking, (n + 0.5) / COUNT))
          first.set(best!, (first.get(best!) ?? 0) + 1)
        }
        expect([...first.keys()].toSorted()).toEqual(places.map((n) => `p${n}`).toSorted())
        for (const count of first.values()) expect(count).toBe(COUNT / places.length)
      }),
      { numRuns: 20 },
    )
  })
})

describe('priority', () => {
  it('keeps substitutes where the operator put them', () => {
    const all = [prospect('substitute', { isSubstitute: true, priority: 1 }), prospect('own', { priority: 2 })]
    expect(namesOf(priority, all)).toEqual(['substitute', 'own'])
  })

  it('takes equal priorities in the order of the configuration, whatever the draw', () => {
    fc.assert(
      fc.property(draws, (tieDraw) => {
        expect(namesOf(priority, [prospect('z'), prospect('a'), prospect('m')], { tieDraw })).toEqual(['z', 'a', 'm'])
      }),
    )
  })
})

describe('weights of nothing', () => {
  it('leave the order to the operator, and to the draw', () => {
    const routing = { weights: { headroom: 0, performance: 0, cost: 0, reliability: 0 } }
    const all = [prospect('a', { ttftMs: 1 }), prospect('b'), prospect('c', { priority: -1, successShare: 0.1 })]
    expect(namesOf(intelligent, all, { routing, tieDraw: 0.1 })).toEqual(['c', 'a', 'b'])
    expect(namesOf(intelligent, all, { routing, tieDraw: 0.9 })).toEqual(['c', 'b', 'a'])
  })
})

describe('a conversation', () => {
  const staying = SCORING.filter((strategy) => strategy.staysWithCache)
  /** Nine tenths of its cost are saved by its cache. */
  const warm = (some: Partial<Outlook> = {}) => prospect('warm', { cachedTokens: 60_000, cachedShare: 0.9, ...some })

  it('stays where its cache is among equals, whatever the draw', () => {
    for (const strategy of staying) {
      for (const tieDraw of [0, 0.4, 0.9]) {
        expect(namesOf(strategy, [prospect('a'), warm(), prospect('b')], { tieDraw })[0]).toBe('warm')
      }
    }
  })

  it('stays while another is better by no more than half of what the cache saves, and leaves for more', () => {
    const first = (successShare: number) => namesOf(availability, [warm({ successShare }), prospect('better')])[0]
    expect(first(0.56)).toBe('warm')
    expect(first(0.54)).toBe('better')
  })

  it('leaves a small cache for a small gain', () => {
    const small = { cachedTokens: 500, cachedShare: 0.02, successShare: 0.98 }
    expect(namesOf(availability, [warm(small), prospect('better')])[0]).toBe('better')
  })

  it('does not stay for a cache that saves nothing, be the provider ever so cheap', () => {
    const cheap = { cachedShare: 0, turnNanoUsd: 1_000, successShare: 0.9 }
    expect(namesOf(availability, [warm(cheap), prospect('better')])[0]).toBe('better')
  })

  it('leaves a warm provider that is short of a limit, and one where its turn has just failed', () => {
    expect(namesOf(intelligent, [warm({ headroomShare: 0.1 }), prospect('b', { ttftMs: 9_000 })])[0]).toBe('b')
    expect(namesOf(intelligent, [warm(), prospect('b')], { avoid: providerId('warm') })[0]).toBe('b')
  })

  it('that is warm at two goes to the better of them', () => {
    const all = [warm({ successShare: 0.8 }), prospect('both', { cachedTokens: 60_000, cachedShare: 0.9 })]
    expect(namesOf(availability, all)[0]).toBe('both')
  })

  it('is not held by cost, which has counted the cache already', () => {
    const dear = warm({ turnNanoUsd: 60_000_000 })
    expect(namesOf(cost, [dear, prospect('cheaper')])[0]).toBe('cheaper')
  })
})

describe('the outcomes of a draw', () => {
  it('are all the orders there are, with the share of the draws that lead to each', () => {
    fc.assert(
      fc.property(prospectLists, draws, (prospects, draw) => {
        const ranking = rankProspects(prospects, {
          strategy: intelligent,
          routing: defaultPolicy.routing,
          avoid: undefined,
          isUnwell: () => false,
        })
        const all = outcomes(ranking)
        expect(all.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12)
        const orders = all.map(({ tieDraw }) => names(drawn(ranking, tieDraw)).join())
        expect(orders).toContain(names(drawn(ranking, draw)).join())
      }),
    )
  })

  it('have the right share also where runs of two and of three are turned by one draw', () => {
    const worse = { headroomShare: 0.5 }
    const all = [prospect('a'), prospect('b'), ...['x', 'y', 'z'].map((name) => prospect(name, worse))]
    const question = { strategy: intelligent, routing: defaultPolicy.routing, avoid: undefined, isUnwell: () => false }
    const ranking = rankProspects(all, question)
    const COUNT = 60
    const seen = new Map<string, number>()
    for (let n = 0; n < COUNT; n++) {
      const order = names(drawn(ranking, (n + 0.5) / COUNT)).join('')
      seen.set(order, (seen.get(order) ?? 0) + 1 / COUNT)
    }
    for (const { tieDraw, share } of outcomes(ranking)) {
      expect(share).toBeCloseTo(seen.get(names(drawn(ranking, tieDraw)).join(''))!, 9)
    }
  })
})

describe('a provider whose last health check failed', () => {
  it('comes after all others, whatever the scores, the limits and the substitutes', () => {
    const all = [
      prospect('unwell', { ttftMs: 1 }),
      prospect('empty', { headroomShare: 0 }),
      { ...prospect('other'), isSubstitute: true },
    ]
    expect(namesOf(intelligent, all, { unwell: ['unwell'] }).at(-1)).toBe('unwell')
    expect(namesOf(intelligent, all)[0]).toBe('unwell')
  })
})

describe('exploring', () => {
  it('leaves no warm cache for it', () => {
    const order = ordered(intelligent, [prospect('warm', { cachedTokens: 40_000, cachedShare: 0.9 }), prospect('cold')])
    expect(explorations(order).map(([first]) => first?.candidate.provider.id)).toEqual(['warm'])
  })

  it('puts any of the first group first, and nobody whom a rule holds back', () => {
    fc.assert(
      fc.property(prospectLists, draws, (prospects, tieDraw) => {
        const order = ordered(intelligent, prospects, { tieDraw })
        const [best] = order
        const others = explorations(order)
        const isWarm = best!.candidate.outlook.cachedTokens > 0
        const group = order.filter((one) => one.group === best!.group)
        expect(others.map(([first]) => first)).toEqual(isWarm ? [best] : group)
        for (const other of others) expect(new Set(other)).toEqual(new Set(order))
      }),
    )
  })
})
