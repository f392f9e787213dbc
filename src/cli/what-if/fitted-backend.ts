/**
 * The providers of a log's world as far as the log tells them, for calls that go another way than they went. What was observed of a
 * call at a provider is used as it was; the rest is drawn from the fit, by what it is for, so that two policies meet the same luck.
 */
import type { ModelId, ProviderId } from '#domain/ids.ts'
import type { Policy, ProviderPolicy } from '#domain/policy.ts'
import type { Usage } from '#domain/usage.ts'
import { LEAST_OBSERVED, type ProviderFit } from '#domain/what-if/provider-fit.ts'
import type { LoggedAttempt } from '#domain/what-if/traffic.ts'
import { draw, logNormal, seedOf } from '#infra/simulator/draws.ts'
import { type Asked, type Backend, billedAt, type Exchange, wasLetIn } from '#infra/simulator/virtual/exchange.ts'
import type { Call } from '#infra/simulator/virtual/traffic.ts'
import { type CacheLifetime, makeCache, usageOf } from '#infra/simulator/virtual/true-cache.ts'
import { fittedAnswers } from './fitted-answers.ts'
import { keeperOf, readings } from './fitted-limits.ts'
import { answered, failed } from './known-ends.ts'
import type { Sized } from './sized-call.ts'

export interface Tried {
  readonly key: number
  readonly provider: ProviderId
  readonly usage: Usage | undefined
  readonly model: ModelId
  readonly isLimited: boolean
  /** Its end is an estimate. */
  readonly isModelled: boolean
  /** Of a provider of which too little was observed. */
  readonly isUnsupported: boolean
  /** Of a provider that is an assumption. */
  readonly isAssumed: boolean
}

export interface FittedBackend extends Backend<Sized> {
  readonly tried: readonly Tried[]
}

export interface BackendOptions {
  readonly policy: Policy
  readonly fits: ReadonlyMap<ProviderId, ProviderFit>
  readonly startsAt: number
  /** Another number is other luck. */
  readonly seed: number
  /** By which the errors of the fit are drawn, from how far it may be wrong; null: it is believed as it is. */
  readonly errorSeed: number | null
  /** Whether what was observed is used; without it everything is modelled, which tells how good the model is. */
  readonly usesObserved: boolean
  /** These enforce what their policy says now, not what they did: a refusal of the log counts no more, and a success may be refused. */
  readonly otherLimits?: ReadonlySet<ProviderId>
}

/** Of draws, beside those of fitted-answers.ts. */
const PURPOSE = { limit: 11, others: 13 } as const

export const fittedBackend = (options: BackendOptions): FittedBackend => {
  const providers = new Map(options.policy.providers.map((policy) => [policy.id, fittedProvider(policy, options)]))
  const tried: Tried[] = []
  const open = new Map<Exchange, boolean>()
  return {
    tried,
    open: (asked) => {
      const provider = providers.get(asked.provider)
      if (provider === undefined) throw new Error(`nobody is ${asked.provider}`)
      const { exchange, isModelled } = provider.open(asked)
      open.set(exchange, isModelled)
      return exchange
    },
    close: (asked, exchange, at) => {
      providers.get(asked.provider)?.close(asked, exchange, at)
      const { end } = exchange
      const fit = options.fits.get(asked.provider)
      tried.push({
        key: asked.call.call.key,
        provider: asked.provider,
        model: asked.model,
        usage: billedAt(exchange, at),
        isLimited: end._tag === 'Failed' && end.reason._tag === 'RateLimited',
        isModelled: open.get(exchange) ?? true,
        isUnsupported: fit?.isAssumed !== true && (fit?.observed ?? 0) < LEAST_OBSERVED,
        isAssumed: fit?.isAssumed === true,
      })
      open.delete(exchange)
    },
  }
}

interface Answer {
  readonly exchange: Exchange
  readonly isModelled: boolean
}

const fittedProvider = (
  policy: ProviderPolicy,
  { fits, startsAt, seed, errorSeed, usesObserved, otherLimits }: BackendOptions,
): { readonly open: (asked: Asked<Sized>) => Answer; readonly close: Backend<Sized>['close'] } => {
  const own = seedOf(policy.id)
  const fit = fits.get(policy.id) ?? poolOf(fits)
  const wrong = (purpose: number, block: number): number =>
    errorSeed === null
      ? 0
      : Math.log(logNormal(1, 1, draw(errorSeed, own, purpose, block, 1), draw(errorSeed, own, purpose, block, 2)))
  const hasOtherLimits = otherLimits?.has(policy.id) === true
  const errors =
    errorSeed === null ? null : { guess: wrong(PURPOSE.limit, 0), others: draw(errorSeed, own, PURPOSE.others) }
  const keeper = keeperOf(policy, fit, startsAt, errors, hasOtherLimits)
  const caches = { '5m': makeCache('5m'), '1h': makeCache('1h') }
  const hasCache = fit?.hasCache ?? true

  const lifetimeOf = ({ size }: Sized): CacheLifetime => (size.isLongLived ? '1h' : '5m')
  const warm = (sized: Sized, at: number): number => (hasCache ? caches[lifetimeOf(sized)].warm(shape(sized), at) : 0)
  const counted = (sized: Sized, at: number): number =>
    policy.limits?.countsCachedInput === true
      ? sized.size.promptTokens
      : Math.max(1, sized.size.promptTokens - warm(sized, at))

  const usageAt = (sized: Sized, at: number, observed?: Usage): Usage => {
    const cached = warm(sized, at)
    if (observed !== undefined && Math.abs(observed.cacheReadTokens - cached) <= SAME_CACHE * sized.size.promptTokens)
      return observed
    const { promptTokens, outputTokens } = sized.size
    const billed = hasCache
      ? usageOf(shape(sized), cached, outputTokens, lifetimeOf(sized))
      : { inputTokens: promptTokens, outputTokens, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 }
    return observed === undefined ? billed : { ...observed, ...billed, outputTokens: observed.outputTokens }
  }

  const letIn: number[] = []
  const isAsBusy = (at: number, then: number): boolean =>
    inMinuteBefore(letIn, at) >= inMinuteBefore(fit?.letInAt ?? [], then)

  const observedExchange = (asked: Asked<Sized>, seen: LoggedAttempt): Exchange | undefined => {
    const { at, call } = asked
    const took = seen.endedAt - seen.startedAt
    const limits = hasOtherLimits
      ? readings(policy, fit, keeper, at)
      : seen.limits.map((one) =>
          one.resetAt === undefined ? one : { ...one, resetAt: one.resetAt + at - seen.startedAt },
        )
    if (seen.reason === null) {
      const usage = usageAt(call, at, seen.usage ?? undefined)
      const fresh = usage.cacheReadTokens - (seen.usage?.cacheReadTokens ?? 0)
      const ttft = Math.max(1, (seen.ttftMs ?? took) - (fit?.msPerFreshToken ?? 0) * fresh)
      return { ...answered(at, ttft, Math.max(0, took - (seen.ttftMs ?? took)), usage), limits }
    }
    // The person left before its end, so its end is later; whether the prompt was billed, is known.
    if (seen.reason._tag === 'Cancelled')
      return { ...answered(at, (seen.usage === null ? 2 : 1) * took + 1, took, usageAt(call, at)), limits }
    if (seen.reason._tag === 'FeatureRefused' && asked.without.length > 0) return undefined
    const reason =
      seen.reason._tag === 'RateLimited' && seen.reason.until !== undefined
        ? { ...seen.reason, until: seen.reason.until + at - seen.startedAt }
        : seen.reason
    return { ...failed(at, reason, took, seen.usage ?? undefined), limits }
  }

  const modelled = fittedAnswers({
    ...{ own, fit, seed, wrong, warm, usageAt },
    refusal: (sized, at) => keeper.refusal(counted(sized, at), at),
  })

  return {
    open: (asked) => {
      const { call, at } = asked
      const isRefused = hasOtherLimits && keeper.refusal(counted(call, at), at) !== undefined
      const isHere = isSame(asked, hasOtherLimits ? () => false : isAsBusy)
      const seen =
        usesObserved && !isRefused
          ? nearestTo(at, call.call.requests.flatMap(({ attempts }) => attempts).filter(isHere))
          : undefined
      const observed = seen === undefined ? undefined : observedExchange(asked, seen)
      const exchange = observed ?? { ...modelled(asked), limits: readings(policy, fit, keeper, at) }
      if (wasLetIn(exchange)) {
        keeper.enter(counted(call, at), at)
        letIn.push(at)
      }
      return { exchange, isModelled: observed === undefined }
    },
    close: ({ call, at: startedAt }, exchange, at) => {
      if (!wasLetIn(exchange)) return
      keeper.leave(billedAt(exchange, at)?.outputTokens ?? 0, at)
      if (at >= exchange.firstContentAt) caches[lifetimeOf(call)].keep(shape(call), startedAt)
    },
  }
}

/** Reads of the cache that differ by less than this share of the prompt are the same. */
const SAME_CACHE = 0.02

/** A limit's refusal depends on what else was sent: it holds where the provider is at least as busy as it was then. */
const isSame =
  ({ provider, at }: Asked<Sized>, isAsBusy: (at: number, then: number) => boolean) =>
  ({ provider: its, reason, startedAt }: LoggedAttempt): boolean =>
    its === provider &&
    Math.abs(startedAt - at) < SAME_MOMENT_MS &&
    (reason?._tag !== 'RateLimited' || isAsBusy(at, startedAt))

/** A client that retries asks the same provider again and again. */
const nearestTo = (at: number, attempts: readonly LoggedAttempt[]): LoggedAttempt | undefined =>
  attempts.toSorted((a, b) => Math.abs(a.startedAt - at) - Math.abs(b.startedAt - at))[0]

/** Of ascending times. */
const inMinuteBefore = (times: readonly number[], at: number): number => {
  const end = lowerBound(times, at)
  return end - lowerBound(times, at - 60_000)
}

const lowerBound = (times: readonly number[], at: number): number => {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low
}

/** A call that is asked later than this meets another provider. */
const SAME_MOMENT_MS = 60_000

const shape = ({ call, size }: Sized): Call => {
  const { admitted } = call.requests[0]
  return {
    key: call.key,
    session: call.conversation,
    agent: null,
    bodyBytes: admitted.bodyBytes,
    messages: admitted.messages,
    tools: admitted.tools,
    ...size,
  }
}

/** Whom nobody asked is taken for the one that was asked most: a guess, and flagged as one. */
const poolOf = (fits: ReadonlyMap<ProviderId, ProviderFit>): ProviderFit | undefined => {
  const most = [...fits.values()].toSorted((a, b) => b.observed - a.observed)[0]
  return most === undefined ? undefined : { ...most, refuses: [], toldLimits: {}, hasCache: true }
}
