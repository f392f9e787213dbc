/** The part of the cluster contract about money that instances share. */
import { expect } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import type { MoneyPool } from '#actors/cluster.ts'
import { always, freshName, instanceOf, MINUTE_MS, SharedStore, type StoreTests } from '#test/shared-store.ts'

const DAY_MS = 24 * 60 * MINUTE_MS

export const moneyContract = (it: StoreTests): void => {
  it.effect('grants a thousand times at once to four holders, to the limit and not beyond', () =>
    Effect.gen(function* () {
      const { instances } = yield* SharedStore
      const pool = poolOf({ limitNano: 1_000_003, spentNano: 100_000 })
      const granted = yield* Effect.forEach(
        Array.from({ length: 1_000 }, (_, n) => n),
        (n) => instanceOf(instances, n % 4).grant(pool, `box ${n % 4}`, 1_700),
        { concurrency: 'unbounded' },
      )
      expect(sum(granted)).toBe(900_003)
      expect(new Set(granted)).toEqual(new Set([1_700, 900_003 % 1_700, 0]))
    }),
  )

  it.effect('takes of a holder that is gone what it did not spend, once', () =>
    Effect.gen(function* () {
      const { instances } = yield* SharedStore
      const [pool, other] = [poolOf({ limitNano: 1_000 }), poolOf({ limitNano: 1_000 })]
      const [gone, left] = [freshName('box'), freshName('box')]
      expect(yield* instances[0]!.grant(pool, gone, 800)).toBe(800)
      expect(yield* instances[0]!.grant(other, gone, 800)).toBe(800)
      expect(yield* instances[1]!.grant(pool, left, 150)).toBe(150)
      const spent = (key: string) => (key === pool.key ? 300 : 900)
      yield* Effect.all([instances[1]!.reclaim(gone, spent), instances[2]!.reclaim(gone, spent)], { concurrency: 2 })
      expect(yield* instances[1]!.grant(pool, left, 5_000)).toBe(1_000 - 300 - 150)
      yield* instances[1]!.reclaim(gone, spent)
      expect(yield* instances[1]!.grant(pool, left, 5_000)).toBe(0)
      // It spent more than it had been granted there, so nothing is left over, and the sum of the grants is what it was.
      expect(yield* instances[1]!.grant(other, left, 5_000)).toBe(200)
    }),
  )

  it.effect('answers every sequence of grants, returns and settlements as a sum on paper would', () =>
    Effect.gen(function* () {
      const { instances } = yield* SharedStore
      const amounts = fc.nat(500)
      const steps = fc.array(
        fc.oneof(
          fc.record({ _tag: fc.constant('Grant' as const), n: fc.nat(3), nano: amounts, limitNano: fc.nat(2_000) }),
          fc.record({ _tag: fc.constant('GiveBack' as const), n: fc.nat(3), nano: amounts }),
          fc.record({ _tag: fc.constant('Reclaim' as const), n: fc.nat(3), nano: amounts }),
        ),
        { maxLength: 25 },
      )
      yield* always(fc.tuple(amounts, steps), 20, ([spentNano, drawn]) =>
        Effect.gen(function* () {
          const { key } = poolOf({ limitNano: 0 })
          const grants = [0, 0, 0, 0]
          let isAsked = false
          let spentBefore = 0
          for (const step of drawn) {
            const [instance, holder] = [instanceOf(instances, step.n), `box ${step.n} of ${key}`]
            const had = grants[step.n]!
            if (step._tag === 'Grant') {
              // Only what the first of them says was spent counts: later it may be in the grants.
              if (!isAsked) spentBefore = spentNano
              const pool = { key, limitNano: step.limitNano, spentNano: isAsked ? 1_999 : spentNano }
              isAsked = true
              const given = Math.max(0, Math.min(step.nano, step.limitNano - spentBefore - sum(grants)))
              expect(yield* instance.grant(pool, holder, step.nano)).toBe(given)
              grants[step.n] = had + given
            } else if (step._tag === 'GiveBack') {
              yield* instance.giveBack(key, holder, step.nano)
              grants[step.n] = Math.max(0, had - step.nano)
            } else {
              yield* instance.reclaim(holder, (asked) => (asked === key ? step.nano : 0))
              grants[step.n] = Math.min(had, step.nano)
            }
          }
        }),
      )
    }),
  )

  it.effect('forgets a pool that nobody has asked for in forty days, and no other', () =>
    Effect.gen(function* () {
      const { instances, pass } = yield* SharedStore
      const [old, recent] = [poolOf({ limitNano: 100 }), poolOf({ limitNano: 100 })]
      yield* instances[0]!.grant(old, 'box', 60)
      yield* instances[0]!.grant(recent, 'box', 60)
      yield* pass(39 * DAY_MS)
      yield* instances[0]!.leave(freshName('box'))
      expect(yield* instances[0]!.grant(recent, 'box', 60)).toBe(40)
      yield* pass(2 * DAY_MS)
      yield* instances[0]!.leave(freshName('box'))
      expect(yield* instances[0]!.grant(recent, 'box', 60)).toBe(0)
      expect(yield* instances[0]!.grant({ ...old, spentNano: 30 }, 'box', 100)).toBe(70)
    }),
  )
}

const poolOf = (rest: Partial<MoneyPool>): MoneyPool => ({
  ...{ key: freshName('pool'), limitNano: 0, spentNano: 0 },
  ...rest,
})

const sum = (amounts: readonly number[]): number => amounts.reduce((total, nano) => total + nano, 0)
