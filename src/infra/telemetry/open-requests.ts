import { Effect } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'

/** One page; a request has a handful of events for every attempt. */
const MOST_EVENTS = 1_000

/**
 * What the log holds of requests that an earlier process left open, for observers that follow requests from their admission.
 * To be asked before the box is opened: these requests are closed then.
 */
export const eventsOfOpenRequests: Effect.Effect<readonly RecordedEvent[], EventLogError, Ledger | EventLog> =
  Effect.gen(function* () {
    const { state } = yield* Ledger
    const log = yield* EventLog
    const pages = yield* Effect.forEach(state.projections.requests.inFlight.keys().toArray(), (correlation) =>
      log.read({ after: 0, limit: MOST_EVENTS, correlation }),
    )
    return pages.flat().flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))
  })
