/** Requests folded from the rows that the log has of them: of other instances, of earlier processes, in older shapes. */
import { BOOKED_TYPES, bookEvent, type RequestBook } from '#domain/book-event.ts'
import type { CostEntry } from '#domain/books.ts'
import type { FoldedRequest } from '#infra/event-log/book-batch.ts'
import { readTrusted } from '#infra/event-log/codec.ts'
import type { Ask } from '#infra/event-log/postgres-connections.ts'
import { COLUMNS, storedRow } from '#infra/event-log/postgres-row.ts'
import { toText } from '#infra/event-log/postgres-tables.ts'

export interface FoldedStream extends FoldedRequest {
  /** What its events have added to the sums. */
  readonly entries: readonly CostEntry[]
}

/** All of these streams, also those of which there is nothing. `upTo`: of events up to this position. */
export const foldStreams = async (
  ask: Ask,
  streams: readonly string[],
  upTo = Number.MAX_SAFE_INTEGER,
): Promise<ReadonlyMap<string, FoldedStream>> => {
  const rows = await ask(
    `SELECT ${COLUMNS} FROM signalbox.events WHERE stream = ANY ($1) AND position + 0 <= $2
     ORDER BY position + 0`,
    [streams.map(toText), upTo],
  )
  const byStream = Map.groupBy(rows.map(storedRow), ({ stream }) => stream)
  return new Map(
    streams.map((stream) => {
      let book: RequestBook | undefined
      const entries: CostEntry[] = []
      const own = byStream.get(stream) ?? []
      for (const row of own) {
        if (!BOOKED.has(row.type)) continue
        const read = readTrusted(row)
        const booking =
          read._tag === 'Known' ? bookEvent(book, read.recorded.event, row.occurredAt, row.position) : undefined
        if (booking === undefined) continue
        book = booking.book
        if (booking.entry !== undefined) entries.push(booking.entry)
      }
      return [stream, { book, version: own.at(-1)?.streamVersion ?? 0, entries }]
    }),
  )
}

const BOOKED: ReadonlySet<string> = new Set(BOOKED_TYPES)
