/**
 * The list price of a model by the name that a seller is asked for. A name finds the model whose name it is, date, prefix and
 * spelling aside, never one whose name begins the same. What no list has costs nobody knows what.
 */
import { type ClaudeModel, parseClaudeModel } from '#domain/claude-models.ts'
import type { ModelPrice } from '#domain/policy.ts'
import { scaledPrice } from '#domain/pricing.ts'
import {
  BATCH_FACTOR,
  FAST_FACTOR,
  FAST_MODELS,
  OWN_PRICES,
  US_FACTOR,
  WEB_SEARCH_USD,
} from '#infra/prices/own-prices.ts'
import { bundledSeller, type DataSeller, type PriceData, priceIn } from '#infra/prices/price-data.ts'

export interface PriceQuestion {
  /** As the seller is asked for it. */
  readonly model: string
  /** Its id in the price data; undefined: nobody that is known. */
  readonly seller: string | undefined
  /** Epoch ms: prices change on announced days. */
  readonly at: number
  /** The operator's data, which is asked before what is built in. */
  readonly data?: PriceData | undefined
}

/** Claude costs the same wherever it is sold, save for the endpoint's factor; others have a price only where their seller is known. */
export const listPrice = (question: PriceQuestion): ModelPrice | undefined => {
  const [, name, variant] = VARIANT.exec(question.model.toLowerCase()) ?? []
  if (name === undefined) return undefined
  const asked = { ...question, model: name }
  const price = claudePrice(asked) ?? sellersPrice(asked)
  if (price === undefined || variant === undefined) return price
  const factor = VARIANT_FACTORS.get(variant)
  if (factor === undefined) return undefined
  const { batch: _, ...rest } = price
  return scaledPrice(rest, factor)
}

/** OpenRouter's `:variant`; the others at a Claude model's name are parts of it, such as Bedrock's `-v1:0`. */
const VARIANT = /^(.{1,200}?)(?::([a-z][a-z0-9]*))?$/
/** Other variants are served by other hosts, at prices that are in no table. */
const VARIANT_FACTORS: ReadonlyMap<string, number> = new Map([
  ['free', 0],
  ['batch', BATCH_FACTOR],
])

// ---- Claude ----------------------------------------------------------------------------------------------------------

const claudePrice = (question: PriceQuestion): ModelPrice | undefined => {
  const claude = parseClaudeModel(question.model)
  const key = claude === undefined ? undefined : claudeKey(claude)
  if (claude === undefined || key === undefined) return undefined
  const found = find('anthropic', question, (id) => claudeKeyOf(id) === key)
  if (found === undefined) return undefined
  const { fast, ...price } = { webSearchUsd: WEB_SEARCH_USD, ...termsOf(claude, key), ...found }
  // OpenRouter sells the speed as a model of its own.
  if (question.model.endsWith('-fast')) return fast === undefined ? undefined : scaledPrice(price, fast)
  return fast === undefined ? price : { ...price, fast }
}

const termsOf = (claude: ClaudeModel, key: string): Pick<ModelPrice, 'fast' | 'geoUs' | 'batch'> => ({
  ...(FAST.has(key) ? { fast: FAST_FACTOR } : {}),
  ...(isFrom(claude, 4, 6) ? { geoUs: US_FACTOR } : {}),
  batch: BATCH_FACTOR,
})

/** Whether an endpoint's own factor holds for a model: for Claude from 4.5 on. */
export const isPricedByPlace = (model: string): boolean => {
  const claude = parseClaudeModel(model)
  return claude !== undefined && isFrom(claude, 4, 5)
}

const isFrom = ({ major: a, minor: b }: ClaudeModel, major: number, minor: number): boolean =>
  a > major || (a === major && b >= minor)

/** One text for all spellings of a model. */
const claudeKey = ({ family, major, minor }: ClaudeModel): string => `${family} ${major}.${minor}`

/** The package marks the last of an old generation: `claude-3-5-haiku-latest`. */
const claudeKeyOf = (id: string): string | undefined => {
  const claude = parseClaudeModel(id.replace(/(\d-[a-z]+)-latest$/, '$1'))
  return claude === undefined ? undefined : claudeKey(claude)
}

const FAST: ReadonlySet<string | undefined> = new Set(FAST_MODELS.map(claudeKeyOf))

// ---- others ----------------------------------------------------------------------------------------------------------

/** Who passes on which vendors' prices, by the part of the name before the slash. */
const PASSED_ON: { readonly [seller: string]: ReadonlySet<string> } = {
  openrouter: new Set(['openai', 'google', 'x-ai', 'moonshotai']),
}

const sellersPrice = (question: PriceQuestion): ModelPrice | undefined => {
  const { seller, model } = question
  if (seller === undefined) return undefined
  const slash = model.indexOf('/')
  const [vendor, rest] = [model.slice(0, Math.max(0, slash)), model.slice(slash + 1)]
  const own = byName(seller, question, vendor === seller ? [model, rest] : [model])
  return own ?? (PASSED_ON[seller]?.has(vendor) === true ? byName(vendor, question, [rest]) : undefined)
}

/** The exact name comes first: some snapshots have prices of their own. */
const byName = (seller: string, question: PriceQuestion, names: readonly string[]): ModelPrice | undefined => {
  for (const name of new Set([...names, ...names.map(undated)])) {
    const price = find(seller, question, (id) => id.toLowerCase() === name)
    if (price !== undefined) return price
  }
  return undefined
}

const undated = (name: string): string => name.replace(/[-@](\d{4}-\d{2}-\d{2}|20\d{6})$/, '')

// ---- the tables ------------------------------------------------------------------------------------------------------

/** The operator's data, then ours, then the package's; and after a seller those whose prices it has. */
const find = (seller: string, question: PriceQuestion, isIt: (id: string) => boolean): ModelPrice | undefined => {
  const inData = (data: DataSeller | undefined): ModelPrice | undefined => {
    const model = data?.models.find(({ id }) => isIt(id))
    return model === undefined ? undefined : priceIn(model.prices, question.at)
  }
  const bundled = bundledSeller(seller)
  const inSeller = (id: string): ModelPrice | undefined => {
    const ours = OWN_PRICES[id] ?? {}
    const name = Object.keys(ours).find(isIt)
    return inData(question.data?.find((one) => one.id === id)) ?? (name === undefined ? undefined : ours[name])
  }
  for (const id of [seller, ...(bundled?.fallback_model_providers ?? [])]) {
    const price = inSeller(id) ?? inData(bundledSeller(id))
    if (price !== undefined) return price
  }
  return undefined
}
