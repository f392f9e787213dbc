/**
 * A provider of a virtual world: everything about it is known, the gateway sees its answers only. What it does with a call is a
 * function of the world's seed, the call, the time and what was sent to it before, never of who else was asked.
 */
import type { FailureReason } from '#domain/failure.ts'
import type { ModelPrice } from '#domain/policy.ts'
import { costOf } from '#domain/pricing.ts'
import { noUsage, type Usage } from '#domain/usage.ts'
import { draw, logNormal } from '#infra/simulator/draws.ts'
import { type Asked, billedAt, type Exchange, type SpokenError, wasLetIn } from './exchange.ts'
import type { Call } from './traffic.ts'
import { type CacheLifetime, makeCache, usageOf } from './true-cache.ts'
import { makeLimits, type Refused, type TrueLimits } from './true-limits.ts'

/** Between two moments, epoch ms; `until` is not in it. */
export interface Span {
  readonly from: number
  readonly until: number
}

export interface Outage extends Span {
  /**
   * `refused`: no connection. `errors`: 500. `overloaded`: 529. `silent`: connects and says nothing. `brownOut`: slow, and a
   * third of the requests fail.
   */
  readonly how: 'refused' | 'errors' | 'overloaded' | 'silent' | 'brownOut'
}

export interface LatencyProcess {
  /** Of the time to the first content, ms. */
  readonly median: number
  readonly sigma: number
  readonly msPerToken: number
  /** Per token of the prompt that is not in the cache. */
  readonly msPerFreshToken: number
  /** The median goes up and down by this factor, once in `driftMs`. */
  readonly driftFactor: number
  readonly driftMs: number
  readonly bursts: readonly (Span & { readonly factor: number })[]
  /** So much slower, as a share, per attempt that is under way. */
  readonly perInFlight: number
}

export interface TrueProvider {
  readonly id: string
  readonly price: ModelPrice
  /** What it costs from then on (epoch ms), the earliest first. */
  readonly priceChanges?: readonly { readonly at: number; readonly price: ModelPrice }[]
  readonly limits: TrueLimits
  /** Who tells the gateway of the limits: its configuration, the answers' headers, or nobody. */
  readonly told: 'configured' | 'headers' | 'nobody'
  readonly tellsRetryAfter: boolean
  readonly hasCache: boolean
  readonly latency: LatencyProcess
  /** Shares of all requests. */
  readonly failures: {
    readonly error: number
    readonly overloaded: number
    readonly reset: number
    readonly broken: number
  }
  readonly outages: readonly Outage[]
  /** A value of `anthropic-beta` that it does not know, if any. */
  readonly refusesFeature: string | null
}

export interface LiveProvider {
  readonly truth: TrueProvider
  readonly open: (asked: Asked<Call>) => Exchange
  readonly close: (asked: Asked<Call>, exchange: Exchange, at: number) => void
  /** What an attempt would come to, without making it. */
  readonly foresee: (asked: Asked<Call>) => Exchange
  /** In nano-USD, with its cache as it is. */
  readonly costOf: (call: Call, at: number) => number
  /** Neither in an outage nor without room for the call. */
  readonly isWell: (call: Call, at: number) => boolean
  /** Smallest share of a limit that is left. */
  readonly room: (at: number) => number
}

const PURPOSE = { failure: 1, latency: 2, tokens: 4, broken: 6, brownOut: 8 } as const

export const makeProvider = (
  truth: TrueProvider,
  world: { readonly seed: number; readonly index: number; readonly startsAt: number; readonly lifetime: CacheLifetime },
): LiveProvider => {
  const limits = makeLimits(truth.limits, world.startsAt)
  const cache = makeCache(world.lifetime)
  const warmAt = (call: Call, at: number): number => (truth.hasCache ? cache.warm(call, at) : 0)
  const billed = (call: Call, warm: number, output: number): Usage =>
    billedBy(truth, call, warm, output, world.lifetime)
  const counted = (call: Call, at: number): number =>
    truth.limits.countsCachedInput ? call.promptTokens : Math.max(1, call.promptTokens - warmAt(call, at))

  const foresee = (asked: Asked<Call>): Exchange => {
    const { call, at, issue } = asked
    const chance = (purpose: number): number => draw(world.seed, 9, world.index, call.key, issue, purpose)
    const failed = (reason: FailureReason, afterMs: number, spoken?: SpokenError): Exchange => ({
      connectedAt: reason._tag === 'Transport' && reason.connect ? Number.POSITIVE_INFINITY : at,
      headersAt: spoken === undefined ? Number.POSITIVE_INFINITY : at + afterMs,
      firstContentAt: Number.POSITIVE_INFINITY,
      endsAt: at + afterMs,
      end: { _tag: 'Failed', reason, ...(spoken === undefined ? {} : { spoken }) },
      limits: truth.told === 'headers' && spoken !== undefined ? limits.readings(at) : [],
    })
    const quickly = 20 + Math.floor(chance(PURPOSE.latency) * 300)
    const outage = outageAt(truth, at)
    switch (outage?.how) {
      case 'refused':
        return failed({ _tag: 'Transport', code: 'ECONNREFUSED', connect: true }, 5)
      case 'errors':
        return failed({ _tag: 'ServerError', status: 500 }, quickly, { status: 500, retryAfterS: null })
      case 'overloaded':
        return failed({ _tag: 'Overloaded', status: 529 }, quickly, { status: 529, retryAfterS: null })
      case 'silent':
        return SILENT(at)
      case 'brownOut':
        if (chance(PURPOSE.brownOut) < BROWN_OUT.failures)
          return failed({ _tag: 'ServerError', status: 503 }, 2_000 + quickly, { status: 503, retryAfterS: null })
    }
    const refused = limits.refusal(counted(call, at), at)
    if (refused !== undefined) return limited(refused, at, quickly)
    const { failures } = truth
    const dice = chance(PURPOSE.failure)
    if (dice < failures.error)
      return failed({ _tag: 'ServerError', status: 500 }, quickly, { status: 500, retryAfterS: null })
    if (dice < failures.error + failures.overloaded)
      return failed({ _tag: 'Overloaded', status: 529 }, quickly, { status: 529, retryAfterS: null })
    if (dice < failures.error + failures.overloaded + failures.reset)
      return failed({ _tag: 'Transport', code: 'ECONNRESET', connect: false }, quickly)
    if (truth.refusesFeature !== null && call.tools > 1 && !asked.without.includes(truth.refusesFeature))
      return failed({ _tag: 'FeatureRefused', status: 400, features: [truth.refusesFeature] }, quickly, {
        status: 400,
        retryAfterS: null,
      })
    return answered(asked, chance, dice < failures.error + failures.overloaded + failures.reset + failures.broken)
  }

  const limited = (refused: Refused, at: number, afterMs: number): Exchange => {
    const waitS = refused.freesAt === null ? null : Math.max(1, Math.ceil((refused.freesAt - at) / 1_000))
    const retryAfterS = truth.tellsRetryAfter ? waitS : null
    const heardAt = at + Math.min(afterMs, 120)
    return {
      connectedAt: at,
      headersAt: heardAt,
      firstContentAt: Number.POSITIVE_INFINITY,
      endsAt: heardAt,
      end: {
        _tag: 'Failed',
        reason: {
          _tag: 'RateLimited',
          status: 429,
          ...(retryAfterS === null ? {} : { until: heardAt + retryAfterS * 1_000 }),
        },
        spoken: { status: 429, retryAfterS },
      },
      limits: truth.told === 'headers' ? limits.readings(at) : [],
    }
  }

  const answered = ({ call, at }: Asked<Call>, chance: (purpose: number) => number, breaks: boolean): Exchange => {
    const { latency } = truth
    const warm = warmAt(call, at)
    const slower = slownessAt(truth, at, world.startsAt) * (1 + latency.perInFlight * limits.inFlight())
    const ttft =
      logNormal(latency.median, latency.sigma, chance(PURPOSE.latency), chance(PURPOSE.latency + 1)) * slower +
      latency.msPerFreshToken * (call.promptTokens - warm)
    const pace =
      logNormal(latency.msPerToken, 0.15, chance(PURPOSE.tokens), chance(PURPOSE.tokens + 1)) * Math.sqrt(slower)
    const firstContentAt = Math.round(at + ttft)
    const wholeMs = Math.round(pace * call.outputTokens)
    const begun = firstOutage(truth, at, firstContentAt + wholeMs)
    const cutAt = breaks
      ? firstContentAt + Math.round(wholeMs * chance(PURPOSE.broken))
      : begun !== undefined && chance(PURPOSE.broken) < BREAKS_IN_OUTAGE
        ? begun.from
        : null
    const exchange = {
      connectedAt: at,
      headersAt: Math.round(at + ttft * HEADERS_SHARE),
      firstContentAt,
      limits: truth.told === 'headers' ? limits.readings(at) : [],
      isSpelledOut: true as const,
    }
    if (cutAt === null) {
      const usage = billed(call, warm, call.outputTokens)
      return { ...exchange, endsAt: firstContentAt + wholeMs, end: { _tag: 'Answered', usage } }
    }
    const made = Math.max(0, Math.min(1, (cutAt - firstContentAt) / Math.max(1, wholeMs)))
    return {
      ...exchange,
      endsAt: cutAt,
      end: {
        _tag: 'Failed',
        reason: { _tag: 'Transport', code: 'ECONNRESET', connect: false },
        ...(cutAt >= exchange.headersAt ? { usage: billed(call, warm, Math.round(made * call.outputTokens)) } : {}),
      },
    }
  }

  return {
    truth,
    foresee,
    open: (asked) => {
      const exchange = foresee(asked)
      if (wasLetIn(exchange)) limits.enter(counted(asked.call, asked.at), asked.at)
      return exchange
    },
    close: ({ call, at: startedAt }, exchange, at) => {
      if (!wasLetIn(exchange)) return
      limits.leave(billedAt(exchange, at)?.outputTokens ?? 0, at)
      if (at >= exchange.firstContentAt) cache.keep(call, startedAt)
    },
    costOf: (call, at) => costOf(priceAt(truth, at), billed(call, warmAt(call, at), call.outputTokens)) ?? 0,
    isWell: (call, at) => outageAt(truth, at) === undefined && limits.refusal(counted(call, at), at) === undefined,
    room: limits.room,
  }
}

/** What it charges at `at` (epoch ms). */
export const priceAt = ({ price, priceChanges = [] }: TrueProvider, at: number): ModelPrice =>
  priceChanges.findLast((change) => change.at <= at)?.price ?? price

/** What a provider bills for a call of whose prompt `warm` tokens are in its cache. */
export const billedBy = (
  { hasCache }: TrueProvider,
  call: Call,
  warm: number,
  outputTokens: number,
  lifetime: CacheLifetime,
): Usage =>
  hasCache ? usageOf(call, warm, outputTokens, lifetime) : { ...noUsage, inputTokens: call.promptTokens, outputTokens }

/** How often an outage that begins breaks what is under way. */
const BREAKS_IN_OUTAGE = 0.5
/** Headers and message_start come some time before the content. */
const HEADERS_SHARE = 0.7
const BROWN_OUT = { failures: 1 / 3, slowness: 4 } as const

const SILENT = (at: number): Exchange => ({
  connectedAt: at,
  headersAt: Number.POSITIVE_INFINITY,
  firstContentAt: Number.POSITIVE_INFINITY,
  endsAt: Number.POSITIVE_INFINITY,
  end: { _tag: 'Failed', reason: { _tag: 'Unknown' } },
  limits: [],
})

export const outageAt = ({ outages }: TrueProvider, at: number): Outage | undefined =>
  outages.find(({ from, until }) => at >= from && at < until)

const firstOutage = ({ outages }: TrueProvider, from: number, until: number): Outage | undefined =>
  outages.find((outage) => outage.how !== 'brownOut' && outage.from > from && outage.from < until)

const slownessAt = (truth: TrueProvider, at: number, startsAt: number): number => {
  const { driftFactor, driftMs, bursts } = truth.latency
  const drift = driftFactor ** Math.sin((2 * Math.PI * (at - startsAt)) / driftMs)
  const burst = bursts.find(({ from, until }) => at >= from && at < until)?.factor ?? 1
  return drift * burst * (outageAt(truth, at)?.how === 'brownOut' ? BROWN_OUT.slowness : 1)
}
