/**
 * What requests cost, in billionths of a US dollar (nano-USD): one USD per million tokens is 1,000 of them a token, so sums
 * stay whole. A model without a price has cost null, which is not zero: it is never taken for cheap.
 */
import { parseClaudeModel } from '#domain/claude-models.ts'
import { memo } from '#domain/memo.ts'
import { matchesModel } from '#domain/model-map.ts'
import type { ModelPrice, ProviderPolicy } from '#domain/policy.ts'
import { CLAUDE_PRICES, FAST_MODELS, OTHER_PRICES } from '#domain/price-table.ts'
import type { Usage } from '#domain/usage.ts'

/**
 * The price of a model by the name that the provider is asked for: the operator's word, else the list price, times
 * `multiplier` (1.1 at a regional endpoint of Google Cloud or with `inference_geo: us`). Null: not known.
 */
export const priceOf = (provider: Pick<ProviderPolicy, 'prices'>, model: string, multiplier = 1): ModelPrice | null => {
  const told = toldPrice(provider.prices, model)
  if (told !== undefined) return told
  const listed = listPrice(model)
  return listed === undefined ? null : scaled(listed, multiplier)
}

/** What a request did cost. Null without a price. */
export const costOf = (price: ModelPrice | null, usage: Usage): number | null => {
  if (price === null) return null
  const { inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage
  const rates = ratesFor(price, inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens)
  return nano(
    inputTokens * pico(rates.input) +
      outputTokens * pico(rates.output) +
      cacheReadTokens * pico(rates.cacheRead) +
      cacheWrite5mTokens * pico(rates.cacheWrite5m) +
      cacheWrite1hTokens * pico(rates.cacheWrite1h),
  )
}

/** A request that is not sent yet, as it would be at one provider. */
export interface ExpectedTokens {
  /** The whole prompt. */
  readonly promptTokens: number
  /** Of these, in the provider's cache; what is more than the prompt is not counted. */
  readonly cachedTokens: number
  /** The client marks its prompt for the cache: what is not in it is written. */
  readonly willWrite: boolean
  readonly outputTokens: number
}

/** What a request will probably cost: the cached part is read, the rest is new. Null without a price. */
export const expectedCost = (price: ModelPrice | null, tokens: ExpectedTokens): number | null => {
  if (price === null) return null
  const { promptTokens, willWrite, outputTokens } = tokens
  const cached = Math.min(tokens.cachedTokens, promptTokens)
  const rates = ratesFor(price, promptTokens)
  // Tables have writes at 0 for providers that do not sell them: there the new part is input all the same.
  const fresh = willWrite ? Math.max(rates.input, rates.cacheWrite5m) : rates.input
  return nano(
    cached * pico(rates.cacheRead) + (promptTokens - cached) * pico(fresh) + outputTokens * pico(rates.output),
  )
}

/** Of USD per million tokens: trillionths of a dollar per token, whole, so that the order of summing changes nothing. */
const pico = (usdPerMillion: number): number => Math.round(usdPerMillion * 1_000_000)

const nano = (picoUsd: number): number => Math.round(picoUsd / 1_000)

type Rates = Omit<ModelPrice, 'tier'>

/** Above the threshold the whole request has the prices of the tier, not only what is above. */
const ratesFor = (price: ModelPrice, promptTokens: number): Rates =>
  price.tier !== undefined && promptTokens > price.tier.abovePromptTokens ? price.tier : price

const scaledRates = <R extends Rates>(rates: R, by: number): R => ({
  ...rates,
  input: rates.input * by,
  output: rates.output * by,
  cacheRead: rates.cacheRead * by,
  cacheWrite5m: rates.cacheWrite5m * by,
  cacheWrite1h: rates.cacheWrite1h * by,
})

const scaled = (price: ModelPrice, by: number): ModelPrice => {
  if (by === 1) return price
  const base = scaledRates(price, by)
  return price.tier === undefined ? base : { ...base, tier: scaledRates(price.tier, by) }
}

// ---- the operator's prices -----------------------------------------------------------------------------------------

type Prices = NonNullable<ProviderPolicy['prices']>
type Rule = readonly [pattern: string, price: ModelPrice]

/** The pattern with the most literal characters wins, an exact name before a wildcard of the same length. */
/**
 * The price that the policy names for a model: the pattern with the most literal characters. Decisions go by this one alone,
 * so that a table that grows changes them by a `PolicyChanged`, not behind the log's back.
 */
export const toldPrice = (prices: Prices | undefined, model: string): ModelPrice | undefined =>
  prices === undefined ? undefined : rulesOf(prices).find(([pattern]) => matchesModel(pattern, model))?.[1]

const sorted = new WeakMap<Prices, readonly Rule[]>()

const rulesOf = (prices: Prices): readonly Rule[] => {
  const known = sorted.get(prices)
  if (known !== undefined) return known
  const rules = Object.entries(prices).toSorted(([a], [b]) => literals(b) - literals(a) || a.length - b.length)
  sorted.set(prices, rules)
  return rules
}

const literals = (pattern: string): number => pattern.replaceAll('*', '').length

// ---- list prices ---------------------------------------------------------------------------------------------------

/** Asked for every candidate of every request. */
const NAMES_KEPT = 500
const listPrice = memo(NAMES_KEPT, (model): ModelPrice | undefined => {
  const [, name, variant] = VARIANT.exec(model) ?? []
  const price = name === undefined ? undefined : (LISTED.get(name) ?? claudePrice(name) ?? LISTED.get(undated(name)))
  if (price === undefined || variant === undefined) return price
  const factor = VARIANT_FACTORS.get(variant)
  return factor === undefined ? undefined : scaled(price, factor)
})

/** OpenRouter's `:variant`; the others at a Claude model's name are parts of it, such as Bedrock's `-v1:0`. */
const VARIANT = /^(.{1,200}?)(?::([a-z][a-z0-9]*))?$/
/** Other variants are served by other hosts, at prices that are not in the table. */
const VARIANT_FACTORS: ReadonlyMap<string, number> = new Map([
  ['free', 0],
  ['batch', 0.5],
])

/** OpenAI's snapshots cost what the model costs. */
const undated = (name: string): string => name.replace(/-\d{4}-\d{2}-\d{2}$/, '')

const claudePrice = (name: string): ModelPrice | undefined => {
  const key = claudeKey(name)
  if (key === undefined) return undefined
  const price = CLAUDE.get(key)
  if (price === undefined || !/-fast$/.test(name)) return price
  return FAST.has(key) ? scaled(price, 2) : undefined
}

/** One text for all spellings of a model. */
const claudeKey = (name: string): string | undefined => {
  const claude = parseClaudeModel(name)
  return claude === undefined ? undefined : `${claude.family} ${claude.major}.${claude.minor}`
}

const CLAUDE: ReadonlyMap<string, ModelPrice> = new Map(
  CLAUDE_PRICES.map(({ id, price }) => [claudeKey(id) ?? id, price]),
)
const FAST: ReadonlySet<string> = new Set(FAST_MODELS.map((id) => claudeKey(id) ?? id))

/** By every name that needs no reading. */
const LISTED: ReadonlyMap<string, ModelPrice> = new Map(
  [...CLAUDE_PRICES, ...OTHER_PRICES].flatMap(({ id, vendor, price }) => [
    [id, price] as const,
    ...(vendor === undefined ? [] : [[`${vendor}/${id}`, price] as const]),
  ]),
)
