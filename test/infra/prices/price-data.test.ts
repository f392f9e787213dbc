/**
 * The data of the package: that the release which is installed has the format that we read, and how a price is read of it.
 */
import { waitForUpdate } from '@pydantic/genai-prices'
import { Schema } from 'effect'
import { describe, expect, it } from 'vitest'
import { bundledSeller, PriceData, priceIn, sellerAt } from '#infra/prices/price-data.ts'

const AT = Date.parse('2026-11-25')

describe('the bundled data', () => {
  it('has the format that is read', async () => {
    const all = await waitForUpdate()
    expect(all?.length).toBeGreaterThan(20)
    // As JSON: the package has its tiers as objects of a class.
    const data = Schema.decodeUnknownSync(PriceData)(JSON.parse(JSON.stringify(all)))
    const priced = data.flatMap(({ models }) => models.filter(({ prices }) => priceIn(prices, AT) !== undefined))
    expect(priced.length).toBeGreaterThan(1_000)
    for (const { id, models } of data) expect(bundledSeller(id)?.models).toHaveLength(models.length)
  })

  it('knows who sells at a URL, and nobody at others', () => {
    expect(sellerAt('https://api.groq.com/openai/v1')).toBe('groq')
    expect(sellerAt('https://us-east5-aiplatform.googleapis.com/v1')).toBe('google')
    expect(sellerAt('http://127.0.0.1:8000')).toBeUndefined()
    expect(sellerAt('https://evil.example/https://api.openai.com')).toBeUndefined()
    expect(bundledSeller('nobody')).toBeUndefined()
  })
})

describe('a price of the data', () => {
  const flat = { input_mtok: 2, output_mtok: 8 }

  it('takes what is not told of caches for input, and hours for five minutes', () => {
    expect(priceIn(flat, AT)).toEqual({ input: 2, output: 8, cacheRead: 2, cacheWrite5m: 2, cacheWrite1h: 2 })
    expect(priceIn({ ...flat, cache_write_mtok: 2.5, web_searches_kcount: 10 }, AT)).toMatchObject({
      cacheWrite5m: 2.5,
      cacheWrite1h: 2.5,
      webSearchUsd: 10,
    })
  })

  it('has a tier, in which what does not rise stays', () => {
    const tiered = { ...flat, input_mtok: { base: 2, tiers: [{ start: 200_000, price: 4 }] }, cache_read_mtok: 0.1 }
    expect(priceIn(tiered, AT)?.tier).toEqual({
      abovePromptTokens: 200_000,
      ...{ input: 4, output: 8, cacheRead: 0.1, cacheWrite5m: 4, cacheWrite1h: 4 },
    })
  })

  it('is that of the day', () => {
    const dated = [
      { prices: flat },
      { constraint: { start_date: '2026-11-25' }, prices: { ...flat, input_mtok: 1 } },
      { constraint: { start_date: '2027-01-01' }, prices: { ...flat, input_mtok: 3 } },
    ]
    expect(priceIn(dated, AT - 1)?.input).toBe(2)
    expect(priceIn(dated, AT)?.input).toBe(1)
    expect(priceIn(dated, Date.parse('2028-01-01'))?.input).toBe(3)
    expect(priceIn(dated.slice(2), AT)).toBeUndefined()
  })

  it.each([
    ['changes with the hour', [{ prices: flat }, { constraint: { start_time: '01:00:00Z' }, prices: flat }]],
    ['has a part per request', { ...flat, requests_kcount: 5 }],
    ['is not of tokens', { audio_hours: 0.18 }],
    ['is empty', {}],
    [
      'has several tiers',
      {
        ...flat,
        input_mtok: {
          base: 1,
          tiers: [
            { start: 1, price: 2 },
            { start: 2, price: 3 },
          ],
        },
      },
    ],
    [
      'has tiers that begin apart',
      {
        input_mtok: { base: 1, tiers: [{ start: 1, price: 2 }] },
        output_mtok: { base: 1, tiers: [{ start: 2, price: 2 }] },
      },
    ],
  ])('that %s is not told in one number, so it is not known', (_, prices) => {
    expect(priceIn(prices, AT)).toBeUndefined()
  })
})
