import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readOpenRouterPrices } from '#domain/dialect/openrouter-prices.ts'

const read = (pricing: unknown, id: unknown = 'a/b') =>
  readOpenRouterPrices(Buffer.from(JSON.stringify({ data: [{ id, pricing }] })))

describe('the price list of OpenRouter', () => {
  it('is read with one-hour writes and the prices of longer prompts', () => {
    const sample = JSON.parse(readFileSync('test/fixtures/openrouter/models.200.json', 'utf8'))
    const prices = readOpenRouterPrices(Buffer.from(JSON.stringify(sample.body)))
    expect(prices.get('anthropic/claude-haiku-5.5')).toEqual({
      input: 0.1,
      output: 0.5,
      cacheRead: 0.01,
      cacheWrite5m: 0.125,
      cacheWrite1h: 0.2,
      tier: {
        abovePromptTokens: 100_000,
        input: 0.5,
        output: 2.5,
        cacheRead: 0.05,
        cacheWrite5m: 0.625,
        cacheWrite1h: 1,
      },
      webSearchUsd: 10,
    })
  })

  it('is taken as far as there may be models, since it becomes part of the policy', () => {
    const pricing = { prompt: '0.000002', completion: '0.00001' }
    const data = [
      { id: 'x'.repeat(201), pricing },
      ...Array.from({ length: 6_000 }, (_, n) => ({ id: `m${n}`, pricing })),
    ]
    const prices = readOpenRouterPrices(Buffer.from(JSON.stringify({ data })))
    expect([prices.size, prices.has('m0'), prices.has('m5000')]).toEqual([5_000, true, false])
    expect(readOpenRouterPrices(Buffer.from(`{"data":[${'[],'.repeat(600_000)}[]]}`)).size).toBe(0)
  })

  it('takes what is not told of caches for input', () => {
    expect(read({ prompt: '0.000002', completion: '0.00001' }).get('a/b')).toEqual({
      input: 2,
      output: 10,
      cacheRead: 2,
      cacheWrite5m: 2,
      cacheWrite1h: 2,
    })
  })

  it.each([
    ['a price that varies', { prompt: '-1', completion: '-1' }],
    ['no price of the output', { prompt: '0.1' }],
    ['words', { prompt: 'free', completion: '' }],
    ['an absurd price', { prompt: '1000', completion: '1' }],
    ['nothing', undefined],
  ])('leaves out a model with %s', (_, pricing) => {
    expect(read(pricing).size).toBe(0)
  })

  it.each(['not json', '[]', '{"data":{}}', '{"data":[null,1,{"id":1}]}'])('is empty when it is %s', (text) => {
    expect(readOpenRouterPrices(Buffer.from(text)).size).toBe(0)
  })
})
