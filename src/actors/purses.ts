/**
 * What an instance has in hand of hard budgets that it shares: one purse for each pool that it was granted money of. An attempt holds
 * some of it, what it did not cost goes back into the purse, and what nobody needs goes back to the store.
 */
import { Effect, Fiber } from 'effect'
import type { AskStore } from '#actors/ask-store.ts'
import type { Cluster, MoneyPool } from '#actors/cluster.ts'
import type { Refused } from '#actors/permits.ts'
import { poolKey } from '#actors/pool-key.ts'
import type { Standing } from '#domain/projections/budgets.ts'

export interface PursesOptions {
  readonly cluster: Cluster['Service']
  readonly holder: string
  readonly store: AskStore
  /** Epoch ms. */
  readonly now: () => number
  /** What hard budgets do while the store is away. */
  readonly whileAway: 'granted' | 'deny'
}

/** Money that is held for one attempt. `spentNano`: what it cost in the end. To be let go once. */
export type LetGo = (spentNano: number) => void

export interface Purses {
  /** Holds billionths of a US dollar for an attempt, out of the purse or by another grant. */
  readonly hold: (standing: Standing, nano: number) => Effect.Effect<LetGo | Refused>
  readonly returnIdle: Effect.Effect<void>
}

/** Others hold money that they will give back: when to look again. */
const HELD_BY_OTHERS_MS = 5_000

interface Purse {
  /** Granted and not yet spent or held back; below zero after an attempt that cost more than expected. */
  balance: number
  /** Attempts that hold some of it, and questions for more that are under way. */
  open: number
  /** The end of its period, epoch ms. */
  readonly until: number
}

export const makePurses = ({ cluster, holder, store, now, whileAway }: PursesOptions): Purses => {
  const purses = new Map<string, Purse>()

  const purseOf = (key: string, until: number): Purse => {
    const known = purses.get(key)
    if (known !== undefined) return known
    const purse: Purse = { balance: 0, open: 0, until }
    purses.set(key, purse)
    return purse
  }

  /** Undefined: the store is away. A grant whose answer comes too late is in the purse then, for the next. */
  const grant = Effect.fnUntraced(function* (
    purse: Purse,
    pool: MoneyPool,
    nano: number,
  ): Effect.fn.Return<number | undefined> {
    let granted: number | undefined
    let isAwaited = true
    const call = Effect.suspend(() => {
      purse.open += 1
      return cluster.grant(pool, holder, nano)
    }).pipe(
      Effect.tap((given) =>
        Effect.sync(() => {
          if (isAwaited) granted = given
          else purse.balance += given
        }),
      ),
      Effect.ensuring(
        Effect.sync(() => {
          purse.open -= 1
        }),
      ),
    )
    yield* store.ask(Effect.flatMap(Effect.forkDetach(call), Fiber.join))
    isAwaited = false
    return granted
  })

  const hold: Purses['hold'] = Effect.fnUntraced(function* (standing, nano) {
    const { period } = standing
    if (whileAway === 'deny' && now() < store.awayUntil()) return { reason: 'overBudget', until: store.awayUntil() }
    const pool = poolOf(standing)
    const purse = purseOf(pool.key, period.end)
    // Taken at once, with what was spent too much before: another may ask for its own while this one waits.
    const own = Math.min(purse.balance, nano)
    purse.balance -= own
    purse.open += 1
    const granted = own === nano ? 0 : yield* grant(purse, pool, nano - own)
    if (own + (granted ?? 0) >= nano) {
      return (spentNano: number): void => {
        purse.balance += nano - spentNano
        purse.open -= 1
      }
    }
    purse.balance += own + (granted ?? 0)
    purse.open -= 1
    if (granted === undefined && whileAway === 'deny') return { reason: 'overBudget', until: store.awayUntil() }
    const isHeld = granted === undefined || standing.leftNanoUsd >= nano
    return { reason: 'overBudget', until: isHeld ? Math.min(period.end, now() + HELD_BY_OTHERS_MS) : period.end }
  })

  const returnIdle = Effect.gen(function* () {
    const isIdle = purses.values().some(({ balance }) => balance > 0)
    // Whether a store that does not answer has taken money back cannot be known. So it is asked for nothing first; what is in
    // hand while it is away pays what goes on meanwhile.
    if (isIdle && (yield* store.ask(cluster.take([]))) === undefined) return
    for (const [key, purse] of purses) {
      if (purse.balance > 0) {
        if (now() < store.awayUntil()) return
        const { balance } = purse
        // Counted as returned whatever the store says: a budget is never overspent by it.
        purse.balance = 0
        yield* store.ask(cluster.giveBack(key, holder, balance))
      }
      // The next grant of its period pays a debt. After that nobody does.
      const isOver = purse.balance <= 0 && now() >= purse.until
      if (purse.open === 0 && (purse.balance === 0 || isOver)) purses.delete(key)
    }
  })

  return { hold, returnIdle }
}

const poolOf = ({ budget, subject, period, spentNanoUsd, reservedNanoUsd }: Standing): MoneyPool => ({
  key: poolKey(budget.name, subject, period.start),
  limitNano: budget.limitNanoUsd,
  spentNano: spentNanoUsd + reservedNanoUsd,
})
