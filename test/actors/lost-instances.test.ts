/**
 * Instances that fall silent, whatever happens while they are closed and afterwards.
 */
import { assert, describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { LOST_MS } from '#actors/membership.ts'
import { closeBox } from '#actors/open-box.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { answers } from '#test/box.ts'
import { openInstances } from '#test/instances.ts'

const DAY_MS = 86_400_000
const slow = { scripts: { a: () => answers.stream('slow', { firstMs: 600_000 }) } }

const lost = (events: readonly RecordedEvent[]) =>
  events.flatMap(({ event }) => (event._tag === 'InstanceLost' ? [event.instance] : []))
const abandoned = (events: readonly RecordedEvent[]) =>
  events.flatMap(({ event }) => (event._tag === 'RequestAbandoned' ? [event.requestId as string] : []))

describe('an instance that is lost', () => {
  it.effect('is closed, and so is the next, when the answer to the closing does not arrive', () =>
    Effect.gen(function* () {
      const all = yield* openInstances(slow)
      const lives = yield* Effect.forEach(['one', 'two', 'three'], all.start)
      for (const life of lives) yield* life.send()
      yield* TestClock.adjust(2_000)
      let losses = 0
      all.store.losesAnswer = (events) => events[0]?.event._tag === 'InstanceLost' && losses++ === 0
      yield* lives[1]!.kill
      yield* TestClock.adjust(2 * LOST_MS)
      yield* lives[2]!.kill
      yield* TestClock.adjust(2 * LOST_MS)
      const events = yield* all.events
      expect(losses).toBeGreaterThan(0)
      assert.deepStrictEqual(lost(events), ['two', 'three'])
      assert.deepStrictEqual(abandoned(events), ['req_0002', 'req_0003'])
      assert.isUndefined((yield* all.replayed).difference)
    }),
  )

  it.effect('is closed anew when what waited on its disk comes to the log after it had been closed', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({ ...slow, spool: true })
      const [one, two] = [yield* all.start('one'), yield* all.start('two')]
      yield* two.send()
      yield* TestClock.adjust(2_000)
      all.store.away = true
      yield* two.send()
      yield* TestClock.adjust(2_000)
      yield* two.kill
      const leftover = [...(two.spool?.kept ?? [])]
      all.store.away = false
      yield* TestClock.adjust(3 * LOST_MS)
      assert.deepStrictEqual(abandoned(yield* all.events), ['req_0001'])
      // Its machine starts again at last, and its folder is brought to the log.
      yield* all.log.append(leftover)
      yield* TestClock.adjust(LOST_MS)
      const events = yield* all.events
      assert.deepStrictEqual(abandoned(events), ['req_0001', 'req_0002'])
      assert.deepStrictEqual(lost(events), ['two', 'two'])
      assert.strictEqual(one.ledger.state.projections.requests.inFlight.size, 0)
      yield* TestClock.adjust(3 * LOST_MS)
      assert.lengthOf(lost(yield* all.events), 2)
    }),
  )

  it.effect('and was only cut off goes on, and is closed once more when it is lost in earnest', () =>
    Effect.gen(function* () {
      let firstMs = 45_000
      const all = yield* openInstances({ scripts: { a: () => answers.stream('slow', { firstMs }) }, spool: true })
      const [one, two] = [yield* all.start('one'), yield* all.start('two')]
      yield* TestClock.adjust(2_000)
      const { seen } = yield* two.send()
      yield* TestClock.adjust(1_000)
      all.store.cutOff.add('two')
      yield* TestClock.adjust(2 * LOST_MS)
      assert.deepStrictEqual(abandoned(yield* all.events), ['req_0001'])
      // Its client has not noticed.
      assert.isTrue(seen.ended)
      all.store.cutOff.delete('two')
      yield* TestClock.adjust(5_000)
      assert.strictEqual(one.membership?.present(), 2)
      assert.strictEqual(two.ledger.health().spooled, 0)
      firstMs = 600_000
      yield* two.send()
      yield* TestClock.adjust(2_000)
      yield* two.kill
      yield* TestClock.adjust(2 * LOST_MS)
      const events = yield* all.events
      assert.deepStrictEqual(abandoned(events), ['req_0001', 'req_0002'])
      assert.deepStrictEqual(lost(events), ['two', 'two'])
      assert.strictEqual(one.ledger.state.projections.requests.inFlight.size, 0)
      assert.isUndefined((yield* all.replayed).difference)
    }),
  )

  it.effect('is not said to be lost where it has stopped in good order, and what it has spent stays spent', () =>
    Effect.gen(function* () {
      const price = { input: 100, output: 1_000, cacheRead: 10, cacheWrite5m: 100, cacheWrite1h: 100 }
      const all = yield* openInstances({
        scripts: { a: () => answers.stream('yes') },
        policy: { budgets: [{ name: 'daily', period: 'day', limitNanoUsd: 200_000_000, hard: {} }] },
        provider: { prices: { '*': price } },
      })
      const [one, two] = [yield* all.start('one'), yield* all.start('two')]
      for (let n = 0; n < 5; n++) yield* two.send({ maxTokens: 10 })
      yield* TestClock.adjust(10_000)
      yield* two.run(closeBox('SIGTERM'))
      // Killed before it could take itself off the list.
      yield* two.kill
      yield* TestClock.adjust(3 * LOST_MS)
      const events = yield* all.events
      const spent = events.reduce(
        (sum, { event }) => sum + (event._tag === 'AttemptSucceeded' ? (event.costNanoUsd ?? 0) : 0),
        0,
      )
      expect(spent).toBeGreaterThan(0)
      const [pool] = all.cluster.pools.values()
      assert.strictEqual(pool?.grants.get('two'), spent)
      assert.deepStrictEqual(lost(events), [])
      assert.deepStrictEqual(
        one.membership?.instances().map(({ writer }) => writer),
        ['one'],
      )
    }),
  )

  it.effect('is closed when its start was the last that the log heard of it', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(2 * DAY_MS)
      const all = yield* openInstances(slow)
      yield* all.log.append([
        {
          event: { _tag: 'BoxStarted', instance: 'nobody', version: 'test', shared: true },
          ...{ stream: 'box', occurredAt: all.now() - DAY_MS + 60_000, writer: 'nobody', writerSeq: 1 },
        },
      ])
      const one = yield* all.start('one')
      yield* TestClock.adjust(50_000)
      assert.isTrue(one.ledger.state.projections.budgets.sharing.has('nobody'))
      yield* TestClock.adjust(30_000)
      assert.deepStrictEqual([...one.ledger.state.projections.budgets.sharing.keys()], ['one'])
      assert.deepStrictEqual(lost(yield* all.events), ['nobody'])
    }),
  )
})
