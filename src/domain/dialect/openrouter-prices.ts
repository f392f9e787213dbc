/**
 * OpenRouter's list of models is a price feed that needs no key (providers 4.3): US dollars per token as text, with the price
 * of one-hour writes and of longer prompts.
 */
import { parseTold } from '#domain/dialect/told-json.ts'
import type { ModelPrice } from '#domain/policy.ts'

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Ten times what there are. Prices become part of the policy, which stands in the log. */
const MOST_MODELS = 5_000
/** No name of a model is longer. */
const LONGEST_NAME = 200

/** By the names that models are asked for. Models whose price cannot be read, or varies (`-1`), are left out. */
export const readOpenRouterPrices = (body: Uint8Array): ReadonlyMap<string, ModelPrice> => {
  const prices = new Map<string, ModelPrice>()
  for (const model of modelsIn(body)) {
    if (prices.size === MOST_MODELS) break
    if (!isObject(model) || typeof model.id !== 'string' || !isObject(model.pricing)) continue
    if (model.id.length > LONGEST_NAME) continue
    const price = readPrice(model.pricing)
    if (price !== undefined) prices.set(model.id, price)
  }
  return prices
}

const modelsIn = (body: Uint8Array): readonly unknown[] => {
  const parsed = parseTold(new TextDecoder().decode(body))
  // What is no list has no prices.
  return isObject(parsed) && Array.isArray(parsed.data) ? parsed.data : []
}

const readPrice = (pricing: Json): ModelPrice | undefined => {
  const base = ratesOf(pricing)
  if (base === undefined) return undefined
  const overrides: readonly unknown[] = Array.isArray(pricing.overrides) ? pricing.overrides : []
  const [tier] = overrides.flatMap((one) => {
    if (!isObject(one)) return []
    const from = Number(one.min_prompt_tokens)
    const rates = ratesOf({ ...pricing, ...one })
    return Number.isSafeInteger(from) && from > 0 && rates !== undefined
      ? [{ abovePromptTokens: from - 1, ...rates }]
      : []
  })
  const search = perMillion(pricing.web_search)
  return {
    ...base,
    ...(tier === undefined ? {} : { tier }),
    // Told per search, counted per thousand.
    ...(search === undefined ? {} : { webSearchUsd: Number((search / 1_000).toPrecision(10)) }),
  }
}

const ratesOf = (pricing: Json): Omit<ModelPrice, 'tier'> | undefined => {
  const input = perMillion(pricing.prompt)
  const output = perMillion(pricing.completion)
  if (input === undefined || output === undefined) return undefined
  const cacheWrite5m = perMillion(pricing.input_cache_write) ?? input
  return {
    input,
    output,
    cacheRead: perMillion(pricing.input_cache_read) ?? input,
    cacheWrite5m,
    cacheWrite1h: perMillion(pricing.input_cache_write_1h) ?? cacheWrite5m,
  }
}

/** No model costs this much per million tokens. */
const MOST_USD = 1_000_000

const perMillion = (perToken: unknown): number | undefined => {
  if (typeof perToken !== 'string' && typeof perToken !== 'number') return undefined
  if (typeof perToken === 'string' && perToken.trim() === '') return undefined
  // Ten digits: what is lost is the noise of binary fractions.
  const usd = Number((Number(perToken) * 1e6).toPrecision(10))
  return usd >= 0 && usd <= MOST_USD ? usd : undefined
}
