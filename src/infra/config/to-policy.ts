import { CURRENT_CLAUDE_MODELS } from '#domain/claude-models.ts'
import { modelId } from '#domain/ids.ts'
import { matchesModel, resolveModel } from '#domain/model-map.ts'
import type { ModelPrice, Policy, ProviderPolicy } from '#domain/policy.ts'
import { priceOf } from '#domain/pricing.ts'
import type { Config } from '#infra/config/config.ts'
import type { FedPrices } from '#infra/prices/price-feed.ts'

type Models = Readonly<Record<string, string>>

/**
 * The part of the configuration that decisions depend on. The common `models` become part of each provider's, and so do the
 * built-in ones of its preset; the order of the providers is the order of the file.
 */
export const toPolicy = (config: Config, fed: FedPrices = new Map()): Policy => ({
  providers: config.providers.map(({ id, kind, builtInModels, policy }) => {
    const models = over(builtInModels ?? {}, { ...commonModels(config, id), ...policy.models })
    const provider = { id, kind, ...policy, models }
    const prices = over(listPrices(provider, fed.get(id)), policy.prices ?? {})
    return Object.keys(prices).length === 0 ? provider : { ...provider, prices }
  }),
  routing: config.routing,
  retryBudget: config.retryBudget,
  stream: config.stream,
})

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

/**
 * List prices of what the provider is asked for: Claude's current models under its names, and what is named outright. They
 * become part of the policy, so that a request is decided, and later billed, by the prices of its day.
 */
const listPrices = (
  provider: ProviderPolicy,
  fed: ReadonlyMap<string, ModelPrice> | undefined,
): Readonly<Record<string, ModelPrice>> => {
  const asked = CURRENT_CLAUDE_MODELS.map(({ id }) => resolveModel(provider, modelId(id)))
  const named = Object.values(provider.models).filter((name) => !name.includes('*'))
  return Object.fromEntries(
    [...new Set([...asked, ...named])].flatMap((model) => {
      // What the provider itself says is newer than any table.
      const price = model === undefined ? null : (fed?.get(model) ?? priceOf({}, model))
      return model === undefined || price === null ? [] : [[model, price]]
    }),
  )
}

const commonModels = (config: Config, id: string): Models =>
  Object.fromEntries(
    Object.entries(config.models).flatMap(([pattern, names]) => {
      const name = Object.hasOwn(names, id) ? names[id] : undefined
      return name === undefined ? [] : [[pattern, name]]
    }),
  )
