/**
 * Writers and readers that keep a history while a database fails, and what must hold of it afterwards, as Jepsen does it: what was
 * acknowledged is in the log, nothing is there twice, positions have no hole, and every reader has seen a beginning of the final log.
 */
import { Effect, type Layer } from 'effect'
import { expect } from 'vitest'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { known, readAll } from '#test/event-log-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

type LogLayer = Layer.Layer<EventLog, EventLogError>

export interface WriterHistory {
  readonly writer: string
  /** Highest number that was acknowledged, and the position that was told. */
  acknowledged: { readonly seq: number; readonly position: number }
  /** Appends whose outcome was not heard of, and that were done again. */
  repeated: number
}

const PAUSE = '20 millis'

/** Told that somebody has opened the log. */
type Opened = () => void

/** Appends a request a time until `isOver`, each until it is acknowledged. */
export const write = (layer: LogLayer, writer: string, first: number, opened: Opened, isOver: () => boolean) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    opened()
    const wrap = envelopes(writer)
    const history: WriterHistory = { writer, acknowledged: { seq: 0, position: 0 }, repeated: 0 }
    for (let n = first; !isOver(); n++) {
      const events: readonly NewEvent[] = wrap(servedRequest(n)).map(({ streamVersion: _given, ...event }) => event)
      const position = yield* patiently(log.append(events), () => {
        history.repeated += 1
      })
      history.acknowledged = { seq: events.at(-1)!.writerSeq, position }
    }
    return history
  }).pipe(Effect.provide(layer, { local: true }))

/** Follows the log until it has seen `until()`; answers what it saw, in order. */
export const follow = (layer: LogLayer, opened: Opened, until: () => number | undefined) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    opened()
    const seen: { readonly position: number; readonly writer: string; readonly writerSeq: number }[] = []
    let last = 0
    while (last < (until() ?? Number.POSITIVE_INFINITY)) {
      const page = known(yield* patiently(log.read({ after: last, limit: 50 })))
      for (const { position, writer, writerSeq } of page) seen.push({ position, writer, writerSeq })
      last = page.at(-1)?.position ?? last
      yield* Effect.sleep(page.length === 0 ? PAUSE : 0)
    }
    return seen
  }).pipe(Effect.provide(layer, { local: true }))

/** Tries again for as long as the log is unavailable; any other failure is one. */
const patiently = <A>(operation: Effect.Effect<A, EventLogError>, again = () => {}): Effect.Effect<A, EventLogError> =>
  Effect.catch(operation, (error) => {
    if (error.reason._tag !== 'Unavailable') return Effect.fail(error)
    again()
    return Effect.delay(
      Effect.suspend(() => patiently(operation, again)),
      PAUSE,
    )
  })

/** What must hold when all of them have ended. */
export const checkHistories = (
  layer: LogLayer,
  writers: readonly WriterHistory[],
  readers: readonly Effect.Success<ReturnType<typeof follow>>[],
) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const final = known(yield* readAll(log)).map(({ position, writer, writerSeq }) => ({ position, writer, writerSeq }))
    expect(final.map(({ position }) => position)).toEqual(final.map((_, index) => index + 1))
    expect(yield* log.head).toBe(final.length)
    for (const { writer, acknowledged } of writers) {
      const own = final.filter((event) => event.writer === writer)
      // In its order, without a hole and nothing twice; what was acknowledged is all there.
      expect(own.map(({ writerSeq }) => writerSeq)).toEqual(own.map((_, index) => index + 1))
      expect(own.length).toBe(acknowledged.seq)
      expect(own.at(-1)?.position).toBe(acknowledged.position)
    }
    for (const seen of readers) expect(seen).toEqual(final.slice(0, seen.length))
    expect((yield* log.verify(() => {})).problems).toEqual([])
    return final.length
  }).pipe(Effect.provide(layer, { local: true }))
