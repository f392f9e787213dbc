/**
 * Price data as the package `@pydantic/genai-prices` has it, bundled or as a file of its format (`v2/data.json`), and what a
 * model of it costs. Of its own functions none that finds a model is used: they match by prefix, and take `claude-sonnet-5-5`
 * for `claude-sonnet-5`.
 */
import { findProvider } from '@pydantic/genai-prices'
import { Schema } from 'effect'
import type { ModelPrice } from '#domain/policy.ts'
import type { Rates } from '#domain/pricing.ts'

const Usd = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** By key and unit, such as `input_mtok`; with `tiers`, a price of the whole request when its prompt has more than `start`. */
const DataPrices = Schema.Record(
  Schema.String,
  Schema.Union([
    Usd,
    Schema.Struct({ base: Usd, tiers: Schema.Array(Schema.Struct({ start: Schema.Int, price: Usd })) }),
  ]),
)
type DataPrices = typeof DataPrices.Type

/** Without a time of its own it holds always; with a date from then on; with hours, within them on every day. */
const DatedPrices = Schema.Struct({
  constraint: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        start_date: Schema.optionalKey(Schema.String),
        start_time: Schema.optionalKey(Schema.String),
      }),
    ),
  ),
  prices: DataPrices,
})

const DataSeller = Schema.Struct({
  id: Schema.String,
  /** Others whose prices hold here too. */
  fallback_model_providers: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
  models: Schema.Array(
    Schema.Struct({ id: Schema.String, prices: Schema.Union([Schema.Array(DatedPrices), DataPrices]) }),
  ),
})
export type DataSeller = typeof DataSeller.Type

/** A whole file. */
export const PriceData = Schema.NonEmptyArray(DataSeller)
export type PriceData = typeof PriceData.Type

/** The id of who sells at a URL. */
export const sellerAt = (url: string): string | undefined => findProvider({ providerApiUrl: url })?.id

/** A seller in the bundled data. */
export const bundledSeller = (id: string): DataSeller | undefined => {
  const seller = findProvider({ providerId: id })
  // Its search by id falls back to names that only contain one. That its data has the format, a test says of each release.
  return seller?.id === id ? (seller as DataSeller) : undefined
}

/**
 * What a model costs on a day.
 *
 * @param at epoch ms
 * @returns undefined when it cannot be told in one price: it changes with the hour, has several tiers, or a part that is not told
 */
export const priceIn = (prices: DataSeller['models'][number]['prices'], at: number): ModelPrice | undefined => {
  const inForce = isDated(prices) ? datedPrices(prices, at) : prices
  if (inForce === undefined || inForce.requests_kcount !== undefined) return undefined
  const starts = new Set(
    Object.entries(inForce).flatMap(([key, price]) =>
      Object.hasOwn(KEYS, key) && typeof price === 'object' ? price.tiers.map(({ start }) => start) : [],
    ),
  )
  const [abovePromptTokens] = starts
  const base = ratesOf(inForce, (price) => price.base)
  if (base === undefined || starts.size > 1) return undefined
  const tier =
    abovePromptTokens === undefined ? undefined : ratesOf(inForce, ({ tiers, base }) => tiers[0]?.price ?? base)
  const searches = inForce.web_searches_kcount
  return {
    ...base,
    ...(abovePromptTokens === undefined || tier === undefined ? {} : { tier: { abovePromptTokens, ...tier } }),
    ...(typeof searches === 'number' ? { webSearchUsd: searches } : {}),
  }
}

type Prices = DataSeller['models'][number]['prices']

const isDated = (prices: Prices): prices is readonly (typeof DatedPrices.Type)[] => Array.isArray(prices)

/** The last that holds, as the package reads them. */
const datedPrices = (prices: readonly (typeof DatedPrices.Type)[], at: number): DataPrices | undefined => {
  if (prices.some(({ constraint }) => constraint?.start_time !== undefined)) return undefined
  return prices.findLast(({ constraint }) => {
    const from = constraint?.start_date
    return from === undefined || Date.parse(from) <= at
  })?.prices
}

const KEYS = { input_mtok: 0, output_mtok: 0, cache_read_mtok: 0, cache_write_mtok: 0, cache_write_1h_mtok: 0 }
type Tiered = Extract<DataPrices[string], object>

const ratesOf = (prices: DataPrices, of: (price: Tiered) => number): Rates | undefined => {
  const rate = (key: keyof typeof KEYS): number | undefined => {
    const price = prices[key]
    return typeof price === 'object' ? of(price) : price
  }
  const [input, output] = [rate('input_mtok'), rate('output_mtok')]
  if (input === undefined || output === undefined) return undefined
  // Where the cache works by itself, a token that goes into it costs what it costs as input.
  const cacheWrite5m = rate('cache_write_mtok') ?? input
  return {
    input,
    output,
    cacheRead: rate('cache_read_mtok') ?? input,
    cacheWrite5m,
    cacheWrite1h: rate('cache_write_1h_mtok') ?? cacheWrite5m,
  }
}
