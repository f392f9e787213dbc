/**
 * List prices of models, in USD per million tokens, as of 2026-11-10. Claude: Anthropic's pricing page, global first-party
 * prices, which Google Cloud's global endpoint and OpenRouter charge too. The others: OpenRouter's table, and the vendors' own
 * pages for what is asked for without a vendor's prefix. What is not here has no price, unless the operator gives it one.
 */
import type { ModelPrice } from '#domain/policy.ts'

export interface PriceRow {
  /** As the vendor's own API spells it, without a snapshot's date. */
  readonly id: string
  /** Before a slash, where resellers spell it so. */
  readonly vendor?: string
  readonly price: ModelPrice
}

type Rates = Omit<ModelPrice, 'tier'>

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

/** With the beta `context-1m`; without it no prompt is as long. */
const SONNET_4 = above(200_000, claude(3, 15, 0.3), claude(6, 22.5, 0.6))

export const CLAUDE_PRICES: readonly PriceRow[] = [
  { id: 'claude-fable-5-2', price: claude(8, 40, 0.2) },
  { id: 'claude-fable-5-1', price: claude(10, 50, 0.25) },
  { id: 'claude-fable-5', price: claude(10, 50, 1) },
  // Of Mythos 5.2 no price was published; those of 5 and 5.1 are the same as Fable's.
  { id: 'claude-mythos-5-2', price: claude(8, 40, 0.2) },
  { id: 'claude-mythos-5-1', price: claude(10, 50, 0.25) },
  { id: 'claude-mythos-5', price: claude(10, 50, 1) },
  { id: 'claude-opus-5-5', price: claude(4, 20, 0.2) },
  { id: 'claude-opus-5', price: claude(5, 25, 0.5) },
  { id: 'claude-opus-4-8', price: claude(5, 25, 0.5) },
  { id: 'claude-opus-4-7', price: claude(5, 25, 0.5) },
  { id: 'claude-opus-4-6', price: claude(5, 25, 0.5) },
  { id: 'claude-opus-4-5', price: claude(5, 25, 0.5) },
  { id: 'claude-opus-4-1', price: claude(15, 75, 1.5) },
  { id: 'claude-opus-4', price: claude(15, 75, 1.5) },
  // Since 2026-10-07; reads cost 0.20 before.
  { id: 'claude-sonnet-5-5', price: claude(2, 10, 0.1) },
  { id: 'claude-sonnet-5', price: claude(2, 10, 0.2) },
  { id: 'claude-sonnet-4-6', price: claude(3, 15, 0.3) },
  { id: 'claude-sonnet-4-5', price: SONNET_4 },
  { id: 'claude-sonnet-4', price: SONNET_4 },
  { id: 'claude-haiku-5-5', price: above(100_000, claude(0.1, 0.5, 0.01), claude(0.5, 2.5, 0.05)) },
  { id: 'claude-haiku-4-5', price: claude(1, 5, 0.1) },
  { id: 'claude-3-5-haiku', price: claude(0.8, 4, 0.08) },
]

/** Models that run at `speed: fast` for twice the price of everything. */
export const FAST_MODELS: readonly string[] = ['claude-opus-5-5', 'claude-opus-5', 'claude-opus-4-8']

/** Above it the prompt costs twice as much, the output one and a half times; with Astra all is double. */
const LONG_GPT = 272_000

export const OTHER_PRICES: readonly PriceRow[] = [
  {
    id: 'gpt-6-astra',
    vendor: 'openai',
    price: above(LONG_GPT, automatic(10, 50, 1, 12.5), automatic(20, 75, 2, 25)),
  },
  {
    id: 'gpt-6.1-sol',
    vendor: 'openai',
    price: above(LONG_GPT, automatic(2, 10, 0.1, 2.5), automatic(4, 15, 0.2, 5)),
  },
  {
    id: 'gpt-6-sol',
    vendor: 'openai',
    price: above(LONG_GPT, automatic(2, 10, 0.2, 2.5), automatic(4, 15, 0.4, 5)),
  },
  {
    id: 'gpt-6.1-terra',
    vendor: 'openai',
    price: above(LONG_GPT, automatic(1, 5, 0.05, 1.25), automatic(2, 7.5, 0.1, 2.5)),
  },
  {
    id: 'gpt-6-luna',
    vendor: 'openai',
    price: above(LONG_GPT, automatic(0.1, 0.5, 0.01, 0.125), automatic(0.2, 0.75, 0.02, 0.25)),
  },
  { id: 'gpt-5.5', vendor: 'openai', price: above(LONG_GPT, automatic(5, 30, 0.5), automatic(10, 45, 1)) },
  { id: 'gpt-4.1', vendor: 'openai', price: automatic(2, 8, 0.5) },
  { id: 'gpt-4o', vendor: 'openai', price: automatic(2.5, 10, 1.25) },
  { id: 'gpt-4o-mini', vendor: 'openai', price: automatic(0.15, 0.6, 0.075) },
  { id: 'gemini-4-argon', vendor: 'google', price: automatic(2, 10, 0.1) },
  { id: 'gemini-3.8-flash', vendor: 'google', price: automatic(0.75, 3.75, 0.075) },
  { id: 'gemini-2.5-pro', vendor: 'google', price: automatic(1.25, 10, 0.125) },
  { id: 'gemini-2.5-flash', vendor: 'google', price: automatic(0.3, 2.5, 0.03) },
  { id: 'grok-4.7', vendor: 'x-ai', price: above(200_000, automatic(2, 6, 0.5), automatic(4, 12, 1)) },
  { id: 'kimi-k3', vendor: 'moonshotai', price: automatic(3, 15, 0.3) },
  // Its own API's; resellers ask other prices.
  { id: 'deepseek-flash', price: automatic(0.3, 1.2, 0.006) },
  { id: 'deepseek-v4-pro', price: automatic(1.32, 3.96, 0.044) },
  // Groq's, which spells them so; servers that run the open weights at home do not.
  { id: 'openai/gpt-oss-120b', price: automatic(0.15, 0.6, 0.075) },
  { id: 'openai/gpt-oss-20b', price: automatic(0.075, 0.3, 0.0375) },
]
