/**
 * Making the books from a log that has none yet, or whose books are of another version. In slices, each a transaction, so that
 * a long log takes bounded memory and an interrupted start goes on where it stopped.
 */
import type { Database } from 'better-sqlite3'
import { BOOKS_VERSION } from '#domain/book-event.ts'
import { type BookableRow, type Decode, type KeptBooks, plain } from '#infra/event-log/sqlite-books.ts'

/** Events of a transaction: some tens of milliseconds. */
const SLICE = 5_000

/** Brings the books up to the head of the log; `progress` is told the share done. Nothing to do for books that keep up. */
export const catchUp = async (
  database: Database,
  books: KeptBooks,
  progress: (share: number) => void,
): Promise<void> => {
  const found = database
    .prepare<[], { version: number; foldedTo: number | null }>('SELECT version, folded_to AS foldedTo FROM books')
    .get()
  const head = database.prepare<[], number>('SELECT position FROM log_head').pluck().get() ?? 0
  if (head === 0) {
    note(database, null)
    return
  }
  const foldedTo = found?.version === BOOKS_VERSION ? found.foldedTo : 0
  const underWay = database.prepare<[], number>('SELECT 1 FROM requests WHERE outcome IS NULL LIMIT 1').pluck().get()
  if (foldedTo === null && underWay === undefined) return
  // Requests that an earlier process left open are folded from rows that it wrote, perhaps in an older shape.
  books.decodeWith(await decoder())
  if (foldedTo === null) return
  if (foldedTo === 0) clear(database)
  foldFrom(database, books, { from: foldedTo, head }, progress)
}

/** Reads rows of every release; loaded when needed, because the catalogue takes a while. */
export const decoder = async (): Promise<Decode> => {
  const { currentVersions, readRow } = await import('#infra/event-log/codec.ts')
  return (row) => {
    if (currentVersions.get(row.type) === row.schemaVersion) return plain(row)
    const read = readRow({ ...row, ...NO_ENVELOPE })
    return read._tag === 'Known' ? read.recorded.event : undefined
  }
}

/** Decoding an event does not look at these. */
const NO_ENVELOPE = { writer: '', writerSeq: 0, recordedAt: 0, correlation: null, causation: null }

/** Sums of archived events stay: nothing could make them again. */
const clear = (database: Database): void => {
  database.transaction(() => {
    database.exec('DELETE FROM requests')
    for (const table of ['cost_hours', 'cost_sessions']) database.exec(`DELETE FROM ${table} WHERE archived = 0`)
    note(database, 0)
  })()
}

const note = (database: Database, foldedTo: number | null): void => {
  database.prepare('UPDATE books SET version = ?, folded_to = ?').run(BOOKS_VERSION, foldedTo)
}

const foldFrom = (
  database: Database,
  books: KeptBooks,
  { from, head }: { readonly from: number; readonly head: number },
  progress: (share: number) => void,
): void => {
  const select = database.prepare<[number, number], BookableRow>(
    `SELECT position, stream, stream_version AS streamVersion, type, schema_version AS schemaVersion,
       occurred_at AS occurredAt, data
     FROM events WHERE position > ? ORDER BY position LIMIT ?`,
  )
  /** The last position that was booked; null at the end. */
  const slice = database.transaction((after: number): number | null => {
    const rows = select.all(after, SLICE)
    for (const row of rows) books.book(row)
    books.write()
    const last = rows.length === SLICE ? (rows.at(-1)?.position ?? null) : null
    note(database, last)
    return last
  })
  for (let after: number | null = from; after !== null; after = slice(after)) {
    if (after > 0) progress(after / head)
  }
  progress(1)
}
