import type { Server } from 'node:http'
import { assert, describe, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { TestClock } from 'effect/testing'
import { drain } from '#http/drain.ts'
import { HOUR, onSettableClock } from '#test/settable-clock.ts'

/** Of a server only what a stop asks of it. */
const idle = {
  close: () => undefined,
  closeIdleConnections: () => undefined,
  closeAllConnections: () => undefined,
} as unknown as Server

describe('a stop', () => {
  it.effect('takes no longer when the clock is set back meanwhile', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        const underWay = {
          fibers: new Set<Fiber.Fiber<void>>(),
          unsent: new Set(),
          taken: () => 0,
          endedAt: () => undefined,
        }
        const options = { drainTimeoutMs: 60_000, stopDelayMs: 5_000, isAlone: false }
        const stopping = yield* Effect.forkChild(drain(idle, underWay, options))
        yield* TestClock.adjust(1_000)
        set(-HOUR)
        yield* TestClock.adjust(3_500)
        assert.isUndefined(stopping.pollUnsafe())
        yield* TestClock.adjust(1_000)
        assert.deepStrictEqual(yield* Fiber.join(stopping), { finished: 0, brokenOff: 0 })
      }),
    ),
  )
})
