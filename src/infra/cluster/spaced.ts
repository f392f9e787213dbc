/** Sending what matters only in its newest version, and not too often. */
import { Effect, Queue, type Scope } from 'effect'

/**
 * Answers a function that takes values and never waits. The first is sent at once, of those that come within `spacingMs` of a
 * sending only the last, which is never left out.
 */
export const spaced = Effect.fnUntraced(function* <A>(
  spacingMs: number,
  send: (newest: A) => Effect.Effect<void>,
): Effect.fn.Return<(value: A) => void, never, Scope.Scope> {
  const newest = yield* Queue.sliding<A>(1)
  yield* Queue.take(newest).pipe(
    Effect.flatMap(send),
    // One value's bug must not hold back all that follow.
    Effect.catchDefect((defect) => Effect.logError('sending met a bug', defect)),
    Effect.andThen(Effect.sleep(spacingMs)),
    Effect.forever,
    Effect.forkScoped,
  )
  return (value) => void Queue.offerUnsafe(newest, value)
})
