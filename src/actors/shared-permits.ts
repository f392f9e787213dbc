/**
 * Permits of an instance that shares providers with others, from the store that all of them ask (the Cluster port). Money comes in
 * grants: what the instances hold together is never more than the budget, so a budget is overspent only by what single
 * attempts cost more than the most that was expected of them.
 *
 * While the store is away nobody can know what the others do. Then a configured limit is kept by this instance's share of it,
 * nothing is probed (the last resort of an outage of everybody is), and hard budgets pay what this instance was granted before,
 * or nothing, as the operator wants it.
 */
import { Effect, Option, Result } from 'effect'
import type { Cluster, MoneyPool, SharedRate } from '#actors/cluster.ts'
import type { Permit, PermitQuestion, Permits, Refused } from '#actors/permits.ts'
import { poolKey } from '#actors/pool-key.ts'
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

/** A request waits this long for the store, then goes on as if it were away; the store is not asked again for the time after it. */
const STORE_WAIT_MS = 500
const AWAY_MS = 1_000
/** Others hold money that they will give back, or a probe that will end: when to look again. */
const HELD_BY_OTHERS_MS = 5_000
const DAY_MINUTES = 1_440

/** What of a pool is in this instance's hand. Billionths of a US dollar. */
interface Purse {
  /** Granted and not yet spent or held back; below zero after an attempt that cost more than expected. */
  balance: number
  /** Attempts that hold some of it. */
  open: number
}

export const makeSharedPermits = (options: SharedPermitsOptions): Effect.Effect<SharedPermits> =>
  Effect.gen(function* () {
    const { cluster, holder } = options
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const context = yield* Effect.context<never>()
    const purses = new Map<string, Purse>()
    /** Theoretical arrival times of this instance's own share of each limit, for when the store is away. */
    const ownArrivals = new Map<string, number>()
    /** Providers that a request of this instance probes, or is about to. */
    const probing = new Set<string>()
    let awayUntil = 0

    /** Undefined: the store is away. */
    const asked = <A>(call: Effect.Effect<A, { readonly message: string }>): Effect.Effect<A | undefined> =>
      Effect.suspend(() =>
        now() < awayUntil
          ? Effect.undefined
          : call.pipe(
              Effect.timeoutOption(STORE_WAIT_MS),
              Effect.catch(() => Effect.succeedNone),
              Effect.map((answer) => {
                if (Option.isNone(answer)) awayUntil = now() + AWAY_MS
                return Option.getOrUndefined(answer)
              }),
            ),
      )

    const purseOf = (key: string): Purse => {
      const known = purses.get(key)
      if (known !== undefined) return known
      const purse: Purse = { balance: 0, open: 0 }
      purses.set(key, purse)
      return purse
    }

    /** Holds money back for an attempt; undefined: it is held. */
    const hold = Effect.fnUntraced(function* (standing: Standing, nano: number): Effect.fn.Return<Refused | undefined> {
      const pool = poolOf(standing)
      const purse = purseOf(pool.key)
      const away = now() < awayUntil
      if (away && options.whileAway === 'deny') return { reason: 'overBudget', until: awayUntil }
      if (purse.balance < nano) {
        const want = nano - purse.balance
        const granted = yield* asked(cluster.grant(pool, holder, want))
        purse.balance += granted ?? 0
        if (granted === undefined && options.whileAway === 'deny') return { reason: 'overBudget', until: awayUntil }
        if (purse.balance < nano) {
          const isHeld = granted === undefined || standing.leftNanoUsd >= nano
          const until = isHeld ? Math.min(standing.period.end, now() + HELD_BY_OTHERS_MS) : standing.period.end
          return { reason: 'overBudget', until }
        }
      }
      purse.balance -= nano
      purse.open += 1
      return undefined
    })

    const letGo = (key: string, heldNano: number, spentNano: number): void => {
      const purse = purseOf(key)
      purse.balance += heldNano - spentNano
      purse.open -= 1
    }

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

    const takeProbe = Effect.fnUntraced(function* (provider: ProviderPolicy): Effect.fn.Return<Refused | undefined> {
      const refused: Refused = { reason: 'probeInFlight', until: now() + HELD_BY_OTHERS_MS }
      // The lease is the instance's: another request of it would be given it too, and would give it back too early.
      if (probing.has(provider.id)) return refused
      probing.add(provider.id)
      const lease = yield* asked(
        Effect.map(cluster.lease(probeOf(provider), holder, provider.breaker.probeLeaseMs), (held) => ({ held })),
      )
      if (lease?.held !== undefined) return undefined
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
      const held: string[] = []
      const settle = (chargedNanoUsd: number | undefined): void => {
        for (const key of held.splice(0)) letGo(key, nano, chargedNanoUsd ?? 0)
        if (isProbe) endProbe(provider)
      }
      if (isProbe) {
        const refused = yield* takeProbe(provider)
        if (refused !== undefined) return Result.fail(refused)
      }
      for (const standing of reservedNanoUsd === undefined ? [] : standings.filter(paysOnlyWhatItHas)) {
        const refused = yield* hold(standing, nano)
        if (refused !== undefined) {
          settle(0)
          return Result.fail(refused)
        }
        held.push(poolOf(standing).key)
      }
      const full = yield* chargeLimits(question)
      if (full !== undefined) {
        settle(0)
        return Result.fail(full)
      }
      return Result.succeed<Permit>({ settle })
    })

    const returnIdle = Effect.gen(function* () {
      for (const [key, purse] of purses) {
        const { balance, open } = purse
        if (balance > 0) {
          purse.balance = 0
          if ((yield* asked(Effect.as(cluster.giveBack(key, holder, balance), true))) === undefined) {
            // It is not known whether the store has heard it: counted as returned, a budget is never overspent by it.
            continue
          }
        }
        if (open === 0 && purse.balance === 0) purses.delete(key)
      }
    })

    return { ask, returnIdle }
  })

/** A budget that steps down to something cheaper goes on when it is spent. */
const paysOnlyWhatItHas = ({ budget: { hard } }: Standing): boolean =>
  hard !== undefined && hard.strategy === undefined && hard.model === undefined

const poolOf = ({ budget, subject, period, spentNanoUsd, reservedNanoUsd }: Standing): MoneyPool => ({
  key: poolKey(budget.name, subject, period.start),
  limitNano: budget.limitNanoUsd,
  spentNano: spentNanoUsd + reservedNanoUsd,
})

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
