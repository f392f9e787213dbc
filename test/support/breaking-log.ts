/**
 * A log that breaks while it is read.
 */
import { Effect } from 'effect'
import { EventLog, EventLogError } from '#actors/ports.ts'

const broken = Effect.fail(new EventLogError({ reason: { _tag: 'Unavailable', detail: 'the disk is gone' } }))

/** Runs it on the log at hand, of which nothing behind a position can be read. */
export const breakingBehind =
  (position: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(EventLog, (log) =>
      Effect.provideService(effect, EventLog, {
        ...log,
        read: (query) => (query.after >= position ? broken : log.read(query)),
      }),
    )
