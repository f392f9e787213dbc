/**
 * What requests cost, in billionths of a US dollar (nano-USD): one USD per million tokens is 1,000 of them a token, so sums
 * stay whole. Prices are those of the policy, so a request is billed by the prices of its day, whatever a table says later. A
 * model without a price has cost null, which is not zero: it is never taken for cheap.
 */
import { sameModel } from '#domain/claude-models.ts'
import type { ModelId } from '#domain/ids.ts'
import { memo } from '#domain/memo.ts'
import { matchesModel } from '#domain/model-map.ts'
import type { ModelPrice, ProviderPolicy } from '#domain/policy.ts'
import type { TokenCounts, Usage } from '#domain/usage.ts'

export interface AttemptCost {
  /** What the provider says it charged, else the list's figure; null: nobody knows. */
  readonly nanoUsd: number | null
  /** By the prices of the policy alone: beside what was charged, it tells the difference. */
  readonly listNanoUsd: number | null
  /** What the cache did save; see `savedByCache`. */
  readonly savedNanoUsd: number | null
}

/** What an attempt did cost at a provider that was asked for `model`. */
export const attemptCost = (attempt: {
  readonly provider: Pick<ProviderPolicy, 'prices'>
  readonly model: ModelId
  readonly usage: Usage
  /** Whole. */
  readonly reportedNanoUsd?: number | undefined
}): AttemptCost => {
  const { usage, reportedNanoUsd } = attempt
  const prices = attempt.provider.prices ?? {}
  const price = priceByName(prices, attempt.model)
  const priceFor = (other: string) => priceByName(prices, other)
  const listNanoUsd = costOf(price, usage, priceFor)
  return { nanoUsd: reportedNanoUsd ?? listNanoUsd, listNanoUsd, savedNanoUsd: savedByCache(price, usage, priceFor) }
}

/** The policy's price of a model, also under a spelling or a snapshot that the policy does not name: iterations have Anthropic's. */
const priceByName = (prices: Prices, model: string): ModelPrice | null =>
  toldPrice(prices, model) ?? (VARIANT.test(model) ? null : priceOfSame(prices, model))

const priceOfSame = (prices: Prices, model: string): ModelPrice | null =>
  Object.entries(prices).find(([name]) => !name.includes('*') && !VARIANT.test(name) && sameModel(name, model))?.[1] ??
  null

/** The same model at another price: OpenRouter's `-fast`, `:batch`, `:free` …; not Bedrock's `-v1:0`. */
const VARIANT = /-fast$|:[a-z]/

/**
 * What a request did cost. Null without a price: of the model, of one that took part, or of the searches that were made.
 *
 * @param priceFor prices of the models that iterations name; without it they cost what the request costs
 */
export const costOf = (
  price: ModelPrice | null,
  usage: Usage,
  priceFor: (model: string) => ModelPrice | null = () => price,
): number | null => {
  const tokens = picoSum(price, usage, priceFor, tokensCost)
  const searches = searchCost(price, usage.webSearches ?? 0)
  return tokens === null || searches === null ? null : nano(tokens + searches)
}

/**
 * What the cache did save: reads at their price instead of that of input, less what the writes cost more than input. Negative
 * when nobody read what was written. Null without a price.
 *
 * @param priceFor as for `costOf`
 */
export const savedByCache = (
  price: ModelPrice | null,
  usage: Usage,
  priceFor: (model: string) => ModelPrice | null = () => price,
): number | null => {
  const saved = picoSum(price, usage, priceFor, cacheSaving)
  return saved === null ? null : nano(saved)
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

/**
 * The price that the policy names for a model: the pattern with the most literal characters. Decisions go by this one alone,
 * so that a table that grows changes them by a `PolicyChanged`, not behind the log's back.
 */
export const toldPrice = (prices: Prices | undefined, model: string): ModelPrice | undefined =>
  prices === undefined ? undefined : finderIn(prices)(model)

/** All prices of tokens times a factor; what a search costs, and the other factors, stay. */
export const scaledPrice = (price: ModelPrice, by: number): ModelPrice => {
  if (by === 1) return price
  const base = { ...price, ...scaledRates(price, by) }
  return price.tier === undefined ? base : { ...base, tier: { ...price.tier, ...scaledRates(price.tier, by) } }
}

// ---- sums ------------------------------------------------------------------------------------------------------------

export type Rates = Pick<ModelPrice, 'input' | 'output' | 'cacheRead' | 'cacheWrite5m' | 'cacheWrite1h'>

/**
 * The sum over what is billed: the iterations if there are any, for the counts of the whole leave some of them out (compaction,
 * advice of another model). Each is a request of its own, with a prompt of its own that decides its tier.
 */
const picoSum = (
  price: ModelPrice | null,
  usage: Usage,
  priceFor: (model: string) => ModelPrice | null,
  of: (counts: TokenCounts, rates: Rates, factor: number) => number,
): number | null => {
  const { iterations } = usage
  if (iterations === undefined) return price === null ? null : picoOf(price, usage, usage, of)
  let sum = 0
  for (const iteration of iterations) {
    const own = iteration.model === undefined ? price : priceFor(iteration.model)
    if (own === null) return null
    sum += picoOf(own, usage, iteration, of)
  }
  return sum
}

const picoOf = (
  price: ModelPrice,
  usage: Usage,
  counts: TokenCounts,
  of: (counts: TokenCounts, rates: Rates, factor: number) => number,
): number => of(counts, ratesFor(price, promptOf(counts)), factorOf(price, usage))

const tokensCost = (counts: TokenCounts, rates: Rates, factor: number): number =>
  counts.inputTokens * pico(rates.input * factor) +
  counts.outputTokens * pico(rates.output * factor) +
  counts.cacheReadTokens * pico(rates.cacheRead * factor) +
  counts.cacheWrite5mTokens * pico(rates.cacheWrite5m * factor) +
  counts.cacheWrite1hTokens * pico(rates.cacheWrite1h * factor)

const cacheSaving = (counts: TokenCounts, rates: Rates, factor: number): number => {
  const input = pico(rates.input * factor)
  return (
    counts.cacheReadTokens * (input - pico(rates.cacheRead * factor)) -
    counts.cacheWrite5mTokens * (pico(rates.cacheWrite5m * factor) - input) -
    counts.cacheWrite1hTokens * (pico(rates.cacheWrite1h * factor) - input)
  )
}

const factorOf = (price: ModelPrice, { speed, geo, tier }: Usage): number => {
  const fast = speed === 'fast' ? (price.fast ?? 1) : 1
  const us = geo === 'us' ? (price.geoUs ?? 1) : 1
  const batch = tier === 'batch' ? (price.batch ?? 1) : 1
  return fast * us * batch
}

/** Of USD per 1,000 searches. */
const searchCost = (price: ModelPrice | null, searches: number): number | null => {
  if (searches === 0) return 0
  return price?.webSearchUsd === undefined ? null : searches * Math.round(price.webSearchUsd * 1e9)
}

/** Of USD per million tokens: trillionths of a dollar per token, whole, so that the order of summing changes nothing. */
const pico = (usdPerMillion: number): number => Math.round(usdPerMillion * 1_000_000)

/** Never minus zero, and never so much that it would be no whole number any more, whatever a price list says. */
const nano = (picoUsd: number): number =>
  Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(picoUsd / 1_000) + 0))

const promptOf = (counts: TokenCounts): number =>
  counts.inputTokens + counts.cacheReadTokens + counts.cacheWrite5mTokens + counts.cacheWrite1hTokens

/** Above the threshold the whole request has the prices of the tier, not only what is above. */
const ratesFor = (price: ModelPrice, promptTokens: number): Rates =>
  price.tier !== undefined && promptTokens > price.tier.abovePromptTokens ? price.tier : price

const scaledRates = (rates: Rates, by: number): Rates => ({
  input: times(rates.input, by),
  output: times(rates.output, by),
  cacheRead: times(rates.cacheRead, by),
  cacheWrite5m: times(rates.cacheWrite5m, by),
  cacheWrite1h: times(rates.cacheWrite1h, by),
})

/** Ten digits: what is lost is the noise of binary fractions. */
const times = (rate: number, by: number): number => Number((rate * by).toPrecision(10))

// ---- the prices of a policy ------------------------------------------------------------------------------------------

type Prices = NonNullable<ProviderPolicy['prices']>
type Rule = readonly [pattern: string, price: ModelPrice]

/** Asked for every candidate of every request; a provider's list can have hundreds of patterns. */
const MODELS_KEPT = 500
const finders = new WeakMap<Prices, (model: string) => ModelPrice | undefined>()

const finderIn = (prices: Prices): ((model: string) => ModelPrice | undefined) => {
  const known = finders.get(prices)
  if (known !== undefined) return known
  const rules = rulesOf(prices)
  const finder = memo(MODELS_KEPT, (model) => rules.find(([pattern]) => matchesModel(pattern, model))?.[1])
  finders.set(prices, finder)
  return finder
}

/** The pattern with the most literal characters comes first, an exact name before a wildcard of the same length. */
const rulesOf = (prices: Prices): readonly Rule[] =>
  Object.entries(prices).toSorted(([a], [b]) => literals(b) - literals(a) || a.length - b.length)

const literals = (pattern: string): number => pattern.replaceAll('*', '').length
