/**
 * The clock of the machine is set while a box is at work: back by an hour, as when a wrong clock is put right after a start, or on.
 * Sleeps last as long as ever.
 */
import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { LOST_MS } from '#actors/membership.ts'
import { defaultBreaker, defaultTimeouts } from '#domain/policy.ts'
import { answers, known, openTestBox } from '#test/box.ts'
import { openInstances } from '#test/instances.ts'
import { HOUR, onSettableClock } from '#test/settable-clock.ts'

describe('a clock that is set back by an hour', () => {
  it.effect('holds no request up: a silent provider is left at its time limit, and the next one serves', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        const box = yield* openTestBox({ silent: () => answers.silent, second: () => answers.stream('served') })
        const sent = yield* box.send()
        yield* TestClock.adjust(1_000)
        set(-HOUR)
        yield* TestClock.adjust(Math.max(defaultTimeouts.headersMs, defaultTimeouts.firstContentMs) + 1_000)
        assert.isTrue(sent.seen.ended)
        assert.include(sent.seen.text, 'served')
      }),
    ),
  )

  it.effect('leaves no client without a sign of life', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        const timeouts = { ...defaultTimeouts, headersMs: 200_000, firstContentMs: 200_000 }
        const box = yield* openTestBox({ silent: () => answers.silent }, {}, { timeouts })
        const { seen, leave } = yield* box.send()
        yield* TestClock.adjust(16_000)
        assert.strictEqual(seen.heardAt.length, 2)
        set(-HOUR)
        yield* TestClock.adjust(30_500)
        assert.strictEqual(seen.heardAt.length, 5)
        yield* leave
      }),
    ),
  )

  it.effect('ends a request whose providers are silent at its deadline', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        const timeouts = { ...defaultTimeouts, headersMs: 500_000, firstContentMs: 500_000, idleMs: 500_000 }
        const box = yield* openTestBox({ silent: () => answers.silent }, {}, { timeouts })
        const { seen } = yield* box.send()
        yield* TestClock.adjust(1_000)
        set(-HOUR)
        yield* TestClock.adjust(240_000)
        assert.isTrue(seen.ended)
      }),
    ),
  )

  it.effect('makes no duration negative', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        const box = yield* openTestBox({ slow: () => answers.stream('slowly', { gapMs: 2_000 }) })
        const { done } = yield* box.send()
        yield* TestClock.adjust(1_000)
        set(-HOUR)
        yield* TestClock.adjust(2_000)
        yield* done
        const ended = known(yield* box.events).flatMap(({ event }) =>
          event._tag === 'AttemptSucceeded' ? [[event.ttftMs, event.durationMs]] : [],
        )
        assert.strictEqual(ended.length, 1)
        for (const ms of ended.flat()) {
          assert.isAtLeast(ms, 0)
          assert.isAtMost(ms, 2_500)
        }
      }),
    ),
  )

  it.effect('leaves no circuit open for an hour', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        let calls = 0
        const breaker = { ...defaultBreaker, consecutiveConnectFailures: 2, openBaseMs: 30_000 }
        const box = yield* openTestBox(
          { a: () => (calls++ < 2 ? answers.refused : answers.stream('again')) },
          {},
          { breaker },
        )
        for (let n = 0; n < 2; n++) yield* (yield* box.send()).done
        const state = () => [...box.ledger.state.machines.values()][0]?.state
        assert.strictEqual(state(), 'openCircuit')
        set(-HOUR)
        yield* TestClock.adjust(1_000)
        assert.strictEqual(state(), 'halfOpen')
        for (let n = 0; n < 3; n++) {
          yield* box.send()
          yield* TestClock.adjust(1_000)
        }
        assert.strictEqual(state(), 'healthy')
      }),
    ),
  )

  it.effect('lets a leader find the next instance that is lost all the same', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        const all = yield* openInstances({ scripts: { a: () => answers.stream('slow', { firstMs: 120_000 }) } })
        const one = yield* all.start('one')
        yield* TestClock.adjust(2_000)
        // The store of the test goes by the same clock: it knows the other from after.
        set(-HOUR)
        const two = yield* all.start('two')
        yield* two.send()
        yield* TestClock.adjust(2_000)
        yield* two.kill
        yield* TestClock.adjust(2 * LOST_MS)
        assert.isTrue(one.membership?.isLeader())
        assert.lengthOf(
          (yield* all.events).filter(({ event }) => event._tag === 'RequestAbandoned'),
          1,
        )
      }),
    ),
  )
})
