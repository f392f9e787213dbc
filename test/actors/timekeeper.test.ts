import { assert, describe, it } from '@effect/vitest'
import { Effect, References } from 'effect'
import { TestClock } from 'effect/testing'
import { afterCatchingUp, TICK_MS, type Watch } from '#actors/timekeeper.ts'
import { defaultBreaker } from '#domain/policy.ts'
import { answers, known, openTestBox } from '#test/box.ts'

/** A watch that notes when it was fired. */
const watchAt = (due: number, now: () => number, then: (watch: { due: number }) => void = () => undefined) => {
  const state = { due }
  const fired: number[] = []
  const watch: Watch = {
    due: () => state.due,
    fire: (at) => {
      assert.strictEqual(at, now())
      fired.push(at)
      then(state)
    },
  }
  return { watch, fired, state }
}

const never = Number.POSITIVE_INFINITY

describe('the timekeeper', () => {
  it.effect('fires each watch within a tick of its time', () =>
    Effect.gen(function* () {
      const { timekeeper, now } = yield* openTestBox({})
      const startedAt = now()
      const watches = [1, 249, 250, 251, 1_000, 7_777].map((ms) =>
        watchAt(startedAt + ms, now, (state) => {
          state.due = never
        }),
      )
      for (const { watch } of watches) timekeeper.add(watch)
      yield* TestClock.adjust(10_000)
      for (const [index, due] of [1, 249, 250, 251, 1_000, 7_777].entries()) {
        const [at, ...more] = watches[index]?.fired ?? []
        assert.deepStrictEqual(more, [])
        assert.isAtLeast((at ?? 0) - startedAt, due)
        assert.isAtMost((at ?? never) - startedAt, due + TICK_MS)
      }
    }),
  )

  it.each<readonly [string, readonly number[], readonly boolean[]]>([
    ['comes in time', [250, 500, 750, 2_900], [true, true, true, true]],
    [
      'is late because the process stood still',
      [250, 60_000, 60_250, 60_999, 61_000],
      [true, false, false, false, true],
    ],
    ['is of a clock that was set on', [250, 86_400_000, 86_400_500, 86_401_000], [true, false, false, true]],
  ])('lets what came meanwhile be read before it fires, when a tick %s', (_, ticks, fires) => {
    const mayFire = afterCatchingUp(0)
    assert.deepStrictEqual(ticks.map(mayFire), fires)
  })

  it.effect('reads the time of a watch anew at every tick', () =>
    Effect.gen(function* () {
      const { timekeeper, now } = yield* openTestBox({})
      const later = watchAt(now() + 1_000, now)
      const sooner = watchAt(never, now)
      timekeeper.add(later.watch)
      timekeeper.add(sooner.watch)
      yield* TestClock.adjust(900)
      later.state.due = now() + 2_000
      sooner.state.due = now()
      yield* TestClock.adjust(300)
      assert.strictEqual(later.fired.length, 0)
      assert.isAbove(sooner.fired.length, 0)
      yield* TestClock.adjust(2_000)
      assert.isAbove(later.fired.length, 0)
    }),
  )

  it.effect('fires a watch at every tick until it moves on or is removed', () =>
    Effect.gen(function* () {
      const { timekeeper, now } = yield* openTestBox({})
      const { watch, fired, state } = watchAt(now(), now)
      timekeeper.add(watch)
      yield* TestClock.adjust(4 * TICK_MS)
      assert.strictEqual(fired.length, 4)
      state.due = never
      yield* TestClock.adjust(4 * TICK_MS)
      assert.strictEqual(fired.length, 4)
      state.due = now()
      timekeeper.remove(watch)
      assert.strictEqual(timekeeper.size(), 0)
      yield* TestClock.adjust(4 * TICK_MS)
      assert.strictEqual(fired.length, 4)
    }),
  )

  it.effect('lets watches come and go while it fires', () =>
    Effect.gen(function* () {
      const { timekeeper, now } = yield* openTestBox({})
      const second = watchAt(now(), now)
      const first = watchAt(now(), now, () => {
        timekeeper.remove(first.watch)
        timekeeper.add(second.watch)
      })
      timekeeper.add(first.watch)
      yield* TestClock.adjust(3 * TICK_MS)
      assert.strictEqual(first.fired.length, 1)
      assert.isAtLeast(second.fired.length, 2)
    }),
  )

  it.effect('outlives a watch that throws, drops it, and fires the others', () =>
    Effect.gen(function* () {
      const { timekeeper, now } = yield* openTestBox({})
      const broken: Watch = {
        due: () => 0,
        fire: () => {
          throw new Error('a bug of a watch')
        },
      }
      const { watch, fired } = watchAt(now(), now)
      timekeeper.add(broken)
      timekeeper.add(watch)
      yield* TestClock.adjust(4 * TICK_MS)
      assert.isAtLeast(fired.length, 3)
      assert.strictEqual(timekeeper.size(), 1)
    }).pipe(Effect.provideService(References.MinimumLogLevel, 'None')),
  )

  it.effect('records a cool-down once, within a tick of its end', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({ a: () => answers.error(429, 'rate_limit_error', [['retry-after', '30']]) })
      yield* box.send()
      yield* TestClock.adjust(120_000)
      const rows = known(yield* box.events)
      const throttled = rows.find(({ event }) => event._tag === 'ProviderThrottled')?.event
      assert(throttled?._tag === 'ProviderThrottled')
      const elapsed = rows.filter(({ event }) => event._tag === 'CooldownElapsed')
      assert.strictEqual(elapsed.length, 1)
      const late = (elapsed[0]?.occurredAt ?? never) - throttled.until
      assert.isAtLeast(late, 0)
      assert.isAtMost(late, TICK_MS)
      assert.strictEqual(rows.filter(({ event }) => event._tag === 'ProviderRecovered').length, 1)
    }),
  )

  it.effect('ends the lease of a probe that does not answer', () =>
    Effect.gen(function* () {
      let calls = 0
      const box = yield* openTestBox(
        { a: () => (calls++ < 2 ? answers.refused : answers.silent) },
        {},
        { breaker: { ...defaultBreaker, consecutiveConnectFailures: 2, openBaseMs: 1_000, probeLeaseMs: 3_000 } },
      )
      for (let n = 0; n < 2; n++) yield* box.send()
      yield* TestClock.adjust(3_000)
      const probe = yield* box.send()
      yield* TestClock.adjust(2_500)
      const tags = Effect.map(box.events, (rows) => known(rows).map(({ event }) => event._tag))
      assert.notInclude(yield* tags, 'ProbeLeaseExpired')
      yield* TestClock.adjust(1_000)
      assert.include(yield* tags, 'ProbeLeaseExpired')
      yield* probe.leave
    }),
  )
})
