/** What a copy asks of a log, whichever database it is in. */
import type { CellKey } from '#domain/books.ts'
import type { Asking, Cells, Dialect } from '#infra/event-log/asking.ts'
import { NO_NAME, sumColumns, sumsAt } from '#infra/event-log/books-schema.ts'
import {
  type ArchivedWriter,
  type CellCursor,
  type CellPage,
  COPY_ROWS,
  type LogExtent,
  type PackedSnapshot,
} from '#infra/event-log/log-copy.ts'
import { unusable } from '#infra/event-log/log-failure.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'

type Copyable = Pick<Dialect, 'table' | 'fromText'>

const LOOK = 'look at the damage with `signalbox verify`, or restore a backup'

export function* askExtent({ table }: Copyable): Asking<LogExtent> {
  const [row] = yield {
    sql: `SELECT position, archived_to, archived_events, (SELECT coalesce(max(position), 0) FROM ${table('events')}),
        (SELECT count(*) FROM ${table('events')})
      FROM ${table('log_head')}`,
    parameters: [],
  }
  if (row === undefined) throw unusable(`the head of the event log is missing: ${LOOK}`)
  const [head, archivedTo, archivedEvents, last, events] = row.map(Number) as [number, number, number, number, number]
  return { head, archivedTo, archivedEvents, last, events }
}

export function* askRows({ table, fromText }: Copyable, after: number, upTo: number): Asking<readonly RawRow[]> {
  const rows = yield {
    sql: `SELECT position, stream, stream_version, type, schema_version,
        (SELECT name FROM ${table('writers')} WHERE id = events.writer), writer_seq, occurred_at, recorded_at,
        correlation, causation, data
      FROM ${table('events')} AS events WHERE position > ? AND position <= ? ORDER BY position LIMIT ${COPY_ROWS}`,
    parameters: [after, upTo],
  }
  return rows.map((cells) => {
    const row = [...cells]
    if (row[WRITER] === null) throw unusable(`the writer of event ${row[0]} is missing: ${LOOK}`)
    for (const place of TEXTS) if (row[place] !== null) row[place] = fromText(String(row[place]))
    return row as unknown as RawRow
  })
}

/** Places in a RawRow. */
const [STREAM, WRITER, CORRELATION] = [1, 5, 9]
const TEXTS = [STREAM, WRITER, CORRELATION]

export function* askArchivedWriters({ table, fromText }: Copyable): Asking<readonly ArchivedWriter[]> {
  const rows = yield {
    sql: `SELECT name, archived_seq FROM ${table('writers')} WHERE archived_seq > 0`,
    parameters: [],
  }
  return rows.map(([name, seq]) => ({ name: fromText(String(name)), archivedSeq: Number(seq) }))
}

const CELL_PAGE = 500

/**
 * Of `cost_sessions`: `cost_hours` has the same sums without the session. In the order of its primary key, whose index brings the
 * pages.
 */
const KEY = [
  ...['session', 'agent', 'parent_agent', 'hour', 'provider', 'model', 'asked', 'client_key', 'project'],
] as const
/** Numbers of names and hours are not negative. */
const BEFORE_ALL = KEY.map(() => -1)

export function* askArchivedCells({ table, fromText }: Copyable, after: CellCursor | undefined): Asking<CellPage> {
  const names = KEY.map((column) => `(SELECT name FROM ${table('names')} WHERE id = cells.${column})`)
  const rows = yield {
    sql: `SELECT ${[...KEY, ...names, ...sumColumns].join(', ')} FROM ${table('cost_sessions')} AS cells
      WHERE archived = 1 AND (${KEY.join(', ')}) > (${KEY.map(() => '?').join(', ')})
      ORDER BY ${KEY.join(', ')} LIMIT ${CELL_PAGE}`,
    parameters: after ?? BEFORE_ALL,
  }
  const last = rows.length === CELL_PAGE ? rows.at(-1) : undefined
  return {
    entries: rows.map((cells) => ({ cell: keyOf(cells, fromText), sums: sumsAt(cells, 2 * KEY.length) })),
    next: last?.slice(0, KEY.length).map(Number),
  }
}

const keyOf = (cells: Cells, fromText: (text: string) => string): CellKey => {
  const name = (column: (typeof KEY)[number]): string | null => {
    const place = KEY.indexOf(column)
    if (cells[place] === NO_NAME) return null
    const text = cells[KEY.length + place]
    if (typeof text !== 'string') throw unusable(`the name ${cells[place]} of the books is missing: ${LOOK}`)
    return fromText(text)
  }
  return {
    hour: Number(cells[KEY.indexOf('hour')]),
    provider: name('provider'),
    model: name('model'),
    asked: name('asked') ?? '',
    session: name('session'),
    agent: name('agent'),
    parentAgent: name('parent_agent'),
    key: name('client_key'),
    project: name('project'),
  }
}

export function* askSnapshotAfter(
  { table }: Copyable,
  after: Pick<PackedSnapshot, 'version' | 'position'> | undefined,
): Asking<PackedSnapshot | undefined> {
  const [row] = yield {
    sql: `SELECT version, position, occurred_at, base, state FROM ${table('snapshots')}
      WHERE (version, position) > (?, ?) ORDER BY version, position LIMIT 1`,
    parameters: [after?.version ?? '', after?.position ?? 0],
  }
  if (row === undefined) return undefined
  // The one question with a column of bytes.
  const [version, position, occurredAt, base, state] = row as unknown as readonly [
    version: string,
    position: number,
    occurredAt: number | null,
    base: number | null,
    state: Uint8Array,
  ]
  return { version, position, occurredAt, base, state }
}
