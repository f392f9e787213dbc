/** Which price enters the policy: of the lists, the provider's own feed, the operator's file, and the provider's entry. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { providerId } from '#domain/ids.ts'
import { diffConfig } from '#infra/config/diff-config.ts'
import { redactedConfig } from '#infra/config/redacted-config.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import type { FedPrices } from '#infra/prices/price-feed.ts'
import { place } from './place.ts'

const AT = Date.parse('2026-11-25')
const KEY = { KEY: 'k', AWS_BEARER_TOKEN_BEDROCK: 'k', OPENROUTER_API_KEY: 'k', GEMINI_API_KEY: 'k', ZAI_API_KEY: 'k' }

const configOf = (text: string, files: Readonly<Record<string, string>> = {}) =>
  place({ 'signalbox.yaml': text, ...files }).good({ environment: KEY })

const pricesOf = (text: string, files: Readonly<Record<string, string>> = {}, fed?: FedPrices, at = AT) =>
  toPolicy(configOf(text, files), fed, undefined, at).providers[0]?.prices ?? {}

const rates = { input: 9, output: 90, cacheRead: 0.9, cacheWrite5m: 9, cacheWrite1h: 9 }

describe('the prices of a policy', () => {
  it('are those of the models that the provider may be asked for, under its names', () => {
    const prices = pricesOf('providers: { a: { kind: vertex, project: p, credential: none } }')
    expect(prices['claude-opus-4-5@20251101']?.input).toBe(5)
    expect(prices['claude-sonnet-5-5']?.cacheRead).toBe(0.1)
    expect(Object.keys(prices).filter((name) => !name.startsWith('claude-'))).toEqual([])
  })

  it('have the short names of models with a date too', () => {
    const prices = pricesOf('providers: { a: { kind: anthropic, credential: client } }')
    expect(prices['claude-haiku-4-5']).toEqual(prices['claude-haiku-4-5-20251001'])
    expect(prices['claude-haiku-4-5']?.input).toBe(1)
  })

  it.each([
    ['global', 2],
    ['us', 2.2],
    ['eu', 2.2],
    ['europe-west1', 2.2],
  ])('of Claude at the location %s are those of the place', (location, input) => {
    const text = `providers: { a: { kind: vertex, project: p, credential: none, location: ${location} } }`
    expect(pricesOf(text)['claude-sonnet-5-5']?.input).toBe(input)
    expect(pricesOf(text)['claude-opus-4-1@20250805']?.input).toBe(15)
    const behind = text.replace('kind', 'baseUrl: "http://127.0.0.1:9/v1", kind')
    expect(pricesOf(behind)['claude-sonnet-5-5']?.input).toBe(input)
  })

  it('of Claude at Bedrock are those of a region', () => {
    const text = 'providers: { a: { kind: anthropic-compatible, preset: bedrock-mantle, region: us-east-1 } }'
    expect(pricesOf(text)['anthropic.claude-opus-5-5']).toMatchObject({
      input: 4.4,
      cacheRead: 0.22,
      cacheWrite1h: 8.8,
    })
  })

  it('of Gemini do not depend on the place', () => {
    const text = 'providers: { a: { kind: vertex, preset: gemini, project: p, credential: none, location: us-east5 } }'
    expect(pricesOf(text)['google/gemini-3.8-flash']?.input).toBe(0.75)
  })

  it('are those of the preset behind a proxy, and those of the URL without one', () => {
    const behind = 'providers: { a: { kind: openai-compatible, preset: groq, baseUrl: "http://127.0.0.1:9/v1" } }'
    expect(pricesOf(behind.replace('preset', 'credential: none, preset'))['openai/gpt-oss-20b']?.input).toBe(0.075)
    const without = `providers: { a: { kind: openai-compatible, baseUrl: "https://api.cerebras.ai/v1", models: { '*': gpt-oss-120b } } }`
    expect(pricesOf(without)).toEqual({ 'gpt-oss-120b': expect.objectContaining({ input: 0.35, output: 0.75 }) })
  })

  it('are none where nobody knows who sells', () => {
    const text = `providers: { a: { kind: openai-compatible, baseUrl: "http://127.0.0.1:9/v1", models: { '*': gpt-6-sol } } }`
    expect(pricesOf(text)).toEqual({})
  })

  it('are none for Claude’s names where they stand for other models', () => {
    expect(pricesOf('providers: { a: { kind: anthropic-compatible, preset: zai } }')).toEqual({})
  })

  it('are those of the day', () => {
    const text = 'providers: { a: { kind: openai-compatible, preset: gemini } }'
    expect(pricesOf(text)['gemini-3.8-flash']?.input).toBe(0.75)
    expect(pricesOf(text, {}, undefined, Date.parse('2027-01-01'))['gemini-3.8-flash']?.input).toBe(1.5)
  })
})

describe('the more certain price', () => {
  const base = 'providers: { a: { kind: openrouter } }'
  const model = 'anthropic/claude-opus-5.5'
  const fed: FedPrices = new Map([[providerId('a'), new Map([[model, { ...rates, input: 7 }]])]])
  const withFile = `prices: { file: p.json }\n${base}`
  const short = { 'p.json': JSON.stringify({ openrouter: { [model]: { input: 6, output: 1 } } }) }
  const everywhere = { 'p.json': JSON.stringify({ '*': { [model]: { input: 5.5, output: 1 } } }) }

  it('is the provider’s own word instead of the list’s, with the list’s terms', () => {
    expect(pricesOf(base)[model]?.input).toBe(4)
    expect(pricesOf(base, {}, fed)[model]).toEqual({
      ...{ ...rates, input: 7 },
      ...{ fast: 2, geoUs: 1.1, batch: 0.5, webSearchUsd: 10 },
    })
  })

  it('is what the operator’s file tells instead, for a kind before all', () => {
    expect(pricesOf(withFile, everywhere, fed)[model]?.input).toBe(5.5)
    expect(pricesOf(withFile, short, fed)[model]?.input).toBe(6)
    const both = { 'p.json': JSON.stringify({ ...JSON.parse(everywhere['p.json']), ...JSON.parse(short['p.json']) }) }
    expect(pricesOf(withFile, both, fed)[model]?.input).toBe(6)
  })

  it('is what the provider’s entry tells instead', () => {
    const text = withFile.replace('openrouter', "openrouter, prices: { '*opus*': { input: 1, output: 2 } }")
    const prices = pricesOf(text, short, fed)
    expect(prices).not.toHaveProperty([model])
    expect(prices['*opus*']?.input).toBe(1)
  })

  it('is that of data in the format of the package instead of what is built in, but not of the feed', () => {
    const files = { 'p.json': readFileSync(new URL('../../fixtures/prices/v2.json', import.meta.url), 'utf8') }
    const haiku = pricesOf(withFile, files)['anthropic/claude-haiku-5.5']
    expect(haiku).toMatchObject({ input: 0.2, tier: { abovePromptTokens: 100_000, input: 0.6 }, batch: 0.5 })
    expect(pricesOf(withFile, files)[model]?.input).toBe(4)
    const sonnet = 'anthropic/claude-sonnet-5.5'
    expect(pricesOf(withFile, files, undefined, Date.parse('2027-02-01'))[sonnet]).toMatchObject({
      input: 1.5,
      webSearchUsd: 8,
    })
    const fedHaiku: FedPrices = new Map([[providerId('a'), new Map([['anthropic/claude-haiku-5.5', rates]])]])
    expect(pricesOf(withFile, files, fedHaiku)['anthropic/claude-haiku-5.5']?.input).toBe(9)
  })

  it('is that of the file instead of what was fetched', () => {
    const fetched = { _tag: 'PriceBook', told: { '*': { [model]: { ...rates, input: 3 } } } } as const
    const input = (config: ReturnType<typeof configOf>) =>
      toPolicy(config, fed, fetched, AT).providers[0]?.prices?.[model]?.input
    expect(input(configOf(base))).toBe(3)
    expect(input(configOf(withFile, everywhere))).toBe(5.5)
  })
})

describe('the operator’s file of prices', () => {
  const text = 'prices: { file: p.json }\nproviders: { a: { kind: anthropic, credential: client } }'
  const problems = (files: Readonly<Record<string, string>>) => place({ 'signalbox.yaml': text, ...files }).problems()

  it('is a problem of the configuration when it cannot be read, or says nothing that can', () => {
    expect(problems({})).toEqual([
      expect.stringMatching(/signalbox\.yaml:1:\d+ prices\.file: .*p\.json does not exist/),
    ])
    expect(problems({ 'p.json': 'nothing' })).toEqual([expect.stringMatching(/prices\.file: .*p\.json is no JSON/)])
    expect(problems({ 'p.json': '{"anthropic":{"m":{"input":1}}}' })).toEqual([
      expect.stringMatching(/prices\.file: .*p\.json is no map .* \(at anthropic\.m\.output\)/),
    ])
    expect(problems({ 'p.json': '{}' })).toEqual([])
  })

  it('is watched, changes as one thing, and is not shown with all its rows', () => {
    const at = place({ 'signalbox.yaml': text, 'p.json': '{"*":{"m":{"input":1,"output":2}}}' })
    const before = at.good()
    expect(before.source.patterns).toEqual([`${at.folder}/p.json`])
    at.write('p.json', '{"*":{"m":{"input":2,"output":2},"n":{"input":1,"output":2}}}')
    expect(diffConfig(before, at.good())).toEqual(['prices.book'])
    expect(redactedConfig(before).prices).toEqual({ file: `${at.folder}/p.json` })
  })

  it('may come from a URL, whose query is not shown', () => {
    const prices = 'prices: { url: "https://prices.example/data.json?key=tell-no-one" }'
    const config = configOf(`${prices}\nproviders: { a: { kind: anthropic, credential: client } }`)
    expect(config.prices.url).toContain('data.json')
    expect(redactedConfig(config).prices).toEqual({ url: 'https://prices.example/data.json?•••' })
    const wrong = (url: string) =>
      place({ 'signalbox.yaml': `prices: { url: "${url}" }\nproviders: { a: { kind: anthropic } }` }).problems()
    expect(wrong('ftp://x')).toEqual([expect.stringContaining('prices.url: expected a URL that starts with')])
    expect(wrong('https://u:tell-no-one@x')).toEqual([
      expect.stringMatching(/prices\.url: (?!.*tell-no-one).*user and password/),
    ])
  })
})
