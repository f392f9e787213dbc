import { CURRENT_CLAUDE_MODELS, parseClaudeModel } from '#domain/claude-models.ts'
import { modelId } from '#domain/ids.ts'
import { matchesModel, resolveModel } from '#domain/model-map.ts'
import type { ModelPrice, Policy, ProviderPolicy } from '#domain/policy.ts'
import { scaledPrice } from '#domain/pricing.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'
import { isPricedByPlace, listPrice } from '#infra/prices/list-price.ts'
import type { PriceBook } from '#infra/prices/price-book.ts'
import type { FedPrices } from '#infra/prices/price-feed.ts'
import { placeFactor, sellerOf } from '#infra/prices/seller.ts'

type Models = Readonly<Record<string, string>>
type Prices = Readonly<Record<string, ModelPrice>>

/**
 * The part of the configuration that decisions depend on. The common `models` become part of each provider's, and so do the
 * built-in ones of its preset; the order of the providers is the order of the file.
 *
 * @param fed by the providers themselves
 * @param fetched from the operator's `prices.url`
 * @param at epoch ms: list prices are those of that day
 */
export const toPolicy = (
  config: Config,
  fed: FedPrices = new Map(),
  fetched?: PriceBook,
  at: number = Date.now(),
): Policy => {
  const books = [fetched, config.prices.book].filter((book) => book !== undefined)
  return {
    providers: config.providers.map((resolved) => {
      const { id, kind, builtInModels, policy } = resolved
      const models = over(builtInModels ?? {}, { ...commonModels(config, id), ...policy.models })
      const passes = resolved.credential._tag === 'Client' ? { passesCredential: true as const } : {}
      const provider = { id, kind, ...policy, ...passes, models }
      const told = books.flatMap(({ told }) => [told['*'], told[kind]]).filter((prices) => prices !== undefined)
      const prices = [...told, policy.prices ?? {}].reduce(
        over<ModelPrice>,
        listPrices(provider, resolved, { fed: fed.get(id), books, at }),
      )
      return Object.keys(prices).length === 0 ? provider : { ...provider, prices }
    }),
    routing: config.routing,
    retryBudget: config.retryBudget,
    ...(config.timeZone === 'UTC' ? {} : { timeZone: config.timeZone }),
    ...(config.budgets.length === 0 ? {} : { budgets: config.budgets }),
    stream: config.stream,
  }
}

/** A built-in pattern that one of the operator's covers is gone, so that a longer one never wins against what they say. */
const over = <A>(
  builtIn: Readonly<Record<string, A>>,
  said: Readonly<Record<string, A>>,
): Readonly<Record<string, A>> => ({
  ...Object.fromEntries(
    Object.entries(builtIn).filter(([pattern]) => !Object.keys(said).some((own) => matchesModel(own, pattern))),
  ),
  ...said,
})

interface Sources {
  readonly fed: ReadonlyMap<string, ModelPrice> | undefined
  readonly books: readonly PriceBook[]
  readonly at: number
}

/**
 * List prices of what the provider is asked for: Claude's current models under its names, and what is named outright. They
 * become part of the policy, so that a request is decided, and later billed, by the prices of its day.
 */
const listPrices = (provider: ProviderPolicy, resolved: ResolvedProvider, { fed, books, at }: Sources): Prices => {
  const claude = CURRENT_CLAUDE_MODELS.flatMap(({ id }) => [id, id.replace(/-\d{8}$/, '')])
  const asked = claude.map((id) => resolveModel(provider, modelId(id)))
  const named = Object.values(provider.models).filter((name) => !name.includes('*'))
  const seller = sellerOf(resolved)
  const factor = placeFactor(resolved)
  const data = books.findLast((book) => book.data !== undefined)?.data
  const priceOf = (model: string): ModelPrice | undefined => {
    const fedPrice = fed?.get(model)
    const listed = hasOwnClaude(resolved, model) ? undefined : listPrice({ model, seller, at, data })
    const price = listed && scaledPrice(listed, isPricedByPlace(model) ? factor : 1)
    // What the provider itself says is newer than any table, but it says nothing of speed, place and batches.
    return fedPrice === undefined ? price : { ...termsOf(price), ...fedPrice }
  }
  return Object.fromEntries(
    [...new Set([...asked, ...named])].flatMap((model) => {
      const price = model === undefined ? undefined : priceOf(model)
      return model === undefined || price === undefined ? [] : [[model, price]]
    }),
  )
}

/** A server whose thinking is foreign serves other models, also under Claude's names. */
const hasOwnClaude = ({ profile }: ResolvedProvider, model: string): boolean =>
  profile.dialect === 'anthropic' && profile.foreignThinking && parseClaudeModel(model) !== undefined

const termsOf = ({ fast, geoUs, batch, webSearchUsd }: Partial<ModelPrice> = {}): Partial<ModelPrice> => ({
  ...(fast === undefined ? {} : { fast }),
  ...(geoUs === undefined ? {} : { geoUs }),
  ...(batch === undefined ? {} : { batch }),
  ...(webSearchUsd === undefined ? {} : { webSearchUsd }),
})

const commonModels = (config: Config, id: string): Models =>
  Object.fromEntries(
    Object.entries(config.models).flatMap(([pattern, names]) => {
      const name = Object.hasOwn(names, id) ? names[id] : undefined
      return name === undefined ? [] : [[pattern, name]]
    }),
  )
