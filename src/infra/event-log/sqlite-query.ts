/**
 * A ReadQuery as SQL. Kysely builds the text; the prepared statement runs it.
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
import { isCommonType, MOST_ROWS, RARE } from '#infra/event-log/read-limits.ts'
import { streamImplying } from '#infra/event-log/row.ts'
import type { LogTables } from '#infra/event-log/sqlite-tables.ts'

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

/** Rows in the order of RawRow, with the writer's id in place of its name. */
export const compileRead = (query: ReadQuery, bounds: Bounds): CompiledQuery => {
  const { types, stream, correlation, since, until } = query
  let select = db
    .selectFrom('events')
    .select([
      'position',
      'stream',
      'stream_version',
      'type',
      'schema_version',
      'writer',
      'writer_seq',
      'occurred_at',
      'recorded_at',
      'correlation',
      'causation',
      'data',
    ])
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
