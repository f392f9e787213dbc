/**
 * A virtual world, drawn from a seed: providers with their true limits, prices, caches, latencies and bad hours, and the people
 * who ask. Half of the limits are tight for the demand that the same world has, so that there is something to decide.
 */
import type { ModelPrice } from '#domain/policy.ts'
import { scaledPrice } from '#domain/pricing.ts'
import { listPrice } from '#infra/prices/list-price.ts'
import { type Dice, diceFor } from './dice.ts'
import { callsOf, makeTraffic, type Session } from './traffic.ts'
import type { CacheLifetime } from './true-cache.ts'
import type { TrueLimits } from './true-limits.ts'
import type { LatencyProcess, Outage, Span, TrueProvider } from './true-provider.ts'

export interface VirtualWorld {
  readonly seed: number
  readonly startsAt: number
  readonly forMs: number
  readonly model: string
  readonly lifetime: CacheLifetime
  readonly leavesShare: number
  readonly providers: readonly TrueProvider[]
  readonly sessions: readonly Session[]
}

export interface WorldOptions {
  readonly hours: number
  /** Limits that are configured are used by nobody else, and tokens are exactly a quarter of the bytes: all is known of them. */
  readonly exact?: boolean
  /** Four times as many outages, and people who leave more often: for tests. */
  readonly stormy?: boolean
}

/** 2026-11-02 08:00 UTC, a Monday. Any time does; it is one whose minutes are whole. */
export const STARTS_AT = 1_793_606_400_000
const HOUR_MS = 3_600_000

export const makeWorld = (seed: number, { hours, exact = false, stormy = false }: WorldOptions): VirtualWorld => {
  const dice = diceFor(seed, 2)
  const forMs = Math.round(hours * HOUR_MS)
  const model = dice.chance(0.7) ? 'claude-sonnet-5-5' : 'claude-opus-5-5'
  const lifetime: CacheLifetime = dice.chance(0.2) ? '1h' : '5m'
  const sessions = makeTraffic(seed, {
    users: dice.whole(3, 9),
    forMs,
    startsAt: STARTS_AT,
    tokensPerByte: exact ? 0.25 : dice.between(0.22, 0.3),
    tokensVary: !exact,
  })
  const demand = demandOf(sessions, forMs)
  const count = dice.whole(3, 6)
  const together = stormy || dice.chance(0.4) ? badDays(forMs, count, stormy, dice) : []
  const providers = Array.from({ length: count }, (_, index) => {
    const own = makeTrueProvider(index, model, demand, { forMs, exact, stormy }, diceFor(seed, 3, index))
    return { ...own, outages: [...together.filter(({ spared }) => spared !== index), ...own.outages] }
  })
  return { seed, startsAt: STARTS_AT, forMs, model, lifetime, leavesShare: stormy ? 0.12 : 0.01, providers, sessions }
}

/** Outages that all providers have in common but one: a region, or the vendor that all of them resell. In storms: all of them. */
const badDays = (
  forMs: number,
  count: number,
  stormy: boolean,
  dice: Dice,
): readonly (Outage & { readonly spared: number | null })[] =>
  spans(forMs, 3 * HOUR_MS, 600_000, 0.6, dice).map((span) => ({
    ...span,
    how: dice.pick(HOWS),
    spared: stormy && dice.chance(0.5) ? null : dice.whole(0, count - 1),
  }))

/** Means per minute, with every cache warm. */
interface Demand {
  readonly requests: number
  readonly input: number
  readonly output: number
}

const demandOf = (sessions: readonly Session[], forMs: number): Demand => {
  const cached = new Map<string, number>()
  const total = { requests: 0, input: 0, output: 0 }
  for (const call of sessions.flatMap(callsOf)) {
    const key = `${call.session} ${call.agent ?? ''}`
    const warm = call.isCached ? Math.min(call.promptTokens, cached.get(key) ?? 0) : 0
    if (call.isCached) cached.set(key, call.promptTokens)
    total.requests += 1
    total.input += call.promptTokens - warm
    total.output += call.outputTokens
  }
  const minutes = forMs / 60_000
  return { requests: total.requests / minutes, input: total.input / minutes, output: total.output / minutes }
}

/** A cold prompt of the largest size must fit, or the provider could not serve it at all. */
const LEAST_INPUT_PER_MINUTE = 250_000

const makeTrueProvider = (
  index: number,
  model: string,
  demand: Demand,
  { forMs, exact, stormy }: { readonly forMs: number; readonly exact: boolean; readonly stormy: boolean },
  dice: Dice,
): TrueProvider => {
  const hasCache = dice.chance(0.9)
  const multiplier = hasCache ? dice.pick([0.8, 0.9, 1, 1, 1, 1.1, 1.25]) : 0.5
  const told = dice.pick(['configured', 'configured', 'headers', 'headers', 'nobody'] as const)
  const isAlone = exact && told === 'configured'
  return {
    id: `p${index}`,
    price: priceOf(model, multiplier, hasCache),
    limits: makeTrueLimits(demand, told, isAlone, dice),
    told,
    tellsRetryAfter: dice.chance(0.75),
    hasCache,
    latency: makeLatency(forMs, dice),
    failures: {
      error: dice.between(0, 0.004),
      overloaded: dice.between(0, 0.01),
      reset: dice.between(0, 0.002),
      broken: dice.between(0, 0.002),
    },
    outages: makeOutages(forMs, stormy ? 0.25 : 1, dice),
    refusesFeature: dice.chance(0.15) ? 'beta:new-2026-11-01' : null,
  }
}

/** So many times Anthropic's price; who has no cache charges all input alike. */
export const priceOf = (model: string, multiplier: number, hasCache: boolean): ModelPrice => {
  const listed = listPrice({ model, seller: 'anthropic', at: STARTS_AT })
  if (listed === undefined) throw new Error(`${model} has no list price`)
  const list = scaledPrice(listed, multiplier)
  return hasCache ? list : { ...list, cacheRead: list.input, cacheWrite5m: list.input, cacheWrite1h: list.input }
}

const makeTrueLimits = (demand: Demand, told: TrueProvider['told'], isAlone: boolean, dice: Dice): TrueLimits => {
  const factor = () => (dice.chance(0.5) ? dice.between(0.8, 3) : dice.between(4, 20))
  const othersShare = isAlone || dice.chance(0.6) ? 0 : dice.between(0.1, 0.4)
  return {
    requestsPerMinute: Math.max(5, Math.round(demand.requests * factor())),
    inputTokensPerMinute: Math.max(LEAST_INPUT_PER_MINUTE, Math.round(demand.input * factor())),
    outputTokensPerMinute: Math.max(4_000, Math.round(demand.output * factor())),
    window: dice.chance(0.25) ? 'fixed' : 'bucket',
    ...(dice.chance(0.3) ? { maxConcurrent: dice.whole(4, 12) } : {}),
    ...(told === 'headers' && dice.chance(0.4)
      ? { acceleration: { factor: 6, floorTokens: Math.round(demand.input * 5) + LEAST_INPUT_PER_MINUTE } }
      : {}),
    countsCachedInput: dice.chance(0.1),
    othersShare,
  }
}

const makeLatency = (forMs: number, dice: Dice): LatencyProcess => ({
  median: dice.logNormal(1_300, 0.35),
  sigma: dice.between(0.25, 0.5),
  msPerToken: dice.between(10, 24),
  msPerFreshToken: dice.between(0.015, 0.04),
  driftFactor: dice.between(1, 1.8),
  driftMs: dice.between(1, 4) * HOUR_MS,
  bursts: spans(forMs, 90 * 60_000, 240_000, 0.6, dice).map((span) => ({ ...span, factor: dice.between(2, 5) })),
  perInFlight: dice.chance(0.4) ? dice.between(0.02, 0.15) : 0,
})

const HOWS: readonly Outage['how'][] = [
  'refused',
  'errors',
  'errors',
  'overloaded',
  'overloaded',
  'silent',
  'brownOut',
  'brownOut',
]

const makeOutages = (forMs: number, rarity: number, dice: Dice): readonly Outage[] =>
  spans(forMs, rarity * dice.between(2, 8) * HOUR_MS, 240_000, 1, dice).map((span) => ({
    ...span,
    how: dice.pick(HOWS),
  }))

/** Spans that do not overlap: one every `everyMs` on average, half of them longer than `median`. They may begin late. */
const spans = (forMs: number, everyMs: number, median: number, sigma: number, dice: Dice): readonly Span[] => {
  const found: Span[] = []
  for (let at = STARTS_AT; ; ) {
    at += Math.round(-everyMs * Math.log(1 - dice.next()))
    if (at > STARTS_AT + forMs) return found
    const until = at + Math.round(Math.min(40 * 60_000, dice.logNormal(median, sigma)))
    found.push({ from: at, until })
    at = until
  }
}
