/**
 * Those who hear of something until their scope closes. What one of them does wrong is its own affair.
 */
import { Cause, Effect, type Scope } from 'effect'

export interface Audience<A> {
  readonly size: () => number
  readonly join: (listener: (news: A) => void) => Effect.Effect<void, never, Scope.Scope>
  /** To all of them, in the order in which they came. */
  readonly tell: (news: A) => Effect.Effect<void>
}

export const makeAudience = <A>(): Audience<A> => {
  const listeners = new Set<(news: A) => void>()
  return {
    size: () => listeners.size,
    join: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener)),
      ),
    tell: (news) =>
      Effect.forEach(
        listeners,
        (listener) =>
          Effect.sync(() => listener(news)).pipe(
            // An observer's bug stops neither the log nor the other observers.
            Effect.catchCause((cause) => Effect.logError('an observer of the event log failed', Cause.squash(cause))),
          ),
        { discard: true },
      ),
  }
}
