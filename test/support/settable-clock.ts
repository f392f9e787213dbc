/**
 * The clock of a machine that is set while a program runs: what time it is changes, sleeps last as long as ever.
 */
import { Clock, Effect } from 'effect'
import { TestClock } from 'effect/testing'

export const HOUR = 3_600_000

/** Runs what it is given on a test clock whose time `set` moves by so many ms. */
export const onSettableClock = <A, E, R>(body: (set: (byMs: number) => void) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const inner = yield* Clock.Clock
    let offset = 0
    const now = () => inner.currentTimeMillisUnsafe() + offset
    const clock = { ...inner, currentTimeMillisUnsafe: now, currentTimeMillis: Effect.sync(now) }
    // Long after 1970, so that an hour less is a time too.
    yield* TestClock.adjust(2 * HOUR)
    const running = body((byMs) => {
      offset += byMs
    })
    return yield* Effect.provideService(running, Clock.Clock, clock)
  })
