/**
 * Leave of the store that instances share, whatever the store does: it takes its time, answers too late, or is away.
 */
import { assert, describe, it } from '@effect/vitest'
import { Effect, Fiber, Result } from 'effect'
import { TestClock } from 'effect/testing'
import { Cluster } from '#actors/cluster.ts'
import type { PermitQuestion } from '#actors/permits.ts'
import { EventLogError } from '#actors/ports.ts'
import { makeSharedPermits } from '#actors/shared-permits.ts'
import type { Budget, ProviderPolicy } from '#domain/policy.ts'
import type { Standing } from '#domain/projections/budgets.ts'
import { layerMemory, makeClusterStore } from '#infra/cluster/memory.ts'
import { layerMemory as layerMemoryLog } from '#infra/event-log/memory.ts'
import { provider } from '#test/box.ts'

const DAY_MS = 86_400_000
const budget: Budget = { name: 'daily', period: 'day', limitNanoUsd: 1_000, hard: {} }

const standing = (limitNanoUsd = 1_000): Standing => ({
  budget: { ...budget, limitNanoUsd },
  subject: '',
  period: { start: 0, end: DAY_MS },
  spentNanoUsd: 0,
  reservedNanoUsd: 0,
  leftNanoUsd: limitNanoUsd,
})

const given = (options: { readonly whileAway?: 'granted' | 'deny' } = {}) =>
  Effect.gen(function* () {
    const control = { away: false, answerMs: 0 }
    const store = makeClusterStore()
    const near = yield* Effect.provide(Cluster, layerMemory(store)).pipe(Effect.provide(layerMemoryLog()))
    /** What the store has done is answered later, or never. */
    const distant = <A>(call: Effect.Effect<A, EventLogError>): Effect.Effect<A, EventLogError> =>
      Effect.suspend(() =>
        control.away
          ? Effect.fail(new EventLogError({ reason: { _tag: 'Unavailable', detail: 'away' } }))
          : Effect.tap(call, () => Effect.sleep(control.answerMs)),
      )
    const cluster = Cluster.of({
      ...near,
      lease: (...asked) => distant(near.lease(...asked)),
      release: (...asked) => distant(near.release(...asked)),
      take: (rates) => distant(near.take(rates)),
      grant: (...asked) => distant(near.grant(...asked)),
      giveBack: (...asked) => distant(near.giveBack(...asked)),
    })
    const permits = yield* makeSharedPermits({
      cluster,
      holder: 'one',
      instances: () => 2,
      whileAway: 'granted',
      ...options,
    })
    const ask = (question: Partial<PermitQuestion>) =>
      permits.ask({
        provider: provider('a'),
        isProbe: false,
        isLastHope: false,
        inputTokens: 1,
        outputTokens: 1,
        reservedNanoUsd: undefined,
        standings: [],
        ...question,
      })
    const pay = (reservedNanoUsd: number, limitNanoUsd?: number) =>
      ask({ reservedNanoUsd, standings: [standing(limitNanoUsd)] })
    const probe = (of: ProviderPolicy, isLastHope = false) => ask({ provider: of, isProbe: true, isLastHope })
    /** Of all pools, by the store. */
    const granted = () =>
      store.pools
        .values()
        .flatMap(({ grants }) => grants.values())
        .reduce((sum, nano) => sum + nano, 0)
    return { control, permits, pay, probe, granted, store }
  })

describe('money of a hard budget', () => {
  it.effect('is refused to nobody while there is enough for all who ask at once', () =>
    Effect.gen(function* () {
      const { control, pay } = yield* given()
      control.answerMs = 20
      const first = yield* Effect.forkScoped(pay(100))
      yield* TestClock.adjust(20)
      const permit = yield* Effect.fromResult(yield* Fiber.join(first))
      // What the first gives back is too little for two, who ask for the rest at the same time.
      permit.settle(50)
      const both = yield* Effect.forkScoped(Effect.all([pay(80), pay(80)], { concurrency: 2 }))
      yield* TestClock.adjust(20)
      assert.deepStrictEqual((yield* Fiber.join(both)).map(Result.isSuccess), [true, true])
    }),
  )

  it.effect('of an answer that came too late is there for the next, and goes back to the others', () =>
    Effect.gen(function* () {
      const { control, pay, permits, granted } = yield* given()
      control.answerMs = 600
      const late = yield* Effect.forkScoped(pay(700))
      yield* TestClock.adjust(600)
      assert.isTrue(Result.isFailure(yield* Fiber.join(late)))
      assert.strictEqual(granted(), 700)
      control.answerMs = 0
      yield* TestClock.adjust(2_000)
      yield* permits.returnIdle
      assert.strictEqual(granted(), 0)
    }),
  )

  it.effect('that came for a request which is refused all the same is not forgotten', () =>
    Effect.gen(function* () {
      const { control, pay, permits, granted, store } = yield* given()
      const first = yield* Effect.fromResult(yield* pay(100))
      first.settle(0)
      store.pools.values().forEach(({ grants }) => void grants.set('two', 300))
      control.answerMs = 20
      // Asked for while what was idle goes back.
      const returning = yield* Effect.forkScoped(permits.returnIdle)
      const asking = yield* Effect.forkScoped(pay(900))
      yield* TestClock.adjust(100)
      yield* Fiber.join(returning)
      assert.isTrue(Result.isFailure(yield* Fiber.join(asking)))
      control.answerMs = 0
      yield* permits.returnIdle
      assert.strictEqual(granted(), 300)
    }),
  )

  it.effect('that was granted before pays what goes on while the store is away, and comes back when it is there', () =>
    Effect.gen(function* () {
      const { control, pay, permits, granted } = yield* given()
      const before = yield* Effect.fromResult(yield* pay(400))
      before.settle(100)
      control.away = true
      for (let n = 0; n < 5; n++) {
        yield* permits.returnIdle
        yield* TestClock.adjust(2_000)
      }
      const meanwhile = yield* Effect.fromResult(yield* pay(200))
      assert.isTrue(Result.isFailure(yield* pay(200)))
      meanwhile.settle(150)
      control.away = false
      yield* TestClock.adjust(2_000)
      yield* permits.returnIdle
      assert.strictEqual(granted(), 250)
    }),
  )

  it.effect('is not paid while the store is away where the operator denies it', () =>
    Effect.gen(function* () {
      const { control, pay } = yield* given({ whileAway: 'deny' })
      const before = yield* Effect.fromResult(yield* pay(400))
      before.settle(100)
      control.away = true
      assert.isTrue(Result.isFailure(yield* pay(500)))
      assert.isTrue(Result.isFailure(yield* pay(10)))
    }),
  )
})

describe('the probe of a half-open circuit', () => {
  it.effect('is not made while the store is away, unless nobody else is left; then one at a time', () =>
    Effect.gen(function* () {
      const { control, probe } = yield* given()
      control.away = true
      assert.isTrue(Result.isFailure(yield* probe(provider('a'))))
      const alone = yield* Effect.fromResult(yield* probe(provider('a'), true))
      assert.strictEqual(alone.isUnleased, true)
      assert.isTrue(Result.isFailure(yield* probe(provider('a'), true)))
      alone.settle(undefined)
      yield* TestClock.adjust(10)
      assert.isTrue(Result.isSuccess(yield* probe(provider('a'), true)))
    }),
  )

  it.effect('is refused, last hope or not, while another instance holds the lease', () =>
    Effect.gen(function* () {
      const { probe, store } = yield* given()
      store.leases.set('probe a', { holder: 'two', token: 1, endsAt: DAY_MS })
      assert.isTrue(Result.isFailure(yield* probe(provider('a'), true)))
      const other = yield* Effect.fromResult(yield* probe(provider('b'), true))
      assert.isUndefined(other.isUnleased)
    }),
  )
})
