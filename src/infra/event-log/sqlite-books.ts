/**
 * Keeping the books on the write connection, in the transaction of the append: what is booked is in memory until `write`, so
 * that a request whose events arrive together is one row, and neighbours in the same cell one change. Runs in the writer
 * thread only.
 */
import type { Database } from 'better-sqlite3'
import { BOOKED_TYPES, bookEvent, type RequestBook } from '#domain/book-event.ts'
import type { CellKey, CostEntry, CostSums } from '#domain/books.ts'
import type { DomainEvent } from '#domain/events.ts'
import {
  CELL_COLUMNS,
  type NameId,
  NO_NAME,
  REQUEST_COLUMNS,
  requestCells,
  SESSION_FIELDS,
  sumColumns,
  sumValues,
} from '#infra/event-log/books-schema.ts'
import { negated, together } from '#infra/event-log/cost-entries.ts'

/** A row of the log, as far as it is booked. */
export interface BookableRow {
  readonly position: number
  readonly stream: string
  readonly streamVersion: number
  readonly type: string
  readonly schemaVersion: number
  readonly occurredAt: number
  readonly data: string
}

/** Reads a row's event; undefined when this release cannot know it. */
export type Decode = (row: BookableRow) => DomainEvent | undefined

export interface KeptBooks {
  /** Takes the next row of the log in. */
  readonly book: (row: BookableRow) => void
  /** Writes what was booked; to be called in the transaction that holds the rows. */
  readonly write: () => void
  /** The transaction was rolled back. */
  readonly forget: () => void
  /** Moves what these entries added to the cells of archived events. */
  readonly archive: (entries: readonly CostEntry[]) => void
  /** Adds to the cells of archived events what another log had in them. */
  readonly addArchived: (entries: readonly CostEntry[]) => void
  /** What it decodes with from now on. */
  readonly decodeWith: (decode: Decode) => void
}

export interface Replayed {
  readonly book: RequestBook | undefined
  readonly entries: readonly CostEntry[]
}

/** Of rows in the current shape, which needs no check: this program made them (see page-text.ts). */
export const plain: Decode = ({ type, data }) => Object.assign(JSON.parse(data) as DomainEvent, { _tag: type })

/** Folds the rows of a request's stream before a version. */
export const makeReplay = (database: Database, decode: Decode): ((stream: string, before: number) => Replayed) => {
  const rowsBefore = database.prepare<[string, number], BookableRow>(
    `SELECT position, stream, stream_version AS streamVersion, type, schema_version AS schemaVersion,
       occurred_at AS occurredAt, data
     FROM events WHERE stream = ? AND stream_version < ? ORDER BY stream_version`,
  )
  return (stream, before) => {
    let book: RequestBook | undefined
    const entries: CostEntry[] = []
    for (const row of rowsBefore.iterate(stream, before)) {
      const event = BOOKED.has(row.type) ? decode(row) : undefined
      const booking = event && bookEvent(book, event, row.occurredAt, row.position)
      if (booking === undefined) continue
      book = booking.book
      if (booking.entry !== undefined) entries.push(booking.entry)
    }
    return { book, entries }
  }
}

const BOOKED: ReadonlySet<string> = new Set(BOOKED_TYPES)
const REQUEST = 'request:'
/** Names that are remembered; sessions come and go for as long as the process lives. */
const NAMES_KEPT = 10_000

export const makeBooks = (database: Database): KeptBooks => {
  const insert = database.prepare<unknown[]>(
    `INSERT INTO requests (${REQUEST_COLUMNS.join(', ')}) VALUES (${REQUEST_COLUMNS.map(() => '?').join(', ')})`,
  )
  const update = database.prepare<unknown[]>(
    `UPDATE requests SET ${CHANGING.map((column) => `${column} = ?`).join(', ')} WHERE position = ?`,
  )
  const addTo = (table: 'cost_hours' | 'cost_sessions') => {
    const keys = Object.entries(CELL_COLUMNS)
      .filter(([field]) => table === 'cost_sessions' || !SESSION_FIELDS.has(field))
      .map(([, column]) => column)
    const columns = [...keys, 'archived', ...sumColumns]
    return database.prepare<unknown[]>(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
       ON CONFLICT DO UPDATE SET ${sumColumns.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`,
    )
  }
  const addToHours = addTo('cost_hours')
  const addToSessions = addTo('cost_sessions')
  const findName = database.prepare<[string], number>('SELECT id FROM names WHERE name = ?').pluck()
  const addName = database.prepare<[string]>('INSERT INTO names (name) VALUES (?)')

  let decode = plain
  /** Requests under way, by their streams. `stored`: as a row. */
  const open = new Map<string, { book: RequestBook; stored: boolean }>()
  const changed = new Set<string>()
  let entries: CostEntry[] = []
  const names = new Map<string, number>()

  const idOf: NameId = (text) => {
    const known = names.get(text)
    if (known !== undefined) return known
    if (names.size >= NAMES_KEPT) names.clear()
    const id = findName.get(text) ?? Number(addName.run(text).lastInsertRowid)
    names.set(text, id)
    return id
  }

  const replay = makeReplay(database, (row) => decode(row))

  const openRequest = (row: BookableRow): { book: RequestBook; stored: boolean } | undefined => {
    const known = open.get(row.stream)
    if (known !== undefined || row.streamVersion === 1) return known
    const { book } = replay(row.stream, row.streamVersion)
    return book && { book, stored: true }
  }

  const add = (cell: CellKey, sums: CostSums, archived: 0 | 1): void => {
    const name = (text: string | null): number => (text === null ? NO_NAME : idOf(text))
    const { hour, provider, model, asked, session, agent, parentAgent, key, project } = cell
    const first = [hour, name(provider), name(model), idOf(asked)]
    const last = [name(key), name(project), archived, ...sumValues(sums)]
    addToHours.run(...first, ...last)
    addToSessions.run(...first, name(session), name(agent), name(parentAgent), ...last)
  }

  return {
    book: (row) => {
      if (!BOOKED.has(row.type) || !row.stream.startsWith(REQUEST)) return
      const event = decode(row)
      if (event === undefined) return
      const before = openRequest(row)
      const booking = bookEvent(before?.book, event, row.occurredAt, row.position)
      if (booking === undefined) return
      open.set(row.stream, { book: booking.book, stored: before?.stored ?? false })
      changed.add(row.stream)
      if (booking.entry !== undefined) entries.push(booking.entry)
    },
    write: () => {
      for (const stream of changed) {
        const request = open.get(stream)
        if (request === undefined) continue
        const values = requestCells(request.book.row, idOf)
        if (request.stored) update.run(...values.slice(FIRST_CHANGING), values[0])
        else insert.run(...values)
        request.stored = true
        if (request.book.row.outcome !== null) open.delete(stream)
      }
      changed.clear()
      for (const { cell, sums } of together(entries)) add(cell, sums, 0)
      entries = []
    },
    forget: () => {
      open.clear()
      changed.clear()
      entries = []
      names.clear()
    },
    archive: (entries) => {
      for (const { cell, sums } of together(entries)) {
        add(cell, negated(sums), 0)
        add(cell, sums, 1)
      }
    },
    addArchived: (entries) => {
      for (const { cell, sums } of entries) add(cell, sums, 1)
    },
    decodeWith: (next) => {
      decode = next
    },
  }
}

/** What an admission says never changes. */
const FIRST_CHANGING = REQUEST_COLUMNS.indexOf('strategy')
const CHANGING = REQUEST_COLUMNS.slice(FIRST_CHANGING)
