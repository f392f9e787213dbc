import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Budget } from '#domain/policy.ts'
import type { Standing } from '#domain/projections/budgets.ts'
import { moneyOf, mostCost, unpayable } from '#domain/routing/money.ts'

const standing = (name: string, leftNanoUsd: number, hard: Budget['hard'] | null = {}): Standing => ({
  budget: { name, period: 'day', limitNanoUsd: 1_000, ...(hard === null ? {} : { hard: hard ?? {} }) },
  subject: '',
  period: { start: 0, end: 86_400_000 },
  spentNanoUsd: 1_000 - leftNanoUsd,
  reservedNanoUsd: 0,
  leftNanoUsd,
})

describe('what budgets mean for a route', () => {
  it('is nothing while none is hard', () => {
    expect(moneyOf([])).toBeUndefined()
    expect(moneyOf([standing('soft', -5, null)])).toBeUndefined()
  })

  it('goes by the tightest of those that refuse', () => {
    expect(moneyOf([standing('wide', 90), standing('tight', 10), standing('soft', 1, null)])?.tightest).toMatchObject({
      name: 'tight',
      leftNanoUsd: 10,
    })
  })

  it('steps down when a budget that says so is used up, no sooner', () => {
    const rule = { strategy: 'cost' as const, model: 'claude-haiku-5-5' }
    expect(moneyOf([standing('daily', 1, rule)])).toEqual({ tightest: undefined, stepDown: undefined })
    expect(moneyOf([standing('daily', 0, rule)])?.stepDown).toEqual({ budget: 'daily', ...rule })
  })
})

describe('the most that a request may cost', () => {
  const price = { input: 2, output: 10, cacheRead: 0.1, cacheWrite5m: 2.5, cacheWrite1h: 4 }

  it('is the prompt with twice the error of its estimate, written to the dearest cache, and all the output it allows', () => {
    // 10,000 tokens and 2 × 5 % more, at $4 a million; 1,000 at $10.
    expect(mostCost(price, { tokens: 10_000, errorShare: 0.05 }, 1_000)).toBe(11_000 * 4_000 + 1_000 * 10_000)
  })

  it('has the prices of the tier that the longer prompt falls into', () => {
    const tiered = { ...price, tier: { abovePromptTokens: 10_000, ...price, cacheWrite1h: 8 } }
    expect(mostCost(tiered, { tokens: 10_000, errorShare: 0.05 }, 0)).toBe(11_000 * 8_000)
    expect(mostCost(tiered, { tokens: 9_000, errorShare: 0.05 }, 0)).toBe(9_900 * 4_000)
  })

  it('is unknown without a price, which no hard budget pays', () => {
    expect(mostCost(null, { tokens: 1, errorShare: 0 }, 1)).toBeNull()
    const purse = { name: 'daily', leftNanoUsd: 1e12, until: 9, reservedNanoUsd: 0 }
    expect(unpayable(purse, null, 0)).toEqual({ reason: 'priceUnknown' })
  })

  it('is paid exactly when it is no more than what is left', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000, max: 1_000 }), fc.nat(2_000), fc.nat(500), (left, most, reserved) => {
        const purse = { name: 'daily', leftNanoUsd: left, until: 86_400_000, reservedNanoUsd: reserved }
        const why = unpayable(purse, most, 1_000)
        expect(why === undefined).toBe(most <= left)
        if (why !== undefined) expect(why.until).toBe(most <= left + reserved ? 6_000 : 86_400_000)
      }),
    )
  })
})
