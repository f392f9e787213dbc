/**
 * A ReadQuery as SQL, and where the log stood at a moment. Kysely builds the text.
 *
 *  - stream, correlation: their index in each partition, then sorted; the sets are small (`position + 0` keeps the planner from using
 *    the index on positions, along which it would have to walk until it has found them)
 *  - only rare types: their index; time, and all else: along the log, where marks of time tell between which positions
 */
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from 'kysely'
import type { LogPlace, ReadQuery } from '#actors/ports.ts'
import type { Ask } from '#infra/event-log/postgres-connections.ts'
import { COLUMNS } from '#infra/event-log/postgres-row.ts'
import { MARK_POSITIONS, type PostgresLogTables, toText } from '#infra/event-log/postgres-tables.ts'
import { isCommonType, MOST_ROWS, RARE } from '#infra/event-log/read-limits.ts'
import { streamImplying } from '#infra/event-log/row.ts'

/** Builds queries, runs none. */
const db = new Kysely<PostgresLogTables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

/** Rows in the order of RawRow. */
export const compileRead = (query: ReadQuery): CompiledQuery => {
  const { types, stream, correlation, since, until, after, before, descending } = query
  const position = isSmall(query) ? sql<number>`(position + 0)` : sql.ref<number>('position')
  let select = db
    .selectFrom('signalbox.events as events')
    // All of them; the name is that of the last.
    .select(sql.raw(COLUMNS).as('data'))
    .orderBy(position, descending === true ? 'desc' : 'asc')
    .limit(Math.max(0, Math.min(query.limit, MOST_ROWS)))
  if (descending !== true) select = select.where(position, '>', after)
  else if (before !== undefined) select = select.where(position, '<', before)
  if (stream !== undefined) select = select.where('stream', '=', toText(stream))
  if (correlation !== undefined) {
    const column = toText(correlation)
    select = select.where((is) =>
      is.or([
        is.and([is('stream', '=', streamImplying(column)), is('correlation', 'is', null)]),
        is('correlation', '=', column),
      ]),
    )
  }
  if (types !== undefined) {
    select = select.where('type', '=', sql<string>`ANY (${types})`)
    // The condition of the index on rare types, word for word.
    if (!types.some(isCommonType)) select = select.where(sql.raw<boolean>(RARE))
  }
  if (since !== undefined) select = select.where('occurred_at', '>=', since).where('position', '>=', firstSince(since))
  if (until !== undefined) select = select.where('occurred_at', '<=', until).where('position', '<', endOf(until))
  return select.compile()
}

/** True where few rows can be meant, however long the log is. */
const isSmall = ({ stream, correlation }: ReadQuery): boolean => stream !== undefined || correlation !== undefined

const MARKS = `${MARK_POSITIONS}`

/** No event before this position occurred at that time or later. */
const firstSince = (time: number) =>
  sql<number>`(SELECT coalesce(min(block) * ${sql.raw(MARKS)}, 9223372036854775807) FROM signalbox.time_marks WHERE last_at >= ${time})`

/** No event from this position on occurred at that time or earlier. */
const endOf = (time: number) =>
  sql<number>`(SELECT coalesce((max(block) + 1) * ${sql.raw(MARKS)}, 0) FROM signalbox.time_marks WHERE first_at <= ${time})`

/** By the marks, so it is exact however clocks were set. */
const PLACE_AT = `
  SELECT h.archived_to,
    coalesce((SELECT position FROM signalbox.events
      WHERE occurred_at <= $1 AND position <
        (SELECT coalesce((max(block) + 1) * ${MARKS}, 0) FROM signalbox.time_marks WHERE first_at <= $1)
      ORDER BY position DESC LIMIT 1), 0),
    coalesce((SELECT max(position) FROM signalbox.snapshots WHERE occurred_at <= $1), 0)
  FROM signalbox.log_head h`

export const placeAt = async (ask: Ask, at: number): Promise<LogPlace> => {
  const [row] = await ask(PLACE_AT, [at])
  const [archivedTo, position, snapshot] = [Number(row?.[0]), Number(row?.[1]), Number(row?.[2])]
  // Where events are gone, a snapshot still tells that its last one had occurred by then.
  return { position: archivedTo > 0 ? Math.max(position, snapshot) : position, archivedTo }
}
