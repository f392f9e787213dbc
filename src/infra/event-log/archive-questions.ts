/**
 * Which requests go to an archive, and their rows, asked of any database. A request goes as a whole, with all its events: so no
 * stream is ever cut in two. Events of no request stay: they are few, and client keys, settings and policies stand nowhere else.
 */
import type { Asking, Dialect } from '#infra/event-log/asking.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'

/**
 * The requests that were admitted up to a position and before a time (epoch ms), and had ended at another position: all of that
 * is past, so the set never changes but by removal.
 */
export interface ArchiveBounds {
  readonly admittedTo: number
  readonly before: number
  readonly endedTo: number
}

/** What would go: `bounds` name it for ever. Times are epoch ms of admissions. */
export interface ArchivePlan {
  readonly bounds: ArchiveBounds
  readonly requests: number
  readonly events: number
  readonly firstAt: number
  readonly lastAt: number
}

export interface PlanQuery {
  /** Only requests that were admitted before this, epoch ms. */
  readonly before: number
  /** Position of the newest snapshot, without which a start would need what is deleted. */
  readonly covered: number
}

export interface RemovedSlice {
  readonly requests: number
  readonly events: number
}

/** A condition on rows of requests. */
export const CHOSEN = 'requests.position <= ? AND requests.admitted_at < ? AND requests.ended_position <= ?'
/** Its parameters. */
export const chosenBy = ({ admittedTo, before, endedTo }: ArchiveBounds): [number, number, number] => [
  admittedTo,
  before,
  endedTo,
]

type Archivable = Pick<Dialect, 'table' | 'firstOf' | 'sizeOf' | 'fromText'>

/** Undefined: there is nothing to archive. */
export function* planArchive(
  { table, sizeOf }: Archivable,
  { before, covered }: PlanQuery,
): Asking<ArchivePlan | undefined> {
  const [top] = yield { sql: `SELECT position FROM ${table('log_head')}`, parameters: [] }
  const head = Number(top?.[0] ?? 0)
  const wide = { admittedTo: head, before, endedTo: Math.min(head, covered) }
  const [found] = yield {
    sql: `SELECT count(*), min(admitted_at), max(admitted_at), max(position)
      FROM ${table('requests')} AS requests WHERE ${CHOSEN}`,
    parameters: chosenBy(wide),
  }
  if (found === undefined || found[1] === null) return undefined
  const [requests, firstAt, lastAt, admittedTo] = found.map(Number) as [number, number, number, number]
  const bounds = { ...wide, admittedTo }
  const [counted] = yield {
    sql: `SELECT sum((${sizeOf("'request:' || requests.id")})) FROM ${table('requests')} AS requests WHERE ${CHOSEN}`,
    parameters: chosenBy(bounds),
  }
  return { bounds, requests, events: Number(counted?.[0] ?? 0), firstAt, lastAt }
}

/** The chosen requests' next events, and those of no request up to there, in the order of the log. */
export function* archivePage(
  { table, firstOf, fromText }: Archivable,
  { admittedTo, ...bounds }: ArchiveBounds,
  after: number,
  rows: number,
): Asking<readonly RawRow[]> {
  const [top] = yield { sql: `SELECT archived_to FROM ${table('log_head')}`, parameters: [] }
  const page = yield {
    sql: `SELECT position, stream, stream_version, type, schema_version,
        (SELECT name FROM ${table('writers')} WHERE id = events.writer), writer_seq, occurred_at, recorded_at,
        correlation, causation, data
      FROM ${table('events')} AS events
      WHERE position > ? AND position <= ? AND CASE WHEN stream LIKE 'request:%'
        THEN EXISTS (SELECT 1 FROM ${table('requests')} AS requests
          WHERE ${CHOSEN} AND requests.position = (${firstOf('events.stream')}))
        ELSE position > ? AND position <= ? END
      ORDER BY position LIMIT ${rows}`,
    parameters: [after, bounds.endedTo, ...chosenBy({ admittedTo, ...bounds }), Number(top?.[0] ?? 0), admittedTo],
  }
  return (page as unknown as readonly RawRow[]).map((row) => {
    const [position, stream, version, type, schema, writer, seq, occurredAt, recordedAt, correlation, ...rest] = row
    const column = correlation === null ? null : fromText(correlation)
    return [
      position,
      fromText(stream),
      version,
      type,
      schema,
      fromText(writer),
      seq,
      occurredAt,
      recordedAt,
      column,
      ...rest,
    ]
  })
}
