/** The part of the cluster contract about limits that instances share. */
import { expect } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import type { SharedRate } from '#actors/cluster.ts'
import {
  always,
  freshName,
  INSTANCES,
  instanceOf,
  MINUTE_MS,
  SharedStore,
  type StoreTests,
} from '#test/shared-store.ts'

export const rateContract = (it: StoreTests): void => {
  it.effect('lets the burst through at once, then as much as the rate earns, and says when', () =>
    Effect.gen(function* () {
      const { instances, pass } = yield* SharedStore
      const rate = slowRate(freshName('rate'), { burst: 3 })
      const take = instances[0]!.take([rate])
      expect(yield* Effect.all([take, take, take])).toEqual([TAKEN, TAKEN, TAKEN])
      const full = yield* instances[1]!.take([rate])
      expect(full).toMatchObject({ _tag: 'Full', key: rate.key })
      if (full._tag !== 'Full') return
      expect(full.retryAfterMs).toBeGreaterThan(MINUTE_MS / 2)
      expect(full.retryAfterMs).toBeLessThanOrEqual(MINUTE_MS)
      yield* pass(full.retryAfterMs)
      expect(yield* take).toEqual(TAKEN)
      expect(yield* take).toMatchObject({ _tag: 'Full' })
    }),
  )

  it.effect('takes nothing of nothing', () =>
    Effect.gen(function* () {
      const { instances } = yield* SharedStore
      expect(yield* instances[0]!.take([])).toEqual(TAKEN)
    }),
  )

  it.effect('admits over any schedule of clients what is earned and saved up, not more and not less', () =>
    Effect.gen(function* () {
      const { instances, pass } = yield* SharedStore
      const schedules = fc.record({
        burst: fc.integer({ min: 1, max: 20 }),
        rounds: fc.array(
          fc.record({ minutes: fc.nat(12), calls: fc.array(fc.nat(INSTANCES - 1), { minLength: 1, maxLength: 30 }) }),
          { minLength: 1, maxLength: 5 },
        ),
      })
      yield* always(schedules, 15, ({ burst, rounds }) =>
        Effect.gen(function* () {
          const rate = slowRate(freshName('rate'), { burst })
          let saved = burst
          for (const { minutes, calls } of rounds) {
            yield* pass(minutes * MINUTE_MS)
            saved = Math.min(burst, saved + minutes)
            const answers = yield* Effect.forEach(calls, (n) => instanceOf(instances, n).take([rate]), {
              concurrency: 'unbounded',
            })
            const admitted = answers.filter(({ _tag }) => _tag === 'Taken').length
            expect(admitted).toBe(Math.min(saved, calls.length))
            saved -= admitted
          }
        }),
      )
    }),
  )

  it.effect('admits what a fast rate earns while eight clients ask as often as they can', () =>
    Effect.gen(function* () {
      const { instances, pass, nowMs } = yield* SharedStore
      const rate: SharedRate = { key: freshName('rate'), perMinute: 6_000_000, burst: 1_000, cost: 700 }
      let admitted = 0
      const from = yield* nowMs
      const client = Effect.fnUntraced(function* (n: number) {
        for (let call = 0; call < 40; call++) {
          if ((yield* instanceOf(instances, n).take([rate]))._tag === 'Taken') admitted += rate.cost
          if (n > 0 || call % 8 !== 0) continue
          yield* pass(3)
        }
      })
      const clients = Array.from({ length: INSTANCES }, (_, n) => client(n))
      yield* Effect.all(clients, { concurrency: 'unbounded' })
      const mostMs = (yield* nowMs) - from
      expect(admitted).toBeGreaterThan(rate.cost)
      expect(admitted).toBeLessThanOrEqual((mostMs * rate.perMinute) / MINUTE_MS + rate.burst)
    }),
  )

  it.effect('charges all limits of a call or none, in whichever order the calls name them', () =>
    Effect.gen(function* () {
      const { instances } = yield* SharedStore
      const bursts = [5, 9, 14]
      const calls = fc.array(
        fc.record({
          n: fc.nat(INSTANCES - 1),
          costs: fc
            .shuffledSubarray([0, 1, 2], { minLength: 1 })
            .chain((limits) =>
              fc.tuple(...limits.map((limit) => fc.tuple(fc.constant(limit), fc.integer({ min: 1, max: 4 })))),
            ),
        }),
        { minLength: 1, maxLength: 30 },
      )
      yield* always(calls, 15, (drawn) =>
        Effect.gen(function* () {
          const name = freshName('rate')
          const rateOf = (limit: number, cost: number) => slowRate(`${name} ${limit}`, { burst: bursts[limit]!, cost })
          const left = [...bursts]
          yield* Effect.forEach(
            drawn,
            ({ n, costs }) =>
              Effect.map(instanceOf(instances, n).take(costs.map(([limit, cost]) => rateOf(limit, cost))), (taken) => {
                if (taken._tag === 'Full') {
                  expect(costs.map(([limit]) => rateOf(limit, 1).key)).toContain(taken.key)
                } else for (const [limit, cost] of costs) left[limit]! -= cost
              }),
            { concurrency: 'unbounded' },
          )
          for (const [limit, rest] of left.entries()) {
            expect(rest).toBeGreaterThanOrEqual(0)
            if (rest > 0) expect(yield* instances[0]!.take([rateOf(limit, rest)])).toEqual(TAKEN)
            expect(yield* instances[0]!.take([rateOf(limit, 1)])).toMatchObject({ _tag: 'Full' })
          }
        }),
      )
    }),
  )

  it.effect('names the limit that has room last', () =>
    Effect.gen(function* () {
      const { instances, pass } = yield* SharedStore
      const name = freshName('rate')
      const [quick, slow] = [slowRate(`${name} a`, {}), slowRate(`${name} b`, { burst: 10, cost: 10 })]
      const rates = [quick, slow, slowRate(`${name} c`, {})]
      expect(yield* instances[0]!.take(rates)).toEqual(TAKEN)
      const full = yield* instances[0]!.take(rates)
      expect(full).toMatchObject({ _tag: 'Full', key: slow.key })
      if (full._tag === 'Full') yield* pass(full.retryAfterMs)
      expect(yield* instances[0]!.take(rates)).toEqual(TAKEN)
    }),
  )
}

const TAKEN = { _tag: 'Taken' }

/** One a minute, so that the seconds of a real clock earn nothing. */
const slowRate = (key: string, rest: Partial<SharedRate>): SharedRate => ({
  ...{ key, perMinute: 1, burst: 1, cost: 1 },
  ...rest,
})
