/**
 * Making the books from a log that has none yet, or whose books are of another version, or to which an instance with another
 * version has appended. In slices, each a transaction. Others go on appending, and do not book while the books are behind; only the last
 * slice locks the head, so that nothing can come between it and the first append that is booked again.
 */
import { BOOKS_VERSION } from '#domain/book-event.ts'
import {
  encodeBooks,
  type FoldableEvent,
  type FoldedRequest,
  foldBatch,
  isBooked,
  NOTHING_FOLDED,
} from '#infra/event-log/book-batch.ts'
import { readTrusted } from '#infra/event-log/codec.ts'
import { type Ask, inTransaction } from '#infra/event-log/postgres-connections.ts'
import { COLUMNS, storedRow } from '#infra/event-log/postgres-row.ts'
import { foldStreams } from '#infra/event-log/postgres-streams.ts'
import { toText } from '#infra/event-log/postgres-tables.ts'
import type { StoredRow } from '#infra/event-log/row.ts'

/** Events of a transaction: some tenths of a second. */
const SLICE = 5_000

/** Brings the books up to the head of the log; `progress` is told the share done. Nothing to do for books that keep up. */
export const catchUp = async (ask: Ask, progress: (share: number) => void = () => undefined): Promise<void> => {
  let isNear = false
  let hasBegun = false
  for (;;) {
    const done = await inTransaction(ask, () => slice(ask, isNear))
    if (done === undefined) break
    hasBegun = true
    isNear = done.isNear
    progress(done.share)
  }
  if (hasBegun) progress(1)
}

/** Undefined: there is nothing to do any more. */
const slice = async (ask: Ask, lockHead: boolean) => {
  // The head first, as whoever appends does.
  const [top] = await ask(`SELECT position FROM signalbox.log_head${lockHead ? ' FOR UPDATE' : ''}`)
  const head = Number(top?.[0])
  const [state] = await ask('SELECT version, folded_to FROM signalbox.books FOR UPDATE')
  const version = Number(state?.[0])
  // A newer release makes them: this one could only spoil them.
  if (version > BOOKS_VERSION || (version === BOOKS_VERSION && state?.[1] === null)) return undefined
  if (version < BOOKS_VERSION) {
    await clear(ask)
    return { isNear: false, share: 0 }
  }
  const from = Number(state?.[1])
  const rows = (
    await ask(`SELECT ${COLUMNS} FROM signalbox.events WHERE position > $1 ORDER BY position LIMIT ${SLICE}`, [from])
  ).map(storedRow)
  const isNear = rows.length < SLICE
  if (!isNear || lockHead) {
    await fold(ask, rows, from)
    const foldedTo = isNear ? null : rows.at(-1)?.position
    await ask('UPDATE signalbox.books SET folded_to = $1', [foldedTo])
  }
  return { isNear, share: isNear ? 0.99 : from / head }
}

/** Sums of archived events stay: nothing could make them again. */
const clear = async (ask: Ask): Promise<void> => {
  await ask('DELETE FROM signalbox.requests')
  for (const table of ['cost_hours', 'cost_sessions']) await ask(`DELETE FROM signalbox.${table} WHERE archived = 0`)
  await ask('UPDATE signalbox.books SET version = $1, folded_to = 0', [BOOKS_VERSION])
}

const fold = async (ask: Ask, rows: readonly StoredRow[], from: number): Promise<void> => {
  const events = rows.flatMap((row) => foldable(row) ?? [])
  const begun = rows.filter(({ streamVersion }) => streamVersion === 1).map(({ stream }) => stream)
  const earlier = [...new Set(rows.map(({ stream }) => stream)).difference(new Set(begun))].filter(isBooked)
  const before: ReadonlyMap<string, FoldedRequest> =
    earlier.length === 0 ? new Map() : await foldStreams(ask, earlier, from)
  const { requests, entries } = foldBatch(events, (stream) => before.get(stream) ?? NOTHING_FOLDED)
  if (requests.length + entries.length === 0) return
  const books = encodeBooks(requests, entries)
  await ask('SELECT signalbox.book(0, $1, $2, $3)', [books.texts.map(toText), books.requests, books.cells])
}

/** Undefined for what this release cannot know. */
const foldable = (row: StoredRow): FoldableEvent | undefined => {
  if (!isBooked(row.stream)) return undefined
  const read = readTrusted(row)
  if (read._tag === 'Foreign') return undefined
  const { stream, position, occurredAt } = row
  return { stream, event: read.recorded.event, occurredAt, position }
}
