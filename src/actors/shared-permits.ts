/**
 * Permits of an instance that shares providers with others, from the store that all of them ask (the Cluster port). Money comes in
 * grants: what the instances hold together is never more than the budget, so a budget is overspent only by what single
 * attempts cost more than the most that was expected of them.
 *
 * While the store is away nobody can know what the others do. Then a configured limit is kept by this instance's share of it, a
 * circuit is probed only where nobody else is left to ask, and hard budgets pay what this instance was granted before, or nothing,
 * as the operator wants it.
 */
import { Effect, Result } from 'effect'
import { makeAskStore } from '#actors/ask-store.ts'
import type { Cluster, SharedRate } from '#actors/cluster.ts'
import type { Permit, PermitQuestion, Permits, Refused } from '#actors/permits.ts'
import { type LetGo, makePurses } from '#actors/purses.ts'
import { arrivalAfter, spanOf } from '#domain/gcra.ts'
import type { LimitPolicy, ProviderPolicy } from '#domain/policy.ts'
import type { Standing } from '#domain/projections/budgets.ts'

export interface SharedPermitsOptions {
  readonly cluster: Cluster['Service']
  /** The writer id. */
  readonly holder: string
  /** Instances that are there, this one included; at least 1. */
  readonly instances: () => number
  /** What hard budgets do while the store is away. */
  readonly whileAway: 'granted' | 'deny'
}

export interface SharedPermits extends Permits {
  /** Gives back what is granted and not needed now; to be called every few seconds, and at the end. */
  readonly returnIdle: Effect.Effect<void>
}

/** Another holds a probe that will end: when to look again. */
const HELD_BY_OTHERS_MS = 5_000
const DAY_MINUTES = 1_440

export const makeSharedPermits = (options: SharedPermitsOptions): Effect.Effect<SharedPermits> =>
  Effect.gen(function* () {
    const { cluster, holder, whileAway } = options
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const context = yield* Effect.context<never>()
    /** Theoretical arrival times of this instance's own share of each limit, for when the store is away. */
    const ownArrivals = new Map<string, number>()
    /** Providers that a request of this instance probes, or is about to. */
    const probing = new Set<string>()
    const store = makeAskStore(now)
    const { ask: asked } = store
    const { hold, returnIdle } = makePurses({ cluster, holder, store, now, whileAway })

    const ownShare = (rates: readonly SharedRate[]): Refused | undefined => {
      const share = 1 / Math.max(1, options.instances())
      const nowUs = now() * 1_000
      const after = rates.map((rate) => {
        const own = { ...rate, perMinute: rate.perMinute * share, burst: Math.max(rate.cost, rate.burst * share) }
        return { key: rate.key, ...arrivalAfter(ownArrivals.get(rate.key) ?? 0, spanOf(own), nowUs) }
      })
      const waitUs = Math.max(0, ...after.map((one) => one.waitUs))
      if (waitUs > 0) return limitReached(now() + Math.ceil(waitUs / 1_000))
      for (const { key, arrivalUs } of after) ownArrivals.set(key, arrivalUs)
      return undefined
    }

    const chargeLimits = Effect.fnUntraced(function* (question: PermitQuestion): Effect.fn.Return<Refused | undefined> {
      const rates = ratesOf(question)
      if (rates.length === 0) return undefined
      const taken = yield* asked(cluster.take(rates))
      if (taken === undefined) return ownShare(rates)
      return taken._tag === 'Taken' ? undefined : limitReached(now() + taken.retryAfterMs)
    })

    /** `isUnleased`: as one that nobody has lent. */
    const takeProbe = Effect.fnUntraced(function* ({
      provider,
      isLastHope,
    }: PermitQuestion): Effect.fn.Return<Refused | { readonly isUnleased: boolean }> {
      const refused: Refused = { reason: 'probeInFlight', until: now() + HELD_BY_OTHERS_MS }
      // The lease is the instance's: another request of it would be given it too, and would give it back too early.
      if (probing.has(provider.id)) return refused
      probing.add(provider.id)
      const lease = yield* asked(
        Effect.map(cluster.lease(probeOf(provider), holder, provider.breaker.probeLeaseMs), (held) => ({ held })),
      )
      if (lease?.held !== undefined) return { isUnleased: false }
      if (lease === undefined && isLastHope) return { isUnleased: true }
      probing.delete(provider.id)
      return refused
    })

    const endProbe = (provider: ProviderPolicy): void => {
      const release = asked(cluster.release(probeOf(provider), holder))
      // Until the store has heard it, the next would be given what this one gives back.
      Effect.runForkWith(context)(
        Effect.ensuring(
          release,
          Effect.sync(() => probing.delete(provider.id)),
        ),
      )
    }

    const ask = Effect.fnUntraced(function* (question: PermitQuestion) {
      const { provider, isProbe, reservedNanoUsd, standings } = question
      const nano = reservedNanoUsd ?? 0
      const held: LetGo[] = []
      const settle = (chargedNanoUsd: number | undefined): void => {
        for (const letGo of held.splice(0)) letGo(chargedNanoUsd ?? 0)
        if (isProbe) endProbe(provider)
      }
      const probe = isProbe ? yield* takeProbe(question) : { isUnleased: false }
      if ('reason' in probe) return Result.fail(probe)
      for (const standing of reservedNanoUsd === undefined ? [] : standings.filter(paysOnlyWhatItHas)) {
        const money = yield* hold(standing, nano)
        if (typeof money !== 'function') {
          settle(0)
          return Result.fail(money)
        }
        held.push(money)
      }
      const full = yield* chargeLimits(question)
      if (full !== undefined) {
        settle(0)
        return Result.fail(full)
      }
      return Result.succeed<Permit>({ settle, ...(probe.isUnleased ? { isUnleased: true } : {}) })
    })

    return { ask, returnIdle }
  })

/** A budget that steps down to something cheaper goes on when it is spent. */
const paysOnlyWhatItHas = ({ budget: { hard } }: Standing): boolean =>
  hard !== undefined && hard.strategy === undefined && hard.model === undefined

const probeOf = (provider: ProviderPolicy): string => `probe ${provider.id}`

const limitReached = (until: number): Refused => ({ reason: 'limitReached', until })

/** The limits that the operator named, as rates. A window that turns is held to the same average, and to its size at once. */
const ratesOf = ({ provider, inputTokens, outputTokens }: PermitQuestion): readonly SharedRate[] => {
  const { limits } = provider
  if (limits === undefined) return []
  const named: readonly (readonly [keyof LimitPolicy, number, number])[] = [
    ['requestsPerMinute', 1, 1],
    ['requestsPerDay', 1, DAY_MINUTES],
    ['inputTokensPerMinute', inputTokens, 1],
    ['outputTokensPerMinute', outputTokens, 1],
    ['tokensPerMinute', inputTokens + outputTokens, 1],
  ]
  return named.flatMap(([name, cost, minutes]): readonly SharedRate[] => {
    const size = limits[name]
    if (typeof size !== 'number' || size <= 0) return []
    return [{ key: `${provider.id} ${name}`, perMinute: size / minutes, burst: size, cost: Math.min(cost, size) }]
  })
}
