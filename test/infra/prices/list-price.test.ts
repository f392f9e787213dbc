/**
 * List prices by name. The figures are those of the vendors' pages, typed in a second time.
 */
import { calcPrice } from '@pydantic/genai-prices'
import { describe, expect, it } from 'vitest'
import { CURRENT_CLAUDE_MODELS, spellFor } from '#domain/claude-models.ts'
import { listPrice } from '#infra/prices/list-price.ts'
import { FAST_MODELS, OWN_PRICES } from '#infra/prices/own-prices.ts'
import { bundledSeller, priceIn } from '#infra/prices/price-data.ts'

const AT = Date.parse('2026-11-25')
const list = (model: string, seller?: string) => listPrice({ model, seller, at: AT })

/** Anthropic's page, row by row: input, output, five-minute writes, one-hour writes, reads. */
const CLAUDE = [
  ['claude-fable-5-2', 8, 40, 10, 16, 0.2],
  ['claude-mythos-5-2', 8, 40, 10, 16, 0.2],
  ['claude-fable-5-1', 10, 50, 12.5, 20, 0.25],
  ['claude-mythos-5-1', 10, 50, 12.5, 20, 0.25],
  ['claude-fable-5', 10, 50, 12.5, 20, 1],
  ['claude-mythos-5', 10, 50, 12.5, 20, 1],
  ['claude-opus-5-5', 4, 20, 5, 8, 0.2],
  ['claude-opus-5', 5, 25, 6.25, 10, 0.5],
  ['claude-opus-4-8', 5, 25, 6.25, 10, 0.5],
  ['claude-opus-4-7', 5, 25, 6.25, 10, 0.5],
  ['claude-opus-4-6', 5, 25, 6.25, 10, 0.5],
  ['claude-opus-4-5', 5, 25, 6.25, 10, 0.5],
  ['claude-opus-4-5-20251101', 5, 25, 6.25, 10, 0.5],
  ['claude-opus-4-1-20250805', 15, 75, 18.75, 30, 1.5],
  ['claude-opus-4-20250514', 15, 75, 18.75, 30, 1.5],
  ['claude-sonnet-5-5', 2, 10, 2.5, 4, 0.1],
  ['claude-sonnet-5', 2, 10, 2.5, 4, 0.2],
  ['claude-sonnet-4-6', 3, 15, 3.75, 6, 0.3],
  ['claude-sonnet-4-5', 3, 15, 3.75, 6, 0.3],
  ['claude-sonnet-4-5-20250929', 3, 15, 3.75, 6, 0.3],
  ['claude-sonnet-4', 3, 15, 3.75, 6, 0.3],
  ['claude-haiku-5-5', 0.1, 0.5, 0.125, 0.2, 0.01],
  ['claude-haiku-4-5', 1, 5, 1.25, 2, 0.1],
  ['claude-haiku-4-5-20251001', 1, 5, 1.25, 2, 0.1],
  ['claude-3-5-haiku', 0.8, 4, 1, 1.6, 0.08],
] as const

/** The vendors', as sold by them: input, output, reads, writes; where writes are not sold, they are input. */
const OTHERS = [
  ['openai', 'gpt-6-astra', 10, 50, 1, 12.5],
  ['openai', 'gpt-6.1-sol', 2, 10, 0.1, 2.5],
  ['openai', 'gpt-6-sol', 2, 10, 0.2, 2.5],
  ['openai', 'gpt-6.1-terra', 1, 5, 0.05, 1.25],
  ['openai', 'gpt-6-luna', 0.1, 0.5, 0.01, 0.125],
  ['openai', 'gpt-5.5', 5, 30, 0.5, 5],
  ['openai', 'gpt-4.1', 2, 8, 0.5, 2],
  ['openai', 'gpt-4o', 2.5, 10, 1.25, 2.5],
  ['openai', 'gpt-4o-mini', 0.15, 0.6, 0.075, 0.15],
  ['google', 'gemini-4-argon', 2, 10, 0.1, 2],
  ['google', 'gemini-3.8-flash', 0.75, 3.75, 0.075, 0.75],
  ['google', 'gemini-2.5-pro', 1.25, 10, 0.125, 1.25],
  ['google', 'gemini-2.5-flash', 0.3, 2.5, 0.03, 0.3],
  ['x-ai', 'grok-4.7', 2, 6, 0.5, 2],
  ['moonshotai', 'kimi-k3', 3, 15, 0.3, 3],
  ['deepseek', 'deepseek-flash', 0.3, 1.2, 0.006, 0.3],
  ['deepseek', 'deepseek-v4-pro', 1.32, 3.96, 0.044, 1.32],
  ['groq', 'openai/gpt-oss-120b', 0.15, 0.6, 0.075, 0.15],
  ['groq', 'openai/gpt-oss-20b', 0.075, 0.3, 0.0375, 0.075],
] as const

describe('a list price', () => {
  it.each(CLAUDE)('of %s is the published one', (model, input, output, cacheWrite5m, cacheWrite1h, cacheRead) => {
    expect(list(model)).toMatchObject({ input, output, cacheWrite5m, cacheWrite1h, cacheRead, webSearchUsd: 10 })
  })

  it.each(OTHERS)('at %s of %s is the published one', (seller, model, input, output, cacheRead, cacheWrite5m) => {
    expect(list(model, seller)).toMatchObject({ input, output, cacheRead, cacheWrite5m, cacheWrite1h: cacheWrite5m })
  })

  it.each([
    [
      'claude-haiku-5-5',
      undefined,
      100_000,
      { input: 0.5, output: 2.5, cacheWrite5m: 0.625, cacheWrite1h: 1, cacheRead: 0.05 },
    ],
    [
      'claude-sonnet-4-5',
      undefined,
      200_000,
      { input: 6, output: 22.5, cacheWrite5m: 7.5, cacheWrite1h: 12, cacheRead: 0.6 },
    ],
    [
      'claude-sonnet-4',
      undefined,
      200_000,
      { input: 6, output: 22.5, cacheWrite5m: 7.5, cacheWrite1h: 12, cacheRead: 0.6 },
    ],
    ['gpt-6-astra', 'openai', 272_000, { input: 20, output: 75, cacheRead: 2, cacheWrite5m: 25 }],
    ['gpt-6.1-sol', 'openai', 272_000, { input: 4, output: 15 }],
    ['gpt-6-sol', 'openai', 272_000, { input: 4, output: 15 }],
    ['gpt-6.1-terra', 'openai', 272_000, { input: 2, output: 7.5 }],
    ['gpt-6-luna', 'openai', 272_000, { input: 0.2, output: 0.75 }],
    ['gpt-5.5', 'openai', 272_000, { input: 10, output: 45 }],
    ['grok-4.7', 'x-ai', 200_000, { input: 4, output: 12, cacheRead: 1 }],
  ])('of %s rises (at %s) above %i tokens of prompt', (model, seller, abovePromptTokens, tier) => {
    expect(list(model, seller)?.tier).toMatchObject({ abovePromptTokens, ...tier })
  })

  it('of Claude has no tier where none is published', () => {
    const tiered = CLAUDE.filter(([model]) => list(model)?.tier !== undefined).map(([model]) => model)
    expect(tiered).toEqual(['claude-sonnet-4-5', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4', 'claude-haiku-5-5'])
  })

  it('says what speed, place and batches cost of which Claude', () => {
    const having = (key: 'fast' | 'geoUs' | 'batch', value: number) =>
      CLAUDE.filter(([model]) => list(model)?.[key] === value).map(([model]) => model)
    expect(having('fast', 2)).toEqual(FAST_MODELS)
    expect(having('batch', 0.5)).toHaveLength(CLAUDE.length)
    expect(having('geoUs', 1.1)).toEqual(
      CLAUDE.map(([model]) => model).filter((model) => /-(5|5-\d|4-[678])$/.test(model) && !/-4-5/.test(model)),
    )
  })

  it('is known of every Claude model of the table, in every spelling, whoever sells it', () => {
    for (const { id } of CURRENT_CLAUDE_MODELS) {
      const price = list(id)
      expect(price, id).toBeDefined()
      for (const spelling of ['vertex', 'openrouter', 'bedrock-mantle'] as const) {
        const name = spellFor(spelling, id)
        if (name !== undefined) expect(list(name, 'openrouter'), name).toEqual(price)
      }
    }
  })

  it('is read past snapshots, marks, prefixes and case', () => {
    expect(list('claude-sonnet-4-5')).toEqual(list('claude-sonnet-4-5@20250929'))
    expect(list('claude-opus-5-5[1m]')).toEqual(list('claude-opus-5-5'))
    expect(list('us.anthropic.claude-haiku-4-5-20251001-v1:0')).toEqual(list('claude-haiku-4-5'))
    expect(list('gpt-4.1-2025-04-14', 'openai')).toEqual(list('gpt-4.1', 'openai'))
    expect(list('google/gemini-2.5-pro', 'google')).toEqual(list('gemini-2.5-pro', 'google'))
    expect(list('glm-5.3', 'zai')?.input).toBe(1.4)
  })

  it('is that of a snapshot where it has one of its own', () => {
    expect(list('gpt-4o-2024-05-13', 'openai')).toMatchObject({ input: 5, output: 15 })
  })

  it('is that of the exact model: the package’s own search takes Sonnet 5.5 for Sonnet 5', () => {
    const usage = { input_tokens: 1_000_000, cache_read_tokens: 1_000_000 }
    const itsOwn = calcPrice(usage, 'claude-sonnet-5-5', { providerId: 'anthropic', timestamp: new Date(AT) })
    expect(itsOwn).toMatchObject({ model: { id: 'claude-sonnet-5' }, total_price: 0.2 })
    expect(list('claude-sonnet-5-5')?.cacheRead).toBe(0.1)
  })

  it.each([
    ['claude-sonnet-5-9', 'anthropic'],
    ['claude-opus-9', 'anthropic'],
    ['gpt-4.1-turbo', 'openai'],
    ['gpt-4', 'groq'],
    ['gemini-3.8-flash-lite', 'google'],
    ['gemini-2.5-pro-tts-x', 'google'],
    ['grok-4', 'x-ai'],
    ['kimi-k2.5-next', 'moonshotai'],
    ['deepseek-v4-pro-max', 'deepseek'],
  ])('of %s at %s is not that of a model whose name begins the same', (model, seller) => {
    expect(list(model, seller)).toBeUndefined()
  })

  it.each([
    ['qwen3:30b', undefined],
    ['gpt-6-sol', undefined],
    ['openai/gpt-oss-120b', undefined],
    ['gpt-oss:120b', 'openai'],
    ['deepseek/deepseek-flash', 'openrouter'],
    ['claude-sonnet-5-5:nitro', 'openrouter'],
    ['', 'openai'],
    [':free', 'openrouter'],
    ['__proto__', 'openai'],
  ])('of %j at %s is not known', (model, seller) => {
    expect(list(model, seller)).toBeUndefined()
  })

  it('is passed on by OpenRouter', () => {
    expect(list('openai/gpt-6.1-terra', 'openrouter')).toEqual(list('gpt-6.1-terra', 'openai'))
    expect(list('x-ai/grok-4.7', 'openrouter')).toEqual(list('grok-4.7', 'x-ai'))
    expect(list('moonshotai/kimi-k3', 'openrouter')?.output).toBe(15)
  })

  it('follows the variant: half in batches, nothing where it is free, double where it is fast', () => {
    expect(list('anthropic/claude-opus-5.5:batch', 'openrouter')).toMatchObject({
      input: 2,
      output: 10,
      cacheRead: 0.1,
    })
    expect(list('anthropic/claude-opus-5.5:batch', 'openrouter')).not.toHaveProperty('batch')
    expect(list('openai/gpt-4.1:free', 'openrouter')).toMatchObject({ input: 0, output: 0, cacheRead: 0 })
    expect(list('anthropic/claude-opus-5.5-fast', 'openrouter')).toMatchObject({ input: 8, output: 40, cacheRead: 0.4 })
    expect(list('anthropic/claude-opus-5.5-fast', 'openrouter')).not.toHaveProperty('fast')
    expect(list('anthropic/claude-sonnet-5.5-fast', 'openrouter')).toBeUndefined()
  })

  it('changes on the day that was announced', () => {
    const flash = { model: 'gemini-3.8-flash', seller: 'google' }
    expect(listPrice({ ...flash, at: Date.parse('2026-12-31T23:59:59Z') })?.input).toBe(0.75)
    expect(listPrice({ ...flash, at: Date.parse('2027-01-01') })?.input).toBe(1.5)
  })
})

describe('the prices of our own', () => {
  it('are only those that the package lacks or has otherwise', () => {
    for (const [seller, models] of Object.entries(OWN_PRICES)) {
      for (const [model, price] of Object.entries(models)) {
        const theirs = bundledSeller(seller)?.models.find(({ id }) => id === model || id === `${model}-0`)
        expect(theirs && priceIn(theirs.prices, AT), model).not.toMatchObject(price)
      }
    }
  })
})
