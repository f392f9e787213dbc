/**
 * The Anthropic usage object → our Usage. `cache_creation` splits writes into 5-minute and 1-hour ones; without it all
 * writes are 5-minute ones (the API's default lifetime). Missing and null members count as not reported.
 */
import type { Iteration, TokenCounts, Usage } from '#domain/usage.ts'

type Json = { readonly [key: string]: unknown }

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * No request has a hundred million tokens; a larger number is noise. Times any price, and summed over the log, it would be no whole
 * number any more, which no event may have: whoever read the log then would take it for damaged.
 */
const MOST_TOKENS = 1e8

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= MOST_TOKENS ? Math.trunc(value) : undefined

/** Usage of a whole message, or of `message_start`. */
export const readUsage = (usage: unknown): Usage | undefined => {
  if (!isObject(usage)) return undefined
  const counts = countsOf(usage)
  const terms = termsOf(usage)
  return terms === undefined ? counts : { ...counts, ...terms }
}

const countsOf = (usage: Json): TokenCounts => {
  const created = count(usage.cache_creation_input_tokens) ?? 0
  const split = isObject(usage.cache_creation) ? usage.cache_creation : {}
  const hour = Math.min(count(split.ephemeral_1h_input_tokens) ?? 0, created || Number.MAX_SAFE_INTEGER)
  // A split that does not add up to the total (some gateways send zeros) must not lose billed writes.
  const fiveMinutes = Math.max(count(split.ephemeral_5m_input_tokens) ?? 0, created - hour)
  return {
    inputTokens: count(usage.input_tokens) ?? 0,
    outputTokens: count(usage.output_tokens) ?? 0,
    cacheReadTokens: count(usage.cache_read_input_tokens) ?? 0,
    cacheWrite5mTokens: fiveMinutes,
    cacheWrite1hTokens: hour,
  }
}

type Terms = Omit<Usage, keyof TokenCounts>

/** What changes the bill beside tokens; undefined, as nearly always, when nothing does. */
const termsOf = (usage: Json): Terms | undefined => {
  const { speed, inference_geo: geo, service_tier: tier } = usage
  const webSearches = searchesOf(usage)
  const iterations = iterationsOf(usage.iterations)
  const isPlain = speed !== 'fast' && geo !== 'us' && tier !== 'batch' && tier !== 'priority'
  if (isPlain && webSearches === 0 && iterations === undefined) return undefined
  return {
    ...(speed === 'fast' ? { speed } : {}),
    ...(geo === 'us' ? { geo } : {}),
    ...(tier === 'batch' || tier === 'priority' ? { tier } : {}),
    ...(webSearches === 0 ? {} : { webSearches }),
    ...(iterations === undefined ? {} : { iterations }),
  }
}

const searchesOf = ({ server_tool_use: tools }: Json): number =>
  isObject(tools) ? (count(tools.web_search_requests) ?? 0) : 0

/** A longer list is noise, and would not fit an event; the counts of the whole are billed then. */
const MOST_ITERATIONS = 200
/** No name is this long. */
const LONGEST_NAME = 200

/** Undefined for a single answer of the model itself, which the counts of the whole tell as well, and for what is no list. */
const iterationsOf = (list: unknown): readonly Iteration[] | undefined => {
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST_ITERATIONS || !list.every(isObject)) {
    return undefined
  }
  return list.length === 1 && list[0]?.type === 'message' ? undefined : list.map(iterationOf)
}

const iterationOf = (one: Json): Iteration => {
  const { model, type } = one
  return {
    ...countsOf(one),
    ...(isName(model) ? { model } : {}),
    ...(isName(type) ? { type } : {}),
  }
}

const isName = (value: unknown): value is string => typeof value === 'string' && value.length <= LONGEST_NAME

/** A name as it is recorded: whoever makes one up does not fill the log. */
export const clipName = (name: string): string => name.slice(0, LONGEST_NAME)

/** US dollars that the provider says it charged: OpenRouter tells it beside the tokens. */
export const readCost = (usage: unknown): number | undefined =>
  isObject(usage) && typeof usage.cost === 'number' && usage.cost >= 0 && usage.cost <= MOST_DOLLARS
    ? usage.cost
    : undefined

/** No request costs this much; a larger number is noise. */
const MOST_DOLLARS = 100_000

/**
 * `message_delta.usage` is cumulative: values above zero replace what `message_start` said, zeros and nulls do not (the
 * client reads it the same way). It never carries the 5-minute/1-hour split, so a changed total keeps the old 1-hour part; nor
 * speed, place and tier, which stay as they are.
 */
export const mergeDeltaUsage = (known: Usage | undefined, delta: unknown): Usage | undefined => {
  if (!isObject(delta)) return known
  const base = known ?? readUsage({})
  if (base === undefined) return known
  const positive = (value: unknown, otherwise: number): number => count(value) || otherwise
  const writes = positive(delta.cache_creation_input_tokens, base.cacheWrite5mTokens + base.cacheWrite1hTokens)
  const hour = Math.min(base.cacheWrite1hTokens, writes)
  const counts = {
    inputTokens: positive(delta.input_tokens, base.inputTokens),
    outputTokens: positive(delta.output_tokens, base.outputTokens),
    cacheReadTokens: positive(delta.cache_read_input_tokens, base.cacheReadTokens),
    cacheWrite5mTokens: writes - hour,
    cacheWrite1hTokens: hour,
  }
  const terms = termsOf(delta)
  return terms === undefined && !hasTerms(base) ? counts : { ...base, ...terms, ...counts }
}

const hasTerms = (usage: Usage): boolean =>
  usage.speed !== undefined ||
  usage.geo !== undefined ||
  usage.tier !== undefined ||
  usage.webSearches !== undefined ||
  usage.iterations !== undefined
