/**
 * Long work of the main thread, one step in a turn of the event loop, so that streams go on in between.
 */
import { Effect } from 'effect'
import type { Steps } from '#domain/steps.ts'

export const inTurns = <A>(steps: Steps<A>): Effect.Effect<A> =>
  Effect.gen(function* () {
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      yield* Effect.yieldNow
    }
  })
