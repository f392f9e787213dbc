/**
 * What prices and tokens make. Bills of real models, one by one, are in pricing-bills.test.ts; the prices in test/infra/prices.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelId } from '#domain/ids.ts'
import type { ModelPrice } from '#domain/policy.ts'
import { attemptCost, costOf, expectedCost, type Rates, savedByCache, scaledPrice, toldPrice } from '#domain/pricing.ts'
import { addUsage, noUsage, type Usage } from '#domain/usage.ts'

const sonnet: ModelPrice = { input: 2, output: 10, cacheRead: 0.1, cacheWrite5m: 2.5, cacheWrite1h: 4 }
const opus: ModelPrice = { input: 4, output: 20, cacheRead: 0.2, cacheWrite5m: 5, cacheWrite1h: 8, fast: 2 }
const haiku: ModelPrice = {
  ...{ input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite5m: 0.125, cacheWrite1h: 0.2 },
  tier: {
    abovePromptTokens: 100_000,
    ...{ input: 0.5, output: 2.5, cacheRead: 0.05, cacheWrite5m: 0.625, cacheWrite1h: 1 },
  },
}
const own = (input: number): ModelPrice => ({ input, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 })

describe('the price that a policy names', () => {
  it('is that of the pattern with the most literal characters', () => {
    const prices = { '*': own(1), 'qwen3:*': own(2), 'qwen3:30b*': own(4), 'qwen3:30b': own(3) }
    expect(toldPrice(prices, 'qwen3:30b')).toEqual(own(3))
    expect(toldPrice(prices, 'qwen3:30b-a3b')).toEqual(own(4))
    expect(toldPrice(prices, 'qwen3:8b')).toEqual(own(2))
    expect(toldPrice(prices, 'claude-opus-5-5')).toEqual(own(1))
  })

  it('is none for models that it does not name', () => {
    expect(toldPrice({ 'qwen*': own(1) }, 'llama')).toBeUndefined()
    expect(toldPrice(undefined, 'llama')).toBeUndefined()
  })
})

describe('a price times a factor', () => {
  it('is so in its tier too, without the noise of binary fractions; searches and other factors stay', () => {
    expect(scaledPrice({ ...haiku, fast: 2, webSearchUsd: 10 }, 1.1)).toEqual({
      ...{ input: 0.11, output: 0.55, cacheRead: 0.011, cacheWrite5m: 0.1375, cacheWrite1h: 0.22 },
      tier: {
        abovePromptTokens: 100_000,
        ...{ input: 0.55, output: 2.75, cacheRead: 0.055, cacheWrite5m: 0.6875, cacheWrite1h: 1.1 },
      },
      fast: 2,
      webSearchUsd: 10,
    })
  })
})

const tokens = fc.nat(1_000_000)
const counts = {
  inputTokens: tokens,
  outputTokens: tokens,
  cacheReadTokens: tokens,
  cacheWrite5mTokens: tokens,
  cacheWrite1hTokens: tokens,
}
const usages: fc.Arbitrary<Usage> = fc.record(counts)
/** With all that a bill depends on. */
const anyUsages: fc.Arbitrary<Usage> = fc.record(
  {
    ...counts,
    webSearches: fc.nat(100),
    speed: fc.constant('fast' as const),
    geo: fc.constant('us' as const),
    tier: fc.constantFrom('batch' as const, 'priority' as const),
    iterations: fc.array(
      fc.record({ ...counts, model: fc.constantFrom('a', 'b') }, { requiredKeys: [...keysOf(counts)] }),
      { maxLength: 4 },
    ),
  },
  { requiredKeys: [...keysOf(counts)] },
)
/** In millionths of a dollar, as fine as tables are. Reads cost no more than input, and writes no less. */
const rates: fc.Arbitrary<Rates> = fc
  .tuple(fc.nat(10_000_000), fc.nat(50_000_000), fc.nat(1_000), fc.nat(1_000), fc.nat(1_000))
  .map(([input, output, read, write, longer]) => ({
    input: input / 1e6,
    output: output / 1e6,
    cacheRead: Math.floor((input * read) / 1_000) / 1e6,
    cacheWrite5m: Math.floor(input * (1 + write / 1_000)) / 1e6,
    cacheWrite1h: Math.floor(input * (1 + (write + longer) / 1_000)) / 1e6,
  }))
const withoutTier: fc.Arbitrary<ModelPrice> = rates
const terms = fc.record({
  fast: fc.constantFrom(1, 2, 6),
  geoUs: fc.constantFrom(1, 1.1),
  batch: fc.constant(0.5),
  webSearchUsd: fc.constantFrom(0, 8, 10),
})
/** A tier is never cheaper than what is below it. */
const prices: fc.Arbitrary<ModelPrice> = fc
  .tuple(rates, fc.boolean(), fc.nat(2_000_000), fc.constantFrom(1, 2, 5), terms)
  .map(([base, hasTier, abovePromptTokens, times, more]) => ({
    ...base,
    ...more,
    ...(hasTier ? { tier: { ...scaledPrice(base, times), abovePromptTokens } } : {}),
  }))

function keysOf<K extends string>(record: { readonly [key in K]: unknown }): readonly K[] {
  return Object.keys(record) as K[]
}

describe('the cost of a request', () => {
  it('is in billionths of a dollar', () => {
    const usage = {
      inputTokens: 312,
      outputTokens: 1_854,
      cacheReadTokens: 84_211,
      cacheWrite5mTokens: 2_044,
      cacheWrite1hTokens: 100,
    }
    // 312 × 2,000 + 1,854 × 10,000 + 84,211 × 100 + 2,044 × 2,500 + 100 × 4,000
    expect(costOf(sonnet, usage)).toBe(33_095_100)
  })

  it('has the prices of the tier for the whole request, from the first token above on', () => {
    const at = { ...noUsage, cacheReadTokens: 90_000, cacheWrite5mTokens: 9_000, inputTokens: 1_000, outputTokens: 10 }
    expect(costOf(haiku, at)).toBe(90_000 * 10 + 9_000 * 125 + 1_000 * 100 + 10 * 500)
    expect(costOf(haiku, { ...at, inputTokens: 1_001 })).toBe(90_000 * 50 + 9_000 * 625 + 1_001 * 500 + 10 * 2_500)
  })

  it('is linear in tokens, to the rounding, where no tier begins', () => {
    fc.assert(
      fc.property(withoutTier, usages, usages, (price, a, b) => {
        const [one, other, both] = [costOf(price, a)!, costOf(price, b)!, costOf(price, addUsage(a, b))!]
        expect(Math.abs(one + other - both)).toBeLessThanOrEqual(1.5)
      }),
    )
  })

  it('is whole, not negative, and never falls with one more of anything, also over the step of a tier', () => {
    const one = fc.constantFrom(...keysOf(counts), 'webSearches' as const)
    fc.assert(
      fc.property(prices, anyUsages, one, tokens, (price, usage, key, more) => {
        const [less, all] = [costOf(price, usage)!, costOf(price, { ...usage, [key]: (usage[key] ?? 0) + more })!]
        expect(Number.isSafeInteger(less) && less >= 0).toBe(true)
        expect(all).toBeGreaterThanOrEqual(less)
      }),
    )
  })

  it('is the same however many are summed, in any order and any parts', () => {
    const shuffled = fc.array(fc.tuple(prices, anyUsages, fc.nat(), fc.nat(3)), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(shuffled, (attempts) => {
        const sum = (some: typeof attempts) => some.reduce((total, [price, usage]) => total + costOf(price, usage)!, 0)
        const total = sum(attempts)
        expect(Number.isSafeInteger(total)).toBe(true)
        expect(sum(attempts.toSorted(([, , a], [, , b]) => a - b))).toBe(total)
        const parts = [0, 1, 2, 3].map((part) => sum(attempts.filter(([, , , own]) => own === part)))
        expect(parts.reduce((a, b) => a + b, 0)).toBe(total)
      }),
    )
  })

  it('is that of its iterations, where it has them, in any order', () => {
    const iterations = fc.array(fc.record(counts), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(prices, usages, iterations, (price, usage, parts) => {
        const whole = costOf(price, { ...usage, iterations: parts })!
        expect(costOf(price, { ...usage, iterations: parts.toReversed() })).toBe(whole)
        const apart = parts.reduce((sum, part) => sum + costOf(price, part)!, 0)
        expect(Math.abs(whole - apart)).toBeLessThanOrEqual(parts.length / 2 + 1)
      }),
    )
  })

  it('takes each iteration for a request of its own, with a tier and a model of its own', () => {
    const part = { ...noUsage, inputTokens: 60_000 }
    // Together they are above the threshold of 100,000, alone they are not.
    const usage = { ...noUsage, inputTokens: 120_000, iterations: [part, { ...part, model: 'opus' }, part] }
    const priceFor = (model: string) => (model === 'opus' ? opus : null)
    expect(costOf(haiku, usage, priceFor)).toBe(60_000 * 100 + 60_000 * 4_000 + 60_000 * 100)
  })

  it('is not known when one part of it is not', () => {
    const part = { ...noUsage, inputTokens: 1 }
    expect(costOf(null, part)).toBeNull()
    expect(costOf(sonnet, { ...noUsage, iterations: [part, { ...part, model: 'x' }] }, () => null)).toBeNull()
    expect(costOf(sonnet, { ...part, webSearches: 1 })).toBeNull()
    expect(costOf({ ...sonnet, webSearchUsd: 0 }, { ...part, webSearches: 1 })).toBe(2_000)
  })
})

describe('the cost of an attempt', () => {
  const usage = { ...noUsage, inputTokens: 1_000 }
  const provider = { prices: { 'claude-opus-4-5@20251101': opus, 'vendor/claude-opus-5-fast': own(9) } }
  const cost = (model: string, more: Partial<Usage> = {}) =>
    attemptCost({ provider, model: modelId(model), usage: { ...usage, ...more } }).listNanoUsd

  it('is what the provider says, with the figure of the list beside it', () => {
    const attempt = { provider, model: modelId('claude-opus-4-5@20251101'), usage }
    expect(attemptCost(attempt)).toMatchObject({ nanoUsd: 4_000_000, listNanoUsd: 4_000_000 })
    expect(attemptCost({ ...attempt, reportedNanoUsd: 3_999_999 })).toMatchObject({
      nanoUsd: 3_999_999,
      listNanoUsd: 4_000_000,
    })
    expect(attemptCost({ ...attempt, reportedNanoUsd: 0 }).nanoUsd).toBe(0)
    expect(attemptCost({ ...attempt, model: modelId('x'), reportedNanoUsd: 7 })).toMatchObject({
      nanoUsd: 7,
      listNanoUsd: null,
    })
    expect(attemptCost({ ...attempt, model: modelId('x') })).toMatchObject({ nanoUsd: null, listNanoUsd: null })
  })

  it('finds the model under its other spellings, and no other model', () => {
    for (const name of ['claude-opus-4-5', 'claude-opus-4-5-20251101', 'anthropic/claude-opus-4.5']) {
      expect(cost(name), name).toBe(4_000_000)
    }
    for (const name of ['claude-opus-4', 'claude-opus-4-5-fast', 'anthropic/claude-opus-4.5:batch', 'claude-opus-5']) {
      expect(cost(name), name).toBeNull()
    }
  })

  it('bills iterations by the models that Anthropic names', () => {
    const iterations = [{ ...usage, model: 'claude-opus-4-5' }, usage]
    expect(cost('claude-opus-4-5@20251101', { iterations })).toBe(8_000_000)
    expect(cost('claude-opus-4-5@20251101', { iterations: [{ ...usage, model: 'claude-fable-5' }] })).toBeNull()
  })
})

describe('what the cache saved', () => {
  it('is what reads cost less than input, without what writes cost more', () => {
    const usage = {
      ...noUsage,
      inputTokens: 5,
      cacheReadTokens: 90_000,
      cacheWrite5mTokens: 2_000,
      cacheWrite1hTokens: 100,
    }
    expect(savedByCache(opus, usage)).toBe(90_000 * (4_000 - 200) - 2_000 * (5_000 - 4_000) - 100 * (8_000 - 4_000))
    expect(savedByCache(opus, { ...usage, speed: 'fast' })).toBe(
      90_000 * (8_000 - 400) - 2_000 * (10_000 - 8_000) - 100 * (16_000 - 8_000),
    )
    expect(savedByCache(opus, { ...noUsage, cacheWrite1hTokens: 10 })).toBe(-10 * 4_000)
    expect(savedByCache(opus, noUsage)).toBe(0)
    expect(savedByCache(null, usage)).toBeNull()
  })

  it('is the difference to the same request without a cache', () => {
    fc.assert(
      fc.property(prices, usages, (price, usage) => {
        const { inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens } = usage
        const all = inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens
        const without = costOf(price, { ...noUsage, inputTokens: all, outputTokens })!
        expect(Math.abs(savedByCache(price, usage)! - (without - costOf(price, usage)!))).toBeLessThanOrEqual(1.5)
      }),
    )
  })
})

describe('the expected cost of a request', () => {
  const turn = { promptTokens: 100_000, cachedTokens: 90_000, willWrite: true, outputTokens: 1_000 }

  it('reads what is cached and writes the rest', () => {
    expect(expectedCost(opus, turn)).toBe(90_000 * 200 + 10_000 * 5_000 + 1_000 * 20_000)
    expect(expectedCost(opus, { ...turn, willWrite: false })).toBe(90_000 * 200 + 10_000 * 4_000 + 1_000 * 20_000)
  })

  it('shows what a switch away from a warm cache costs: 25 times the read price of the prefix', () => {
    const [stays, leaves] = [expectedCost(opus, turn)!, expectedCost(opus, { ...turn, cachedTokens: 0 })!]
    expect(leaves - stays).toBe(90_000 * (5_000 - 200))
  })

  it('takes new tokens for input where a table has no price for writes', () => {
    const price = { input: 5, output: 30, cacheRead: 0.5, cacheWrite5m: 0, cacheWrite1h: 0 }
    expect(expectedCost(price, turn)).toBe(expectedCost(price, { ...turn, willWrite: false }))
  })

  it('counts no more cached tokens than the prompt has', () => {
    expect(expectedCost(opus, { ...turn, cachedTokens: 1e9 })).toBe(100_000 * 200 + 1_000 * 20_000)
  })

  it('falls with the cached share, and rises with the prompt and the output', () => {
    const asked = fc.record({
      promptTokens: tokens,
      cachedTokens: tokens,
      willWrite: fc.boolean(),
      outputTokens: tokens,
    })
    fc.assert(
      fc.property(prices, asked, tokens, (price, one, more) => {
        const cost = expectedCost(price, one)!
        expect(expectedCost(price, { ...one, cachedTokens: one.cachedTokens + more })).toBeLessThanOrEqual(cost)
        expect(expectedCost(price, { ...one, outputTokens: one.outputTokens + more })).toBeGreaterThanOrEqual(cost)
        expect(expectedCost(price, { ...one, promptTokens: one.promptTokens + more })).toBeGreaterThanOrEqual(cost)
      }),
    )
  })

  it('is what the request will have cost when it goes as expected', () => {
    fc.assert(
      fc.property(prices, tokens, tokens, tokens, (price, cached, fresh, outputTokens) => {
        const usage = { ...noUsage, cacheReadTokens: cached, outputTokens }
        const expected = { promptTokens: cached + fresh, cachedTokens: cached, outputTokens }
        expect(expectedCost(price, { ...expected, willWrite: true })).toBe(
          costOf(price, { ...usage, cacheWrite5mTokens: fresh }),
        )
        expect(expectedCost(price, { ...expected, willWrite: false })).toBe(
          costOf(price, { ...usage, inputTokens: fresh }),
        )
      }),
    )
  })
})
