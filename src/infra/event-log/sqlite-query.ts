/**
 * A ReadQuery as SQL that answers with one JSON text a row. The reading thread joins the texts, the main thread parses the
 * page in one go: fetching twelve columns a row, copying them between threads and building events from them costs several
 * times more. (Measured: 5 µs a row for the columns alone, 1 µs for one text.)
 *
 * Rows of the current schema version become events as they are, without decoding: this program made them, the schemas are
 * pure checks (a property test compares with the decoder), and `verify` decodes every row in full. All other rows travel
 * as rows and go through the upcaster (readPage in codec.ts).
 *
 * The plans, because SQLite without
 * statistics would choose some of them badly (`+column` keeps the planner from using that column's index):
 *  - stream, correlation: their index, then sorted by position; the sets are small
 *  - only rare types: the index on rare types; types with a common one among them: along the log
 *  - time: along the log, between the first and the last position that the index on occurred_at allows
 */
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import type { ReadQuery } from '#actors/ports.ts'
import { streamImplying } from '#infra/event-log/row.ts'
import { isCommonType, type LogTables, RARE } from '#infra/event-log/sqlite-tables.ts'

/** The port's limit. */
export const MOST_ROWS = 10_000

/** Positions, inclusive, outside of which no row can match. */
export interface Bounds {
  readonly from: number
  readonly to: number
}

/** Builds queries, runs none. */
const db = new Kysely<LogTables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

/** `current`: the schema version of each type whose rows need no decoding; empty to have every row as a row. */
export const compileRead = (query: ReadQuery, bounds: Bounds, current: ReadonlyMap<string, number>): CompiledQuery => {
  const { types, stream, correlation, since, until } = query
  let select = db
    .selectFrom('events')
    .select(itemText(current).as('item'))
    .where('position', '>=', bounds.from)
    .where('position', '<=', bounds.to)
    .orderBy('position', query.descending === true ? 'desc' : 'asc')
    .limit(Math.max(0, Math.min(query.limit, MOST_ROWS)))
  if (stream !== undefined) select = select.where('stream', '=', stream)
  if (correlation !== undefined) {
    select = select.where((is) =>
      is.or([
        is.and([is('stream', '=', streamImplying(correlation)), is('correlation', 'is', null)]),
        is('correlation', '=', correlation),
      ]),
    )
  }
  if (types !== undefined) {
    if (types.length > 0 && !types.some(isCommonType)) {
      select = select.where('type', 'in', types).where(sql.raw<boolean>(RARE))
    } else {
      select = select.where(sql<string>`+type`, 'in', types)
    }
  }
  if (since !== undefined) select = select.where(sql<number>`+occurred_at`, '>=', since)
  if (until !== undefined) select = select.where(sql<number>`+occurred_at`, '<=', until)
  return select.compile()
}

/** True when the log is walked along its positions, so that narrow bounds save work. */
export const walksTheLog = ({ stream, correlation, types }: ReadQuery): boolean =>
  stream === undefined && correlation === undefined && (types === undefined || types.some(isCommonType))

/** A row whose writer is lost is damage; verify reports it, reading goes on. */
const WRITER = `coalesce((SELECT name FROM writers WHERE id = events.writer), 'unknown writer ' || writer)`

/** A row as a RawRow. */
const ROW = `'{"_tag":"Row","row":' || json_array(position, stream, stream_version, type, schema_version, ${WRITER},
  writer_seq, occurred_at, recorded_at, correlation, causation, data) || '}'`

/** A row as a ReadEvent; the correlation as in correlationOf, the event last and with its tag first, as it was made. */
const EVENT = `'{"_tag":"Known","recorded":{"position":' || position || ',"stream":' || json_quote(stream)
  || ',"streamVersion":' || stream_version || ',"schemaVersion":' || schema_version || ',"writer":' || json_quote(${WRITER})
  || ',"writerSeq":' || writer_seq || ',"occurredAt":' || occurred_at || ',"recordedAt":' || recorded_at
  || CASE WHEN correlation IS NOT NULL THEN iif(correlation = '', '', ',"correlation":' || json_quote(correlation))
          WHEN substr(stream, 1, 8) = 'request:' THEN ',"correlation":' || json_quote(substr(stream, 9)) ELSE '' END
  || iif(causation IS NULL, '', ',"causation":' || causation)
  || ',"event":{"_tag":"' || type || iif(data = '{}', '"', '",') || substr(data, 2) || '}}'`

const itemText = (current: ReadonlyMap<string, number>) => {
  if (current.size === 0) return sql<string>`${sql.raw(ROW)}`
  const pairs = [...current].map(([type, version]) => sql`(${type}, ${version})`)
  return sql<string>`CASE WHEN (type, schema_version) IN (VALUES ${sql.join(pairs)}) AND substr(data, 1, 1) = '{'
    THEN ${sql.raw(EVENT)} ELSE ${sql.raw(ROW)} END`
}
