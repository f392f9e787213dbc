import { describe, expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { TestClock } from 'effect/testing'
import { EventLogError } from '#actors/ports.ts'
import { makeHints } from '#infra/cluster/hints.ts'

/** A head that counts how often it is asked for. */
const headAt = (position: number) => {
  const log = { position, asked: 0 }
  const head = Effect.sync(() => {
    log.asked += 1
    return log.position
  })
  return { log, hints: makeHints(head) }
}

describe('waiting for the log to grow', () => {
  it.effect('asks at its intervals until the log has grown', () =>
    Effect.gen(function* () {
      const { log, hints } = headAt(5)
      const waiting = yield* Effect.forkChild(hints.waitBeyond(5, 300), { startImmediately: true })
      yield* TestClock.adjust(899)
      expect(log.asked).toBe(2)
      log.position = 6
      yield* TestClock.adjust(1)
      yield* Fiber.join(waiting)
      expect(log.asked).toBe(3)
    }),
  )

  it.effect('asks at once on a hint, and believes the log', () =>
    Effect.gen(function* () {
      const { log, hints } = headAt(5)
      const waiting = yield* Effect.forkChild(hints.waitBeyond(5, 1_000), { startImmediately: true })
      hints.tell(5)
      yield* TestClock.adjust(10)
      expect(log.asked).toBe(0)
      hints.tell(9)
      yield* TestClock.adjust(10)
      expect(log.asked).toBe(1)
      log.position = 6
      hints.tell(6)
      yield* Fiber.join(waiting)
      expect(log.asked).toBe(2)
    }),
  )

  it.effect('is not misled for ever by a hint of a position that the log does not have', () =>
    Effect.gen(function* () {
      const { log, hints } = headAt(5)
      hints.tell(1_000)
      const waiting = yield* Effect.forkChild(hints.waitBeyond(5, 1_000), { startImmediately: true })
      yield* TestClock.adjust(2_000)
      yield* Fiber.join(waiting)
      expect(log.asked).toBe(3)
      log.position = 7
      hints.tell(7)
      yield* hints.waitBeyond(6, 1_000)
      expect(log.asked).toBe(4)
    }),
  )

  it.effect('keeps a hint that comes while it asks', () =>
    Effect.gen(function* () {
      let answers = 0
      const hints = makeHints(
        Effect.sync(() => {
          // The log grows after it answered, before the answer arrives.
          if (++answers === 1) hints.tell(6)
          return answers === 1 ? 5 : 6
        }),
      )
      const waiting = yield* Effect.forkChild(hints.waitBeyond(5, 1_000), { startImmediately: true })
      hints.doubt()
      yield* Fiber.join(waiting)
      expect(answers).toBe(2)
    }),
  )

  it.effect('lets all who wait ask when hints may have been lost', () =>
    Effect.gen(function* () {
      const { log, hints } = headAt(5)
      const wait = Effect.forkChild(hints.waitBeyond(5, 1_000), { startImmediately: true })
      const waiting = yield* Effect.all([wait, wait])
      log.position = 6
      hints.doubt()
      yield* Fiber.joinAll(waiting)
      expect(log.asked).toBe(2)
    }),
  )

  it.effect('fails when the log cannot be asked', () =>
    Effect.gen(function* () {
      const lost = new EventLogError({ reason: { _tag: 'Unavailable', detail: 'away' } })
      const hints = makeHints(Effect.fail(lost))
      const waiting = yield* Effect.forkChild(Effect.flip(hints.waitBeyond(5, 100)), { startImmediately: true })
      yield* TestClock.adjust(100)
      expect(yield* Fiber.join(waiting)).toBe(lost)
    }),
  )
})
