/**
 * Where events wait on the disk of this instance while the log, which is elsewhere, cannot be reached. They go to the log in their
 * order when it is back; as every event has its writer and number, sending one twice does no harm.
 */
import { Context, type Effect } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import type { NewEvent } from '#domain/recorded-event.ts'

export class Spool extends Context.Service<
  Spool,
  {
    /** Events that wait, those included that are being written. */
    readonly waiting: () => number
    /** Durable when it returns. */
    readonly append: (events: readonly NewEvent[]) => Effect.Effect<void, EventLogError>
    /** The oldest that wait, at most `limit`. */
    readonly oldest: (limit: number) => Effect.Effect<readonly NewEvent[], EventLogError>
    /** Forgets the oldest, which are in the log now. */
    readonly drop: (count: number) => Effect.Effect<void, EventLogError>
  }
>()('signalbox/actors/Spool') {}
