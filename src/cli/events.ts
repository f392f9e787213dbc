/**
 * `signalbox events`: pages, filters and follows the log.
 */
import { Console, Effect } from 'effect'
import { EventLog, type ReadEvent, type ReadQuery } from '#actors/ports.ts'
import { archivedNote, archivedParts } from '#cli/archived.ts'
import { printable } from '#cli/printable.ts'
import { summary } from '#cli/summary.ts'

export interface EventsOptions {
  readonly query: Omit<ReadQuery, 'after' | 'limit' | 'descending'>
  /** Start after this position; undefined shows the newest. */
  readonly after: number | undefined
  readonly limit: number
  readonly follow: boolean
  readonly json: boolean
}

const POLL_MS = 250

const line = (row: ReadEvent): string => {
  if (row._tag === 'Foreign') {
    return printable(
      `${String(row.position).padStart(8)}  ${''.padEnd(24)}  ${row.upcast.type} (version ${row.upcast.schemaVersion}, not known to this release)`,
    )
  }
  const { position, occurredAt, event, stream } = row.recorded
  return printable(
    `${String(position).padStart(8)}  ${new Date(occurredAt).toISOString()}  ${event._tag.padEnd(18)} ${stream}  ${summary(event)}`,
  )
}

const json = (row: ReadEvent): string => {
  if (row._tag === 'Foreign') return JSON.stringify({ position: row.position, type: row.upcast.type, foreign: true })
  const { event, ...envelope } = row.recorded
  const { _tag, ...data } = event
  return JSON.stringify({ ...envelope, type: _tag, data })
}

/** What may be missing from what is shown, of which this is the first position. */
const noteArchived = Effect.fnUntraced(function* (log: EventLog['Service'], first: number) {
  const parts = (yield* archivedParts(log)).filter(({ upTo }) => upTo > first)
  const note = archivedNote(parts)
  if (note !== undefined) yield* Console.error(note)
})

/** Prints matching events, oldest first; with `follow` it never returns. */
export const events = Effect.fnUntraced(function* (options: EventsOptions) {
  const log = yield* EventLog
  const show = (row: ReadEvent) => Console.log(options.json ? json(row) : line(row))
  const positionOf = (row: ReadEvent) => (row._tag === 'Known' ? row.recorded.position : row.position)
  const head = yield* log.head

  const first =
    options.after === undefined
      ? (yield* log.read({ ...options.query, after: 0, limit: options.limit, descending: true })).toReversed()
      : yield* log.read({ ...options.query, after: options.after, limit: options.limit })
  for (const row of first) yield* show(row)
  if (!options.follow) {
    if (first.length === 0 && !options.json) yield* Console.error('No event matches.')
    if (!options.json) yield* noteArchived(log, first.length < options.limit ? 0 : positionOf(first[0] as ReadEvent))
    return 0
  }
  let after = first.length === 0 ? Math.max(head, options.after ?? 0) : positionOf(first[first.length - 1] as ReadEvent)
  for (;;) {
    const page = yield* log.read({ ...options.query, after, limit: 1_000 })
    for (const row of page) {
      yield* show(row)
      after = positionOf(row)
    }
    if (page.length === 0) yield* Effect.sleep(POLL_MS)
  }
})
