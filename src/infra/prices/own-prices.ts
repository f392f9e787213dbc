/**
 * Prices that the package lacks, or has wrong, as of 2026-11-10, in USD per million tokens; and what it cannot say at all.
 * Claude: Anthropic's pricing page, global first-party prices. The others: OpenRouter's table, and the vendors' own pages. A row
 * goes when a release of the package has it; the test beside says which those are.
 */
import type { ModelPrice } from '#domain/policy.ts'
import type { Rates } from '#domain/pricing.ts'

/** Of one seller, by its id in the package: model → price. */
export type OwnPrices = { readonly [seller: string]: { readonly [model: string]: ModelPrice } }

/** Writes cost 1.25 and 2 times the input, with every Claude. The price of reads follows no rule. */
const claude = (input: number, output: number, cacheRead: number): Rates => ({
  input,
  output,
  cacheRead,
  cacheWrite5m: input * 1.25,
  cacheWrite1h: input * 2,
})
/** Where the cache works by itself, a token that goes into it costs what it costs as input, or as told. No one-hour writes. */
const automatic = (input: number, output: number, cacheRead: number, cacheWrite = input): Rates => ({
  input,
  output,
  cacheRead,
  cacheWrite5m: cacheWrite,
  cacheWrite1h: cacheWrite,
})
const above = (abovePromptTokens: number, base: Rates, tier: Rates): ModelPrice => ({
  ...base,
  tier: { abovePromptTokens, ...tier },
})

/** Above it the prompt costs twice as much, the output one and a half times. */
const LONG_GPT = 272_000

export const OWN_PRICES: OwnPrices = {
  anthropic: {
    'claude-fable-5-2': claude(8, 40, 0.2),
    // Of Mythos 5.2 no price was published; those of 5 and 5.1 are the same as Fable's.
    'claude-mythos-5-2': claude(8, 40, 0.2),
    'claude-mythos-5-1': claude(10, 50, 0.25),
    'claude-mythos-5': claude(10, 50, 1),
    // The package takes it for Sonnet 5. Since 2026-10-07; reads cost 0.20 before.
    'claude-sonnet-5-5': claude(2, 10, 0.1),
    // With the beta `context-1m`, without which no prompt is as long; the package has it of 4.5 only.
    'claude-sonnet-4': above(200_000, claude(3, 15, 0.3), claude(6, 22.5, 0.6)),
    'claude-haiku-5-5': above(100_000, claude(0.1, 0.5, 0.01), claude(0.5, 2.5, 0.05)),
  },
  openai: {
    // The package lets their tier begin one token earlier.
    'gpt-6-astra': above(LONG_GPT, automatic(10, 50, 1, 12.5), automatic(20, 75, 2, 25)),
    'gpt-5.5': above(LONG_GPT, automatic(5, 30, 0.5), automatic(10, 45, 1)),
    'gpt-6.1-sol': above(LONG_GPT, automatic(2, 10, 0.1, 2.5), automatic(4, 15, 0.2, 5)),
    'gpt-6.1-terra': above(LONG_GPT, automatic(1, 5, 0.05, 1.25), automatic(2, 7.5, 0.1, 2.5)),
  },
  google: {
    'gemini-4-argon': automatic(2, 10, 0.1),
  },
  'x-ai': {
    'grok-4.7': above(200_000, automatic(2, 6, 0.5), automatic(4, 12, 1)),
  },
  deepseek: {
    'deepseek-flash': automatic(0.3, 1.2, 0.006),
    // Of the dear hours: it costs half at other times, and one number cannot say both.
    'deepseek-v4-pro': automatic(1.32, 3.96, 0.044),
  },
}

/** Models that run at `speed: fast`, for twice the price of everything; others run, and cost, as always. */
export const FAST_MODELS: readonly string[] = ['claude-opus-5-5', 'claude-opus-5', 'claude-opus-4-8']
export const FAST_FACTOR = 2
/** With `inference_geo: us`, from Claude 4.6 on. */
export const US_FACTOR = 1.1
/** Claude at an endpoint of a region, or of several, of Google Cloud and Bedrock, from Claude 4.5 on. */
export const REGIONAL_FACTOR = 1.1
export const BATCH_FACTOR = 0.5
/** USD per 1,000 searches of Claude. */
export const WEB_SEARCH_USD = 10
