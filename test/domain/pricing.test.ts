/**
 * Prices by name, costs by tokens. The figures are those of the vendors' pages, typed in a second time.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CURRENT_CLAUDE_MODELS, spellFor } from '#domain/claude-models.ts'
import type { ModelPrice } from '#domain/policy.ts'
import { CLAUDE_PRICES, OTHER_PRICES } from '#domain/price-table.ts'
import { costOf, expectedCost, priceOf } from '#domain/pricing.ts'
import { addUsage, noUsage, type Usage } from '#domain/usage.ts'

const list = (model: string, multiplier?: number) => priceOf({}, model, multiplier)
const ALL = [...CLAUDE_PRICES, ...OTHER_PRICES].map(({ price }) => price)

describe('a list price', () => {
  it.each([
    ['claude-fable-5-2', 8, 40, 10, 16, 0.2],
    ['claude-fable-5-1', 10, 50, 12.5, 20, 0.25],
    ['claude-mythos-5', 10, 50, 12.5, 20, 1],
    ['claude-opus-5-5', 4, 20, 5, 8, 0.2],
    ['claude-opus-4-8', 5, 25, 6.25, 10, 0.5],
    ['claude-opus-4-1-20250805', 15, 75, 18.75, 30, 1.5],
    ['claude-sonnet-5-5', 2, 10, 2.5, 4, 0.1],
    ['claude-sonnet-5', 2, 10, 2.5, 4, 0.2],
    ['claude-sonnet-4-6', 3, 15, 3.75, 6, 0.3],
    ['claude-haiku-5-5', 0.1, 0.5, 0.125, 0.2, 0.01],
    ['claude-haiku-4-5-20251001', 1, 5, 1.25, 2, 0.1],
    ['claude-3-5-haiku-20241022', 0.8, 4, 1, 1.6, 0.08],
    ['gpt-6-astra', 10, 50, 12.5, 12.5, 1],
    ['openai/gpt-6.1-terra', 1, 5, 1.25, 1.25, 0.05],
    ['gpt-4o-mini', 0.15, 0.6, 0.15, 0.15, 0.075],
    ['google/gemini-2.5-pro', 1.25, 10, 1.25, 1.25, 0.125],
    ['deepseek-v4-pro', 1.32, 3.96, 1.32, 1.32, 0.044],
  ])('of %s is the published one', (model, input, output, cacheWrite5m, cacheWrite1h, cacheRead) => {
    expect(list(model)).toMatchObject({ input, output, cacheWrite5m, cacheWrite1h, cacheRead })
  })

  it.each([
    ['claude-haiku-5-5', 100_000, { input: 0.5, output: 2.5, cacheWrite5m: 0.625, cacheWrite1h: 1, cacheRead: 0.05 }],
    ['claude-sonnet-4-5', 200_000, { input: 6, output: 22.5, cacheWrite5m: 7.5, cacheWrite1h: 12, cacheRead: 0.6 }],
    ['gpt-6-astra', 272_000, { input: 20, output: 75, cacheWrite5m: 25, cacheRead: 2 }],
    ['gpt-6-luna', 272_000, { input: 0.2, output: 0.75 }],
    ['gpt-5.5', 272_000, { input: 10, output: 45 }],
    ['grok-4.7', 200_000, { input: 4, output: 12, cacheRead: 1 }],
  ])('of %s rises above %i tokens of prompt', (model, abovePromptTokens, tier) => {
    expect(list(model)?.tier).toMatchObject({ abovePromptTokens, ...tier })
  })

  it('is known of every Claude model of the table, in every spelling', () => {
    for (const { id } of CURRENT_CLAUDE_MODELS) {
      const price = list(id)
      expect(price, id).not.toBeNull()
      for (const spelling of ['vertex', 'openrouter', 'bedrock-mantle'] as const) {
        const name = spellFor(spelling, id)
        if (name !== undefined) expect(list(name), name).toEqual(price)
      }
    }
  })

  it('is read past snapshots, marks and vendors', () => {
    expect(list('claude-sonnet-4-5')).toEqual(list('claude-sonnet-4-5@20250929'))
    expect(list('claude-opus-5-5[1m]')).toEqual(list('claude-opus-5-5'))
    expect(list('us.anthropic.claude-haiku-4-5-20251001-v1:0')).toEqual(list('claude-haiku-4-5'))
    expect(list('openai/gpt-4.1-2025-04-14')).toEqual(list('gpt-4.1'))
  })

  it('is that of the exact model, never of one whose name begins the same', () => {
    expect(list('claude-sonnet-5-5')?.cacheRead).not.toBe(list('claude-sonnet-5')?.cacheRead)
    expect(list('gpt-4.1-nano')).toBeNull()
    expect(list('claude-opus-9')).toBeNull()
  })

  it.each(['qwen3:30b', 'gpt-oss:120b', 'deepseek/deepseek-v4-pro', 'claude-sonnet-5-5:nitro', '', ':free'])(
    'of %j is not known, which is not zero',
    (model) => {
      expect(list(model)).toBeNull()
      expect(costOf(list(model), { ...noUsage, inputTokens: 1_000 })).toBeNull()
      const tokens = { promptTokens: 1_000, cachedTokens: 0, willWrite: true, outputTokens: 0 }
      expect(expectedCost(list(model), tokens)).toBeNull()
    },
  )

  it('follows the variant: half in batches, nothing where it is free, double where it is fast', () => {
    expect(list('anthropic/claude-opus-5.5:batch')).toMatchObject({ input: 2, output: 10, cacheRead: 0.1 })
    expect(list('openai/gpt-4.1:free')).toMatchObject({ input: 0, output: 0, cacheRead: 0 })
    expect(list('anthropic/claude-opus-5.5-fast')).toMatchObject({ input: 8, output: 40, cacheRead: 0.4 })
    expect(list('anthropic/claude-sonnet-5.5-fast')).toBeNull()
  })

  it('is multiplied at regional endpoints, in its tier too', () => {
    const price = list('claude-haiku-5-5', 1.1)!
    expect(price.input).toBeCloseTo(0.11)
    expect(price.cacheWrite1h).toBeCloseTo(0.22)
    expect(price.tier).toMatchObject({ abovePromptTokens: 100_000, output: 2.5 * 1.1 })
  })
})

describe("the operator's price", () => {
  const own = (input: number): ModelPrice => ({ input, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 })

  it('stands before the list, as it is', () => {
    expect(priceOf({ prices: { 'claude-*': own(7) } }, 'claude-opus-5-5', 1.1)).toEqual(own(7))
  })

  it('is that of the pattern with the most literal characters', () => {
    const prices = { '*': own(1), 'qwen3:*': own(2), 'qwen3:30b*': own(4), 'qwen3:30b': own(3) }
    expect(priceOf({ prices }, 'qwen3:30b')).toEqual(own(3))
    expect(priceOf({ prices }, 'qwen3:30b-a3b')).toEqual(own(4))
    expect(priceOf({ prices }, 'qwen3:8b')).toEqual(own(2))
    expect(priceOf({ prices }, 'claude-opus-5-5')).toEqual(own(1))
  })

  it('leaves the list to models that it does not name', () => {
    expect(priceOf({ prices: { 'qwen*': own(1) } }, 'claude-opus-5-5')).toEqual(list('claude-opus-5-5'))
    expect(priceOf({ prices: { 'qwen*': own(1) } }, 'llama')).toBeNull()
  })
})

const tokens = fc.nat(1_000_000)
const usages: fc.Arbitrary<Usage> = fc.record({
  inputTokens: tokens,
  outputTokens: tokens,
  cacheReadTokens: tokens,
  cacheWrite5mTokens: tokens,
  cacheWrite1hTokens: tokens,
})
const prices = fc.constantFrom(...ALL)
const withoutTier = prices.map(({ tier: _tier, ...rates }): ModelPrice => rates)

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
    expect(costOf(list('claude-sonnet-5-5'), usage)).toBe(33_095_100)
  })

  it('has the prices of the tier for the whole request, from the first token above on', () => {
    const haiku = list('claude-haiku-5-5')
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

  it('is whole, not negative, and never falls with a token more, also over the step of a tier', () => {
    fc.assert(
      fc.property(prices, usages, usages, (price, a, more) => {
        const [less, all] = [costOf(price, a)!, costOf(price, addUsage(a, more))!]
        expect(Number.isSafeInteger(less) && less >= 0).toBe(true)
        expect(all).toBeGreaterThanOrEqual(less)
      }),
    )
  })
})

describe('the expected cost of a request', () => {
  const turn = { promptTokens: 100_000, cachedTokens: 90_000, willWrite: true, outputTokens: 1_000 }
  const opus = list('claude-opus-5-5')

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
