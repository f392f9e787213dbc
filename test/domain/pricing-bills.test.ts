/**
 * Bills by hand: what the provider reported, and what it costs in billionths of a dollar, with the arithmetic written out. A
 * price of 4 USD per million tokens is 4,000 of them per token, 10 USD per 1,000 searches are 10,000,000 per search. Policies
 * are made of a configuration, and usage is read from the wire, so that what lies between is in the bill too.
 */
import { Effect } from 'effect'
import { describe, expect, it } from 'vitest'
import { readUsage } from '#domain/dialect/anthropic-usage.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import { raiseUsage } from '#domain/dialect/openai/usage.ts'
import { modelId } from '#domain/ids.ts'
import { attemptCost } from '#domain/pricing.ts'
import { noUsage } from '#domain/usage.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { configured } from '#test/configured.ts'

const config = Effect.runSync(
  Effect.scoped(
    configured({
      providers: {
        anthropic: { kind: 'anthropic', credential: 'client' },
        global: { kind: 'vertex', project: 'p', location: 'global' },
        eu: { kind: 'vertex', project: 'p', location: 'eu' },
        east: { kind: 'vertex', project: 'p', location: 'us-east5' },
        bedrock: {
          kind: 'anthropic-compatible',
          preset: 'bedrock-mantle',
          region: 'us-east-1',
          credential: { env: 'KEY' },
        },
        openrouter: { kind: 'openrouter', credential: { env: 'KEY' }, models: { gpt: 'openai/gpt-6.1-sol' } },
        openai: { kind: 'openai-compatible', preset: 'openai', credential: { env: 'KEY' } },
        gemini: { kind: 'openai-compatible', preset: 'gemini', credential: { env: 'KEY' } },
        deepseek: { kind: 'openai-compatible', preset: 'deepseek', credential: { env: 'KEY' } },
        groq: { kind: 'openai-compatible', preset: 'groq', credential: { env: 'KEY' } },
        xai: { kind: 'openai-compatible', preset: 'xai', credential: { env: 'KEY' } },
        own: {
          kind: 'anthropic-compatible',
          baseUrl: 'https://gateway.example',
          prices: { 'claude-*': { input: 1, output: 4, cacheRead: 0.5, fast: 3, batch: 0.25 } },
        },
      },
    }),
  ),
)
const policy = toPolicy(config, new Map(), undefined, Date.parse('2026-11-25'))
const providerOf = (id: string) => policy.providers.find((provider) => provider.id === id)!

/** Members of an Anthropic usage object. */
type Wire = Readonly<Record<string, unknown>>
type Bill = readonly [what: string, provider: string, model: string, usage: Wire, nanoUsd: number | null]

const billOf = (provider: string, model: string, usage: Wire) =>
  attemptCost({ provider: providerOf(provider), model: modelId(model), usage: readUsage(usage) ?? noUsage })

const written = (fiveMinutes: number, hour: number) => ({
  cache_creation_input_tokens: fiveMinutes + hour,
  cache_creation: { ephemeral_5m_input_tokens: fiveMinutes, ephemeral_1h_input_tokens: hour },
})
const searched = (times: number) => ({ server_tool_use: { web_search_requests: times, web_fetch_requests: 3 } })
const turn = { input_tokens: 1_200, output_tokens: 800, cache_read_input_tokens: 84_000, ...written(2_000, 0) }

const MODELS: readonly Bill[] = [
  ['Fable 5.2', 'anthropic', 'claude-fable-5-2', turn, 1_200 * 8_000 + 800 * 40_000 + 84_000 * 200 + 2_000 * 10_000],
  ['Fable 5.1', 'anthropic', 'claude-fable-5-1', turn, 1_200 * 10_000 + 800 * 50_000 + 84_000 * 250 + 2_000 * 12_500],
  ['Fable 5', 'anthropic', 'claude-fable-5', turn, 1_200 * 10_000 + 800 * 50_000 + 84_000 * 1_000 + 2_000 * 12_500],
  ['Mythos 5.1', 'anthropic', 'claude-mythos-5-1', turn, 1_200 * 10_000 + 800 * 50_000 + 84_000 * 250 + 2_000 * 12_500],
  ['Opus 5.5', 'anthropic', 'claude-opus-5-5', turn, 1_200 * 4_000 + 800 * 20_000 + 84_000 * 200 + 2_000 * 5_000],
  ['Opus 5', 'anthropic', 'claude-opus-5', turn, 1_200 * 5_000 + 800 * 25_000 + 84_000 * 500 + 2_000 * 6_250],
  ['Opus 4.8', 'anthropic', 'claude-opus-4-8', turn, 1_200 * 5_000 + 800 * 25_000 + 84_000 * 500 + 2_000 * 6_250],
  [
    'Opus 4.5 by its snapshot',
    'anthropic',
    'claude-opus-4-5-20251101',
    turn,
    1_200 * 5_000 + 800 * 25_000 + 84_000 * 500 + 2_000 * 6_250,
  ],
  [
    'Opus 4.5 by its short name',
    'anthropic',
    'claude-opus-4-5',
    turn,
    1_200 * 5_000 + 800 * 25_000 + 84_000 * 500 + 2_000 * 6_250,
  ],
  [
    'Opus 4.1',
    'anthropic',
    'claude-opus-4-1-20250805',
    turn,
    1_200 * 15_000 + 800 * 75_000 + 84_000 * 1_500 + 2_000 * 18_750,
  ],
  ['Sonnet 5.5', 'anthropic', 'claude-sonnet-5-5', turn, 1_200 * 2_000 + 800 * 10_000 + 84_000 * 100 + 2_000 * 2_500],
  [
    'Sonnet 5, whose reads cost twice as much',
    'anthropic',
    'claude-sonnet-5',
    turn,
    1_200 * 2_000 + 800 * 10_000 + 84_000 * 200 + 2_000 * 2_500,
  ],
  ['Sonnet 4.6', 'anthropic', 'claude-sonnet-4-6', turn, 1_200 * 3_000 + 800 * 15_000 + 84_000 * 300 + 2_000 * 3_750],
  ['Haiku 5.5', 'anthropic', 'claude-haiku-5-5', turn, 1_200 * 100 + 800 * 500 + 84_000 * 10 + 2_000 * 125],
  [
    'Haiku 4.5',
    'anthropic',
    'claude-haiku-4-5-20251001',
    turn,
    1_200 * 1_000 + 800 * 5_000 + 84_000 * 100 + 2_000 * 1_250,
  ],
  [
    'Haiku 3.5',
    'anthropic',
    'claude-3-5-haiku-20241022',
    turn,
    1_200 * 800 + 800 * 4_000 + 84_000 * 80 + 2_000 * 1_000,
  ],
  ['a model that nobody knows', 'anthropic', 'claude-opus-9', turn, null],
]

const CACHES: readonly Bill[] = [
  [
    'writes of five minutes and of an hour',
    'anthropic',
    'claude-opus-5-5',
    { input_tokens: 10, output_tokens: 20, ...written(3_000, 7_000) },
    10 * 4_000 + 20 * 20_000 + 3_000 * 5_000 + 7_000 * 8_000,
  ],
  [
    'writes without a split live five minutes',
    'anthropic',
    'claude-sonnet-5-5',
    { output_tokens: 1, cache_creation_input_tokens: 50_000 },
    1 * 10_000 + 50_000 * 2_500,
  ],
  ['nothing but reads', 'anthropic', 'claude-fable-5-2', { cache_read_input_tokens: 900_000 }, 900_000 * 200],
  ['nothing', 'anthropic', 'claude-fable-5-2', {}, 0],
]

const TIERS: readonly Bill[] = [
  [
    'Haiku 5.5 with exactly 100,000 tokens of prompt',
    'anthropic',
    'claude-haiku-5-5',
    { input_tokens: 100_000, output_tokens: 1_000 },
    100_000 * 100 + 1_000 * 500,
  ],
  [
    'Haiku 5.5 with one token more: all of it is dear',
    'anthropic',
    'claude-haiku-5-5',
    { input_tokens: 100_001, output_tokens: 1_000 },
    100_001 * 500 + 1_000 * 2_500,
  ],
  [
    'reads and writes are part of the prompt, at the threshold',
    'anthropic',
    'claude-haiku-5-5',
    { input_tokens: 1_000, cache_read_input_tokens: 90_000, ...written(8_000, 1_000) },
    1_000 * 100 + 90_000 * 10 + 8_000 * 125 + 1_000 * 200,
  ],
  [
    'reads and writes are part of the prompt, above it',
    'anthropic',
    'claude-haiku-5-5',
    { input_tokens: 1_001, cache_read_input_tokens: 90_000, ...written(8_000, 1_000) },
    1_001 * 500 + 90_000 * 50 + 8_000 * 625 + 1_000 * 1_000,
  ],
  [
    'the answer is no part of it',
    'anthropic',
    'claude-haiku-5-5',
    { input_tokens: 60_000, output_tokens: 60_000 },
    60_000 * 100 + 60_000 * 500,
  ],
  [
    'Sonnet 4.5 with a long prompt',
    'anthropic',
    'claude-sonnet-4-5-20250929',
    { input_tokens: 1, cache_read_input_tokens: 200_000, output_tokens: 10 },
    1 * 6_000 + 200_000 * 600 + 10 * 22_500,
  ],
  [
    'Sonnet 5.5 has no tier',
    'anthropic',
    'claude-sonnet-5-5',
    { input_tokens: 900_000, output_tokens: 10 },
    900_000 * 2_000 + 10 * 10_000,
  ],
]

const TERMS: readonly Bill[] = [
  [
    'fast',
    'anthropic',
    'claude-opus-5-5',
    { ...turn, speed: 'fast' },
    1_200 * 8_000 + 800 * 40_000 + 84_000 * 400 + 2_000 * 10_000,
  ],
  [
    'fast, where there is no such speed: as always',
    'anthropic',
    'claude-opus-4-6',
    { ...turn, speed: 'fast' },
    1_200 * 5_000 + 800 * 25_000 + 84_000 * 500 + 2_000 * 6_250,
  ],
  [
    'standard speed, said',
    'anthropic',
    'claude-opus-5-5',
    { input_tokens: 10, speed: 'standard', inference_geo: 'global', service_tier: 'standard' },
    10 * 4_000,
  ],
  [
    'in the United States',
    'anthropic',
    'claude-sonnet-5-5',
    { ...turn, inference_geo: 'us' },
    1_200 * 2_200 + 800 * 11_000 + 84_000 * 110 + 2_000 * 2_750,
  ],
  [
    'in the United States, before there was a price for it',
    'anthropic',
    'claude-haiku-4-5-20251001',
    { input_tokens: 100, inference_geo: 'us' },
    100 * 1_000,
  ],
  ['elsewhere', 'anthropic', 'claude-sonnet-5-5', { input_tokens: 100, inference_geo: 'eu' }, 100 * 2_000],
  [
    'in a batch',
    'anthropic',
    'claude-opus-5-5',
    { ...turn, service_tier: 'batch' },
    1_200 * 2_000 + 800 * 10_000 + 84_000 * 100 + 2_000 * 2_500,
  ],
  [
    'with priority: as always',
    'anthropic',
    'claude-opus-5-5',
    { input_tokens: 100, service_tier: 'priority' },
    100 * 4_000,
  ],
  [
    'fast and in the United States',
    'anthropic',
    'claude-opus-5',
    { ...turn, speed: 'fast', inference_geo: 'us' },
    1_200 * 11_000 + 800 * 55_000 + 84_000 * 1_100 + 2_000 * 13_750,
  ],
  [
    'fast, in the United States and in a batch',
    'anthropic',
    'claude-opus-5',
    { input_tokens: 1_000, output_tokens: 100, speed: 'fast', inference_geo: 'us', service_tier: 'batch' },
    1_000 * 5_500 + 100 * 27_500,
  ],
  [
    'in the United States, above the tier',
    'anthropic',
    'claude-haiku-5-5',
    { input_tokens: 200_000, output_tokens: 1_000, inference_geo: 'us' },
    200_000 * 550 + 1_000 * 2_750,
  ],
  [
    'in the United States, with hours',
    'anthropic',
    'claude-haiku-5-5',
    { ...written(0, 10_000), inference_geo: 'us' },
    10_000 * 220,
  ],
  [
    'with web searches; fetches are free',
    'anthropic',
    'claude-haiku-5-5',
    { input_tokens: 5_000, output_tokens: 400, ...searched(4) },
    5_000 * 100 + 400 * 500 + 4 * 10_000_000,
  ],
  [
    'with web searches in a batch, which are not cheaper there',
    'anthropic',
    'claude-sonnet-5-5',
    { input_tokens: 1_000, service_tier: 'batch', ...searched(2) },
    1_000 * 1_000 + 2 * 10_000_000,
  ],
]

const ITERATIONS: readonly Bill[] = [
  [
    'one answer, listed: the counts of the whole say it',
    'anthropic',
    'claude-opus-5-5',
    { input_tokens: 10, output_tokens: 20, iterations: [{ type: 'message', input_tokens: 10, output_tokens: 20 }] },
    10 * 4_000 + 20 * 20_000,
  ],
  [
    'compaction, which the counts of the whole leave out',
    'anthropic',
    'claude-opus-5-5',
    {
      input_tokens: 500,
      output_tokens: 300,
      iterations: [
        { type: 'compaction', input_tokens: 150_000, output_tokens: 4_000 },
        { type: 'message', model: 'claude-opus-5-5', input_tokens: 500, output_tokens: 300, ...written(6_000, 0) },
      ],
    },
    150_000 * 4_000 + 4_000 * 20_000 + 500 * 4_000 + 300 * 20_000 + 6_000 * 5_000,
  ],
  [
    'compaction with Haiku 5.5: each has a prompt of its own',
    'anthropic',
    'claude-haiku-5-5',
    {
      iterations: [
        { type: 'compaction', input_tokens: 100_001, output_tokens: 2_000 },
        { type: 'message', input_tokens: 3_000, output_tokens: 100 },
      ],
    },
    100_001 * 500 + 2_000 * 2_500 + 3_000 * 100 + 100 * 500,
  ],
  [
    'advice of another model',
    'anthropic',
    'claude-sonnet-5-5',
    {
      iterations: [
        { type: 'message', model: 'claude-sonnet-5-5', input_tokens: 1_000, output_tokens: 100 },
        { type: 'advisor_message', model: 'claude-fable-5-2', input_tokens: 2_000, output_tokens: 300 },
        { type: 'message', model: null, cache_read_input_tokens: 1_000, output_tokens: 50 },
      ],
    },
    1_000 * 2_000 + 100 * 10_000 + 2_000 * 8_000 + 300 * 40_000 + 1_000 * 100 + 50 * 10_000,
  ],
  [
    'a fallback to another model, fast, in the United States, with searches',
    'anthropic',
    'claude-opus-5-5',
    {
      speed: 'fast',
      inference_geo: 'us',
      ...searched(1),
      iterations: [
        { type: 'message', model: 'claude-opus-5-5', input_tokens: 1_000, output_tokens: 10 },
        { type: 'fallback_message', model: 'claude-sonnet-5-5', input_tokens: 1_000, output_tokens: 500 },
      ],
    },
    1_000 * 8_800 + 10 * 44_000 + 1_000 * 2_200 + 500 * 11_000 + 10_000_000,
  ],
  [
    'a fallback to a model that nobody knows',
    'anthropic',
    'claude-opus-5-5',
    { iterations: [{ type: 'fallback_message', model: 'claude-opus-9', input_tokens: 1, output_tokens: 1 }] },
    null,
  ],
]

const PLACES: readonly Bill[] = [
  [
    'Google Cloud, global',
    'global',
    'claude-sonnet-5-5',
    turn,
    1_200 * 2_000 + 800 * 10_000 + 84_000 * 100 + 2_000 * 2_500,
  ],
  [
    'Google Cloud, the European Union',
    'eu',
    'claude-sonnet-5-5',
    turn,
    1_200 * 2_200 + 800 * 11_000 + 84_000 * 110 + 2_000 * 2_750,
  ],
  [
    'Google Cloud, a region',
    'east',
    'claude-sonnet-4-5@20250929',
    turn,
    1_200 * 3_300 + 800 * 16_500 + 84_000 * 330 + 2_000 * 4_125,
  ],
  [
    'Google Cloud, a region, before regions had a price',
    'east',
    'claude-opus-4-1@20250805',
    turn,
    1_200 * 15_000 + 800 * 75_000 + 84_000 * 1_500 + 2_000 * 18_750,
  ],
  ['Google Cloud, a region, above the tier', 'eu', 'claude-haiku-5-5', { input_tokens: 100_001 }, 100_001 * 550],
  [
    'Bedrock',
    'bedrock',
    'anthropic.claude-opus-5-5',
    turn,
    1_200 * 4_400 + 800 * 22_000 + 84_000 * 220 + 2_000 * 5_500,
  ],
  [
    'OpenRouter’s Claude',
    'openrouter',
    'anthropic/claude-opus-5.5',
    turn,
    1_200 * 4_000 + 800 * 20_000 + 84_000 * 200 + 2_000 * 5_000,
  ],
  [
    'the operator’s own price, with what they say of caches and speed',
    'own',
    'claude-opus-5-5',
    { ...turn, speed: 'fast' },
    1_200 * 3_000 + 800 * 12_000 + 84_000 * 1_500 + 2_000 * 3_000,
  ],
  [
    'the operator’s own price, which says nothing of searches',
    'own',
    'claude-opus-5-5',
    { ...turn, ...searched(1) },
    null,
  ],
]

/** Usage of the chat dialect, which counts cached tokens as part of the prompt. */
const CHAT: readonly Bill[] = [
  [
    'GPT with an automatic cache, reads and writes',
    'openai',
    'gpt-6-luna',
    {
      prompt_tokens: 12_000,
      completion_tokens: 300,
      prompt_tokens_details: { cached_tokens: 9_000, cache_write_tokens: 2_000 },
    },
    1_000 * 100 + 9_000 * 10 + 2_000 * 125 + 300 * 500,
  ],
  [
    'GPT with a long prompt',
    'openai',
    'gpt-6-astra',
    { prompt_tokens: 272_001, completion_tokens: 100, prompt_tokens_details: { cached_tokens: 272_000 } },
    1 * 20_000 + 272_000 * 2_000 + 100 * 75_000,
  ],
  [
    'GPT with a prompt that is not long yet',
    'openai',
    'gpt-6-astra',
    { prompt_tokens: 272_000, completion_tokens: 100 },
    272_000 * 10_000 + 100 * 50_000,
  ],
  [
    'Gemini with an implicit cache',
    'gemini',
    'gemini-3.8-flash',
    { prompt_tokens: 40_000, completion_tokens: 1_000, prompt_tokens_details: { cached_tokens: 30_000 } },
    10_000 * 750 + 30_000 * 75 + 1_000 * 3_750,
  ],
  [
    'DeepSeek, which counts hits and misses',
    'deepseek',
    'deepseek-v4-pro',
    { prompt_tokens: 20_000, completion_tokens: 500, prompt_cache_hit_tokens: 15_000, prompt_cache_miss_tokens: 5_000 },
    5_000 * 1_320 + 15_000 * 44 + 500 * 3_960,
  ],
  [
    'DeepSeek’s small model',
    'deepseek',
    'deepseek-flash',
    { prompt_tokens: 20_000, completion_tokens: 500, prompt_cache_hit_tokens: 15_000 },
    5_000 * 300 + 15_000 * 6 + 500 * 1_200,
  ],
  [
    'Groq, reads at half the price',
    'groq',
    'openai/gpt-oss-120b',
    { prompt_tokens: 8_000, completion_tokens: 200, prompt_tokens_details: { cached_tokens: 4_000 } },
    4_000 * 150 + 4_000 * 75 + 200 * 600,
  ],
  ['Grok', 'xai', 'grok-4.7', { prompt_tokens: 200_001, completion_tokens: 10 }, 200_001 * 4_000 + 10 * 12_000],
  [
    'GPT at OpenRouter',
    'openrouter',
    'openai/gpt-6.1-sol',
    { prompt_tokens: 1_000, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 900 } },
    100 * 2_000 + 900 * 100 + 10 * 10_000,
  ],
]

describe('the bill of', () => {
  it.each([...MODELS, ...CACHES])('%s', (_, provider, model, usage, nanoUsd) => {
    expect(billOf(provider, model, usage)).toMatchObject({ nanoUsd, listNanoUsd: nanoUsd })
  })
})

describe('the bill of a request', () => {
  it.each([...TIERS, ...TERMS, ...ITERATIONS])('%s', (_, provider, model, usage, nanoUsd) => {
    expect(billOf(provider, model, usage).nanoUsd).toBe(nanoUsd)
  })
})

describe('the bill at', () => {
  it.each(PLACES)('%s', (_, provider, model, usage, nanoUsd) => {
    expect(billOf(provider, model, usage).nanoUsd).toBe(nanoUsd)
  })

  it('OpenRouter is what it says that it charged, with the list’s figure beside it', () => {
    const attempt = { provider: providerOf('openrouter'), model: modelId('anthropic/claude-opus-5.5') }
    const usage = { ...noUsage, inputTokens: 1_000, outputTokens: 100 }
    expect(attemptCost({ ...attempt, usage, reportedNanoUsd: 5_940_000 })).toMatchObject({
      nanoUsd: 5_940_000,
      listNanoUsd: 1_000 * 4_000 + 100 * 20_000,
    })
  })
})

describe('the bill in the chat dialect: ', () => {
  it.each(CHAT)('%s', (_, provider, model, usage, nanoUsd) => {
    const raised = raiseUsage(usage, openAiQuirks, { input: 0, output: 0 })
    expect(billOf(provider, model, { ...raised }).nanoUsd).toBe(nanoUsd)
  })
})

describe('these bills', () => {
  it('are at least 45', () => {
    expect([MODELS, CACHES, TIERS, TERMS, ITERATIONS, PLACES, CHAT].flat().length).toBeGreaterThanOrEqual(45)
  })
})
