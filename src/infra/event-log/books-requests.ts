/**
 * Questions for requests. Rows are walked from the newest on, by the index of whatever is rarest among what is asked for; a
 * span of time is a span of positions, which each database finds in its own way (every row is compared again).
 */
import type { BookedRequest } from '#domain/books.ts'
import { MOST_REQUEST_ROWS, type RequestPage, type RequestQuery, type Span } from '#domain/books-query.ts'
import type { Asking, Cells, Dialect } from '#infra/event-log/asking.ts'
import type { Names } from '#infra/event-log/books-names.ts'
import { endingNumber, NAME_CELLS, REQUEST_COLUMNS, requestOf } from '#infra/event-log/books-schema.ts'
import { RARE } from '#infra/event-log/read-limits.ts'
import { streamImplying } from '#infra/event-log/row.ts'

/** Positions outside of which nothing was admitted in a span; undefined: no bound. Both inclusive. */
export type PositionsOf = (span: Span) => Asking<{ readonly from: number | undefined; readonly to: number | undefined }>

export const makeRequests = (dialect: Dialect, names: Names, positionsOf: PositionsOf) => {
  const { table, toText } = dialect
  const columns = `SELECT ${REQUEST_COLUMNS.join(', ')} FROM ${table('requests')}`

  /** A start closes what an earlier process left open, so nothing before it is under way. */
  const sinceLastStart = `position > coalesce((SELECT max(position) FROM ${table('events')} WHERE type = 'BoxStarted'
    AND ${RARE} AND ${dialect.isLoneStart}), 0)`

  function* named(rows: readonly Cells[]): Asking<readonly BookedRequest[]> {
    const ids = rows.flatMap((cells) => NAME_CELLS.flatMap((at) => (cells[at] === null ? [] : [Number(cells[at])])))
    const nameOf = yield* names.of(ids)
    return rows.map((cells) => requestOf(cells, nameOf))
  }

  function* requests(query: RequestQuery): Asking<RequestPage> {
    const limit = Math.max(1, Math.min(query.limit, MOST_REQUEST_ROWS))
    const conditions: string[] = []
    const parameters: (string | number)[] = []
    const where = (condition: string, value: string | number): void => {
      conditions.push(condition)
      parameters.push(value)
    }
    for (const [column, name] of namesIn(query)) {
      if (name === undefined) continue
      const id = yield* names.idOf(name)
      if (id === undefined) return { rows: [] }
      where(`${column} = ?`, id)
    }
    if (query.outcome === 'inFlight') conditions.push('outcome IS NULL', sinceLastStart)
    else if (query.outcome === 'succeeded') conditions.push('outcome = 1')
    // The second condition is that of the index, word for word.
    else if (query.outcome !== undefined) conditions.push(`outcome = ${endingNumber(query.outcome)}`, 'outcome > 1')
    if (query.before !== undefined) where('position < ?', query.before)
    if (query.from !== undefined) where('admitted_at >= ?', query.from)
    if (query.to !== undefined) where('admitted_at < ?', query.to)
    if (query.minimumNanoUsd !== undefined) where('cost_nano >= ?', query.minimumNanoUsd)
    const { from, to } = yield* positionsOf(query)
    if (from !== undefined) where('position >= ?', from)
    if (to !== undefined) where('position <= ?', to)
    const found = yield {
      sql: `${columns}${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`}
        ORDER BY position DESC LIMIT ${limit + 1}`,
      parameters,
    }
    const rows = yield* named(found.slice(0, limit))
    const last = rows.at(-1)
    return found.length > limit && last !== undefined ? { rows, next: last.position } : { rows }
  }

  function* request(requestId: string): Asking<BookedRequest | undefined> {
    const found = yield {
      sql: `${columns} WHERE position = (${dialect.firstOf('?')}) AND id = ?`,
      parameters: [toText(streamImplying(requestId)), toText(requestId)],
    }
    return (yield* named(found))[0]
  }

  return { requests, request }
}

const namesIn = (query: RequestQuery): readonly (readonly [column: string, name: string | undefined])[] => [
  ['session', query.session],
  ['provider', query.provider],
  ['model', query.model],
  ['client_key', query.key],
  ['project', query.project],
]
