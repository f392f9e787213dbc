/** Making a file as another log lies, on the write connection; in the copying thread only. */
import type { Database } from 'better-sqlite3'
import type { CostEntry } from '#domain/books.ts'
import type { ArchivedWriter, LogHead, PackedSnapshot } from '#infra/event-log/log-copy.ts'
import { conflict } from '#infra/event-log/log-failure.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'
import type { KeptBooks } from '#infra/event-log/sqlite-books.ts'

/** Each is a transaction. */
export interface CopyWrites {
  readonly add: (step: { readonly rows: readonly RawRow[]; readonly before: number; readonly after: LogHead }) => null
  readonly clear: (nothing: null) => null
  readonly addArchivedCells: (entries: readonly CostEntry[]) => null
  readonly addSnapshot: (snapshot: PackedSnapshot) => null
  readonly finish: (end: { readonly head: LogHead; readonly writers: readonly ArchivedWriter[] }) => null
}

export const makeCopyWrites = (database: Database, books: Pick<KeptBooks, 'addArchived'>): CopyWrites => {
  const getHead = database.prepare<[], number>('SELECT position FROM log_head').pluck()
  const setHead = database.prepare<[number, number, number]>(
    'UPDATE log_head SET position = ?, archived_to = ?, archived_events = ?',
  )
  const fallBehind = database.prepare<[number]>('UPDATE books SET folded_to = ? WHERE folded_to IS NULL')
  const getWriter = database.prepare<[string], number>('SELECT id FROM writers WHERE name = ?').pluck()
  const addWriter = database.prepare<[string]>('INSERT INTO writers (name) VALUES (?)')
  const noteWriter = database.prepare<[string, number]>(
    `INSERT INTO writers (name, archived_seq) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET archived_seq = excluded.archived_seq`,
  )
  const insert = database.prepare<(string | number | null)[]>(
    `INSERT INTO events (position, stream, stream_version, type, schema_version, writer, writer_seq, occurred_at,
       recorded_at, correlation, causation, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertSnapshot = database.prepare<[string, number, number | null, number | null, Uint8Array]>(
    'INSERT INTO snapshots (version, position, occurred_at, base, state) VALUES (?, ?, ?, ?, ?)',
  )
  const writerOf = (name: string): number => getWriter.get(name) ?? Number(addWriter.run(name).lastInsertRowid)

  const inTransaction = <Asked>(run: (asked: Asked) => void): ((asked: Asked) => null) => {
    const transaction = database.transaction(run)
    return (asked) => {
      transaction.immediate(asked)
      return null
    }
  }

  return {
    add: inTransaction(({ rows, before, after }) => {
      const head = getHead.get()
      if (head !== before) throw conflict(`the copy was to go on at position ${before}, but the log is at ${head}`)
      for (const [position, stream, version, type, schema, writer, ...rest] of rows) {
        insert.run(position, stream, version, type, schema, writerOf(writer), ...rest)
      }
      setHead.run(after.head, after.archivedTo, after.archivedEvents)
      fallBehind.run(before)
    }),
    clear: inTransaction(() => {
      for (const table of ['cost_hours', 'cost_sessions']) database.exec(`DELETE FROM ${table} WHERE archived = 1`)
      database.exec('DELETE FROM snapshots')
    }),
    addArchivedCells: inTransaction(books.addArchived),
    addSnapshot: inTransaction(({ version, position, occurredAt, base, state }) => {
      insertSnapshot.run(version, position, occurredAt, base, state)
    }),
    finish: inTransaction(({ head, writers }) => {
      for (const { name, archivedSeq } of writers) noteWriter.run(name, archivedSeq)
      setHead.run(head.head, head.archivedTo, head.archivedEvents)
    }),
  }
}
