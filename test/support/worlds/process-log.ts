/**
 * One process's view of a log that outlives it: appends take time, fail for a while, and stop having any effect when the
 * process is killed. What is done here in the order in which it is done is the journal.
 */
import { Effect, Layer } from 'effect'
import { EventLog, EventLogError } from '#actors/ports.ts'
import type { NewEvent } from '#domain/recorded-event.ts'

export interface Outage {
  readonly from: number
  readonly until: number
  /** The events are written, but the writer is told that they are not. */
  readonly lost: boolean
}

export interface ProcessLogOptions {
  readonly shared: EventLog['Service']
  readonly now: () => number
  /** Milliseconds of an append before and after it takes effect. */
  readonly logMs: readonly [number, number]
  readonly outages: readonly Outage[]
  readonly onCommit: (events: readonly NewEvent[]) => void
}

export const processLog = ({ shared, now, logMs, outages, onCommit }: ProcessLogOptions) => {
  let dead = false
  const wait = (ms: number) => (ms > 0 ? Effect.sleep(ms) : Effect.void)
  const append = Effect.fnUntraced(function* (events: readonly NewEvent[]) {
    yield* wait(logMs[0])
    if (dead) return 0
    const outage = outages.find(({ from, until }) => from <= now() && now() < until)
    if (outage !== undefined && !outage.lost) return yield* unavailable
    const last = yield* shared.append(events)
    onCommit(events)
    if (outage !== undefined) return yield* unavailable
    yield* wait(logMs[1])
    return last
  })
  return {
    layer: Layer.succeed(
      EventLog,
      EventLog.of({
        ...shared,
        append,
        saveSnapshot: (snapshot) => (dead ? Effect.void : shared.saveSnapshot(snapshot)),
      }),
    ),
    /** From here on nothing that the process does has an effect. */
    kill: () => {
      dead = true
    },
    alive: () => !dead,
  }
}

const unavailable = new EventLogError({ reason: { _tag: 'Unavailable', detail: 'the disk is full' } })
