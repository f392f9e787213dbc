/**
 * A budget that is named anew and cannot learn at once what was spent before.
 */
import { assert, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import * as ledger from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { keepSeeded } from '#actors/seed-budgets.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { policyOf, provider } from '#test/box.ts'

const budgets = [{ name: 'daily', period: 'day' as const, limitNanoUsd: 1_000 }]

it.effect('learns it when the books can be read, of the one instance that looks after it', () => {
  let isAway = true
  let isMine = false
  const store = layerMemory({
    fail: (operation) => (isAway && operation === 'books' ? { _tag: 'Unavailable', detail: 'away' } : undefined),
  })
  return Effect.gen(function* () {
    const { record, state } = yield* Ledger
    const unseeded = () => state.projections.budgets.unseeded
    record({ _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('a')], { budgets }) }, 0)
    yield* Effect.forkScoped(keepSeeded(() => isMine))
    yield* TestClock.adjust('5 minutes')
    isAway = false
    yield* TestClock.adjust('5 minutes')
    assert.deepStrictEqual(unseeded(), ['daily'])
    isMine = true
    yield* TestClock.adjust('1 minute')
    assert.deepStrictEqual(unseeded(), [])
  }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(ledger.layer({ writer: 'one' }), store), { local: true }))
})
