/**
 * Looks a request up in the log and explains it.
 */
import { Effect } from 'effect'
import type { EventLog, EventLogError } from '#actors/ports.ts'
import { type Explanation, explain, type Weights } from '#actors/views/explanation.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'

/** A request has a handful of events; one that was repeated often has some dozen. */
const MOST_EVENTS = 1_000

export interface ExplainedRequest {
  /** In order. */
  readonly events: readonly RecordedEvent[]
  readonly explanation: Explanation
}

/** Undefined when the log knows no such request. */
export const readExplanation = (
  log: EventLog['Service'],
  requestId: string,
): Effect.Effect<ExplainedRequest | undefined, EventLogError> =>
  Effect.gen(function* () {
    const rows = yield* log.read({ after: 0, limit: MOST_EVENTS, correlation: requestId })
    const events = rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))
    const explanation = explain(events, yield* weightsFor(log, events))
    return explanation === undefined ? undefined : { events, explanation }
  })

/** The weights that were in force when the route was chosen. */
const weightsFor = (
  log: EventLog['Service'],
  events: readonly RecordedEvent[],
): Effect.Effect<Weights | null, EventLogError> =>
  Effect.gen(function* () {
    const route = events.find(({ event }) => event._tag === 'RouteChosen')
    if (route === undefined) return null
    const before = route.position
    const [row] = yield* log.read({ after: 0, limit: 1, types: ['PolicyChanged'], descending: true, before })
    return row?._tag === 'Known' && row.recorded.event._tag === 'PolicyChanged'
      ? row.recorded.event.policy.routing.weights
      : null
  })
