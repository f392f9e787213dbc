/**
 * Entry of the reader thread: a read-only connection that answers queries in short transactions, so that it never holds
 * up a checkpoint.
 */
import { statSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { Database } from 'better-sqlite3'
import type { DatedSnapshot, LogPlace, LogStats, ReadQuery } from '#actors/ports.ts'
import type { CostQuery, RequestQuery, SpentQuery } from '#domain/books-query.ts'
import type { SpentByModel } from '#infra/event-log/books-costs.ts'
import { packCosts } from '#infra/event-log/cost-text.ts'
import { writePage } from '#infra/event-log/page-text.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'
import { MOST_ROWS } from '#infra/event-log/read-limits.ts'
import { openForReading } from '#infra/event-log/sqlite-open.ts'
import { makePlaceAt } from '#infra/event-log/sqlite-place.ts'
import { type Bounds, compileRead, walksTheLog } from '#infra/event-log/sqlite-query.ts'
import { makeReadBooks } from '#infra/event-log/sqlite-read-books.ts'
import { makeReadSnapshots } from '#infra/event-log/sqlite-read-snapshots.ts'
import { attempt, converse, endConversation } from '#infra/event-log/worker-port.ts'

export interface ReaderData {
  readonly path: string
  /** False: open the file with the first call. The thread can then load while the writer still makes the file. */
  readonly openAtOnce: boolean
  /** The current schema version of each event type. */
  readonly versions: ReadonlyMap<string, number>
}

/** What the reader thread can be asked for. */
export interface ReaderCalls {
  /** A page for readPage. `asRows`: every row for itself, for a page that is not JSON as a whole. */
  readonly read: (request: { readonly query: ReadQuery; readonly asRows: boolean }) => string
  readonly head: (nothing: null) => number
  readonly snapshotBefore: (wanted: { readonly version: string; readonly position: number }) => DatedSnapshot | null
  readonly placeAt: (at: number) => LogPlace
  readonly stats: (nothing: null) => LogStats
  /** The answers of the books are JSON: the main thread parses a text faster than it takes objects over. */
  readonly costs: (query: CostQuery) => string
  readonly requests: (query: RequestQuery) => string
  readonly request: (requestId: string) => string | null
  readonly session: (sessionId: string) => string | null
  readonly spent: (query: SpentQuery) => SpentByModel
  readonly close: (nothing: null) => null
}

const makeReader = (
  path: string,
  database: Database,
  versions: ReadonlyMap<string, number>,
): ReaderCalls & { readonly readAhead: () => void } => {
  const selectHead = database.prepare<[], number>('SELECT position FROM log_head').pluck()
  const snapshotBefore = makeReadSnapshots(database)
  const firstSince = database
    .prepare<[number], number | null>('SELECT min(position) FROM events WHERE occurred_at >= ?')
    .pluck()
  const lastUntil = database
    .prepare<[number], number | null>('SELECT max(position) FROM events WHERE occurred_at <= ?')
    .pluck()
  const selectWriter = database.prepare<[number], string>('SELECT name FROM writers WHERE id = ?').pluck()
  const writers = new Map<number, string>()
  const nameOf = (id: number): string => {
    const known = writers.get(id)
    if (known !== undefined) return known
    const name = selectWriter.get(id)
    // A row without its writer is damage; verify reports it, reading goes on.
    if (name === undefined) return `unknown writer ${id}`
    writers.set(id, name)
    return name
  }

  const named = (row: IdRow): RawRow => {
    row[WRITER_CELL] = nameOf(Number(row[WRITER_CELL]))
    return row as unknown as RawRow
  }

  const boundsOf = (query: ReadQuery): Bounds => {
    const descending = query.descending === true
    const from = descending ? 1 : query.after + 1
    const to = descending && query.before !== undefined ? query.before - 1 : Number.MAX_SAFE_INTEGER
    if (!walksTheLog(query)) return { from, to }
    const { since, until } = query
    return {
      from: since === undefined ? from : Math.max(from, firstSince.get(since) ?? Number.MAX_SAFE_INTEGER),
      to: until === undefined ? to : Math.min(to, lastUntil.get(until) ?? 0),
    }
  }

  const pageOf = (query: ReadQuery, current: ReadonlyMap<string, number>) => {
    const { sql, parameters } = compileRead(query, boundsOf(query))
    const found = database
      .prepare<unknown[], IdRow>(sql)
      .raw()
      .all(...parameters) as IdRow[]
    const last = Number(found.at(-1)?.[0] ?? query.after)
    return { text: writePage(found.map(named), current), full: found.length === query.limit, last }
  }

  const book = makeReadBooks(database)

  /** The page that a replay will ask for next, made while the main thread folds the one before. */
  let ahead:
    | { readonly after: number; readonly limit: number; readonly text: string; readonly last: number }
    | undefined
  let wanted: { readonly after: number; readonly limit: number } | undefined

  return {
    read: ({ query, asRows }) => {
      if (asRows) return pageOf(query, new Map()).text
      const ready = isReplay(query) && ahead?.after === query.after && ahead.limit === query.limit ? ahead : undefined
      ahead = undefined
      const page = ready === undefined ? pageOf(query, versions) : { ...ready, full: true }
      wanted = isReplay(query) && page.full ? { after: page.last, limit: query.limit } : undefined
      return page.text
    },
    readAhead: () => {
      if (wanted === undefined) return
      const page = pageOf(wanted, versions)
      // A full page of an append-only log stays what it is; one that is not full may grow before it is asked for.
      if (page.full) ahead = { ...wanted, text: page.text, last: page.last }
      wanted = undefined
    },
    head: () => selectHead.get() ?? 0,
    snapshotBefore: ({ version, position }) => snapshotBefore(version, position),
    placeAt: makePlaceAt(database),
    stats: () => ({
      head: selectHead.get() ?? 0,
      databaseBytes: bytesOf(path),
      walBytes: bytesOf(`${path}-wal`),
    }),
    costs: (query) => packCosts(book.costs(query)),
    requests: (query) => JSON.stringify(book.requests(query)),
    request: (requestId) => textOf(book.request(requestId)),
    session: (sessionId) => textOf(book.session(sessionId)),
    spent: book.spent,
    close: () => {
      database.close()
      return null
    },
  }
}

const textOf = (found: object | undefined): string | null => (found === undefined ? null : JSON.stringify(found))

/** Long unfiltered pages in the log's order: a boot, an export. The next page begins where this one ends. */
const isReplay = (query: ReadQuery): boolean =>
  query.limit >= 1_000 && query.limit <= MOST_ROWS && query.descending !== true && Object.keys(query).every(isPlainKey)

const isPlainKey = (key: string): boolean => key === 'after' || key === 'limit' || key === 'descending'

/** A RawRow that still has the writer's id where its name goes. */
type IdRow = (string | number | null)[]
const WRITER_CELL = 5

const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

await converse(async () => {
  const { path, openAtOnce, versions } = workerData as ReaderData
  let reader: ReturnType<typeof makeReader> | undefined
  const opened = () => {
    reader ??= makeReader(path, openForReading(path), versions)
    return reader
  }
  if (openAtOnce) opened()
  return (waiting, reply) => {
    for (const [id, operation, payload] of waiting) {
      if (operation === 'close') {
        reply([attempt(id, () => reader?.close(null) ?? null)])
        endConversation()
        return
      }
      const call = operation as Exclude<keyof ReaderCalls, 'close'>
      reply([attempt(id, () => (opened()[call] as (payload: unknown) => unknown)(payload))])
    }
    reader?.readAhead()
  }
})
