/**
 * How observers follow requests: from the events of those that an earlier process left open to the last commit of this one.
 */
import { Effect, type Scope } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import type { CommittedEvent } from '#domain/recorded-event.ts'

/** One page; a request has a handful of events for every attempt. */
const MOST_EVENTS = 1_000

/**
 * What the log holds of requests that an earlier process left open. To be asked before the box is opened: they are closed then,
 * and an observer could not say of what.
 */
export const eventsOfOpenRequests: Effect.Effect<readonly CommittedEvent[], EventLogError, Ledger | EventLog> =
  Effect.gen(function* () {
    const { state } = yield* Ledger
    const log = yield* EventLog
    const pages = yield* Effect.forEach(state.projections.requests.inFlight.keys().toArray(), (correlation) =>
      log.read({ after: 0, limit: MOST_EVENTS, correlation }),
    )
    return pages.flat().flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))
  })

/** Hears every commit until the scope closes, those included that are on their way at that moment. */
export const hearCommits = (
  listener: (events: readonly CommittedEvent[]) => void,
): Effect.Effect<void, never, Ledger | Scope.Scope> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    yield* ledger.subscribe(listener)
    // Whoever waits for a commit is let go before it is published, in the same turn; the turn after, all has been heard.
    yield* Effect.addFinalizer(() => Effect.andThen(ledger.committed, Effect.yieldNow))
  })
