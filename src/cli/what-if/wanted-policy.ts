/**
 * The other policy that a command line asks about: what is in force, with what it says changed.
 */
import { type ProviderId, providerId } from '#domain/ids.ts'
import { isMisfit, override } from '#domain/overrides.ts'
import type { LimitPolicy, Policy, ProviderPolicy } from '#domain/policy.ts'
import { scaledPrice } from '#domain/pricing.ts'
import type { Assumption } from '#domain/what-if/assumed-fit.ts'
import type { Weights } from '#domain/what-if/simplex.ts'
import { durationMs } from '#infra/config/quantities.ts'
import { resolveBreaker, resolveTimeouts } from '#infra/config/resolve-provider.ts'
import { readWish } from './read-wish.ts'
import type { OtherProvider, WishFile } from './wish-schema.ts'

export interface Wish {
  /** `strategy=cost`, `providers.green.limits.requestsPerMinute=50`, `other.yaml`. */
  readonly whatIf: readonly string[]
  /** `headroom=0.2,cost=0.8`; what is not named is 0. */
  readonly weights: string | undefined
  readonly limitThreshold: number | undefined
  readonly maxFallbacks: number | undefined
  readonly without: readonly string[]
}

export interface Wanted {
  readonly policy: Policy
  /** Of the providers that it adds. */
  readonly added: readonly Assumption[]
  /** Providers that enforce other limits than they did. */
  readonly otherLimits: ReadonlySet<ProviderId>
}

export const isWish = (wish: Wish): boolean =>
  wish.whatIf.length > 0 ||
  wish.weights !== undefined ||
  wish.limitThreshold !== undefined ||
  wish.maxFallbacks !== undefined ||
  wish.without.length > 0

/** @throws Error with a message for the user */
export const wantedPolicy = (policy: Policy, wish: Wish): Wanted => {
  const said = readWish(wish.whatIf)
  for (const name of wish.without) mustBe(policy, name)
  const changed = Object.entries(said.providers ?? {}).map(([name, other]) => providerOf(policy, name, other))
  const byId = new Map(changed.map((one) => [one.provider.id, one.provider]))
  const isKnown = new Set(policy.providers.map(({ id }) => id))
  const providers = [
    ...policy.providers.map((one) => byId.get(one.id) ?? one),
    ...changed.flatMap(({ provider }) => (isKnown.has(provider.id) ? [] : [provider])),
  ].map((one) => (wish.without.includes(one.id) ? { ...one, enabled: false } : one))
  return {
    policy: withFlags(withRouting({ ...policy, providers }, said), wish),
    added: changed.flatMap(({ assumption }) => assumption ?? []),
    otherLimits: new Set(changed.flatMap(({ provider, hasOtherLimits }) => (hasOtherLimits ? [provider.id] : []))),
  }
}

const mustBe = ({ providers }: Policy, name: string): ProviderPolicy => {
  const found = providers.find(({ id }) => id === name)
  if (found === undefined) throw new Error(`No provider is named ${name}: ${providers.map(({ id }) => id).join(', ')}`)
  return found
}

interface Changed {
  readonly provider: ProviderPolicy
  readonly assumption?: Assumption
  readonly hasOtherLimits: boolean
}

const providerOf = (policy: Policy, name: string, other: OtherProvider): Changed => {
  const { like, ttft, perToken, failures, cache } = other
  const isAdded = !policy.providers.some(({ id }) => id === name)
  if (isAdded && like === undefined)
    throw new Error(`No provider is named ${name}. To add one, say which one it is like: providers.${name}.like=NAME`)
  const assumed = { like, ttft, perToken, failures, cache }
  const needless = Object.entries(assumed).find(([, value]) => value !== undefined)
  if (!isAdded && needless !== undefined)
    throw new Error(`providers.${name}.${needless[0]}: the log tells it of ${name}; only what is added is assumed.`)
  const base = mustBe(policy, like ?? name)
  return {
    provider: withSaid({ ...base, id: providerId(name) }, other),
    hasOtherLimits: !isAdded && other.limits !== undefined,
    ...(isAdded
      ? {
          assumption: {
            id: providerId(name),
            like: base.id,
            ...(ttft === undefined ? {} : { ttftMs: durationMs(ttft) }),
            ...(perToken === undefined ? {} : { msPerToken: durationMs(perToken) }),
            ...(failures === undefined ? {} : { failureShare: failures }),
            ...(cache === undefined ? {} : { hasCache: cache }),
            priceFactor: other.price ?? 1,
          },
        }
      : {}),
  }
}

const withSaid = (base: ProviderPolicy, other: OtherProvider): ProviderPolicy => {
  const { maxInputTokens, ...limits } = other.limits ?? {}
  const { enabled = base.enabled, priority = base.priority, price = 1 } = other
  const merged: LimitPolicy = { ...base.limits, ...limits }
  const prices = Object.entries(base.prices ?? {}).map(
    ([model, listed]) => [model, scaledPrice(listed, price)] as const,
  )
  return {
    ...base,
    ...{ enabled, priority },
    ...(maxInputTokens === undefined ? {} : { maxInputTokens }),
    ...(Object.keys(merged).length === 0 ? {} : { limits: merged }),
    ...(prices.length === 0 || price === 1 ? {} : { prices: Object.fromEntries(prices) }),
    breaker: resolveBreaker(other.breaker ?? {}, base.breaker),
    timeouts: resolveTimeouts(other.timeouts ?? {}, base.timeouts),
  }
}

const DURATIONS: ReadonlySet<string> = new Set(['fallbackDelay', 'queue', 'deadline'])

/** By the rules of changes to a running box, which know every setting of the routing. */
const withRouting = (policy: Policy, { routing = {}, retryBudget }: WishFile): Policy => {
  const { weights = {}, ...settings } = routing
  const paths = [
    ...Object.entries(settings).map(
      ([name, value]) => [name, DURATIONS.has(name) ? durationMs(value) : value] as const,
    ),
    ...Object.entries(weights).map(([name, value]) => [`weights.${name}`, value] as const),
  ]
  const routed = paths.reduce((so, [name, value]) => {
    const next = override(so, `routing.${name}`, value)
    if (isMisfit(next)) throw new Error(next.message)
    return next
  }, policy)
  return { ...routed, retryBudget: { ...routed.retryBudget, ...retryBudget } }
}

const withFlags = (policy: Policy, { weights, limitThreshold, maxFallbacks }: Wish): Policy => {
  if (limitThreshold !== undefined && !(limitThreshold >= 0 && limitThreshold <= 1))
    throw new Error('--limit-threshold is a share, from 0 to 1.')
  if (maxFallbacks !== undefined && maxFallbacks < 0) throw new Error('--max-fallbacks is at least 0.')
  return {
    ...policy,
    routing: {
      ...policy.routing,
      ...(weights === undefined ? {} : { strategy: 'intelligent' as const, weights: parseWeights(weights) }),
      ...(limitThreshold === undefined ? {} : { limitThreshold }),
      ...(maxFallbacks === undefined ? {} : { maxFallbacks }),
    },
  }
}

const NAMES = ['headroom', 'performance', 'cost', 'reliability'] as const

export const parseWeights = (text: string): Weights => {
  const weights = { headroom: 0, performance: 0, cost: 0, reliability: 0 }
  for (const part of text.split(',')) {
    const [key = '', value = ''] = part.split('=').map((one) => one.trim())
    const name = NAMES.find((one) => one === key)
    const weight = Number(value)
    if (name === undefined || value === '' || !(weight >= 0) || !Number.isFinite(weight))
      throw new Error(
        `"${part}" is not a weight. Use for example headroom=0.2,performance=0.1,cost=0.6,reliability=0.1.`,
      )
    weights[name] = weight
  }
  return weights
}
