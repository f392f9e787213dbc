import { readFileSync } from 'node:fs'
import { Result } from 'effect'
import { describe, expect, it } from 'vitest'
import { readPriceBook } from '#infra/prices/price-book.ts'

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/prices/${name}`, import.meta.url), 'utf8')
const good = (text: string) => Result.getOrThrow(readPriceBook(text))

describe('a price book', () => {
  it('is read in the short format, with every default filled in', () => {
    const book = good(fixture('short.json'))
    expect(book.data).toBeUndefined()
    expect(Object.keys(book.told)).toEqual(['*', 'vertex', 'openai-compatible'])
    expect(book.told['*']?.['house-model']).toEqual({
      ...{ input: 1, output: 2, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 },
    })
    expect(book.told.vertex?.['claude-haiku-5-5']).toMatchObject({
      cacheWrite1h: 0.2,
      tier: { abovePromptTokens: 50_000, cacheRead: 0.05, cacheWrite5m: 0.5, cacheWrite1h: 0.5 },
      webSearchUsd: 10,
    })
  })

  it('is read in the format of the package', () => {
    const book = good(fixture('v2.json'))
    expect(book.told).toEqual({})
    expect(book.data?.map(({ id }) => id)).toEqual(['anthropic', 'deepseek'])
  })

  it.each([
    ['{', 'is no JSON'],
    ['7', 'is no map of kind → model → price'],
    ['{"vertex":{"m":{"input":1}}}', 'is no map of kind → model → price (at vertex.m.output)'],
    ['{"vertex":{"m":{"input":1,"output":-2}}}', '(at vertex.m.output)'],
    ['{"vertex":{"m":{"input":1,"output":2,"outptu":2}}}', '(at vertex.m.outptu)'],
    ['{"vertx":{}}', 'names "vertx", which is no kind of provider; expected *, anthropic'],
    ['[]', 'is not in the format of v2/data.json'],
    ['[{"id":"openai"}]', 'is not in the format of v2/data.json (at 0.models)'],
    ['[{"id":"openai","models":[{"id":"m","prices":{"input_mtok":"1"}}]}]', '(at 0.models.0.prices'],
  ])('that is %s says what is wrong and where', (text, complaint) => {
    const read = readPriceBook(text)
    expect(Result.isFailure(read) ? read.failure : 'nothing').toContain(complaint)
  })

  it('that is a bomb of lists is not read', () => {
    const read = readPriceBook(`[${'[],'.repeat(600_000)}[]]`)
    expect(Result.isFailure(read) && read.failure).toBe('has more in it than any list of prices')
  })
})
