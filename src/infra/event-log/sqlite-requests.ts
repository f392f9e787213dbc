/**
 * Questions for requests. Rows are walked from the newest on, by the index of whatever is rarest among what is asked for; a
 * span of time is a span of positions, widened by what the clock may have gone back (every row is compared again).
 */
import type { Database } from 'better-sqlite3'
import type { BookedRequest } from '#domain/books.ts'
import { MOST_REQUEST_ROWS, type RequestPage, type RequestQuery } from '#domain/books-query.ts'
import { streamImplying } from '#infra/event-log/row.ts'
import { type Cells, endingNumber, REQUEST_COLUMNS, requestOf } from '#infra/event-log/books-schema.ts'
import type { Names } from '#infra/event-log/sqlite-names.ts'

const COLUMNS = REQUEST_COLUMNS.join(', ')

export const makeRequests = (database: Database, names: Names) => {
  const byId = database
    .prepare<[string, string], Cells>(
      `SELECT ${COLUMNS} FROM requests
       WHERE position = (SELECT position FROM events WHERE stream = ? AND stream_version = 1) AND id = ?`,
    )
    .raw()

  const select = (conditions: readonly string[], parameters: readonly unknown[], limit: number) =>
    (
      database
        .prepare<unknown[], Cells>(
          `SELECT ${COLUMNS} FROM requests${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`}
           ORDER BY position DESC LIMIT ${limit}`,
        )
        .raw()
        .all(...parameters) as Cells[]
    ).map((cells) => requestOf(cells, names.nameOf))

  const requests = (query: RequestQuery): RequestPage => {
    const limit = Math.max(1, Math.min(query.limit, MOST_REQUEST_ROWS))
    const conditions: string[] = []
    const parameters: (string | number)[] = []
    const where = (condition: string, value: string | number): void => {
      conditions.push(condition)
      parameters.push(value)
    }
    for (const [column, name] of namesIn(query)) {
      if (name === undefined) continue
      const id = names.idOf(name)
      if (id === undefined) return { rows: [] }
      where(`${column} = ?`, id)
    }
    if (query.outcome === 'inFlight') conditions.push('outcome IS NULL', SINCE_LAST_START)
    else if (query.outcome === 'succeeded') conditions.push('outcome = 1')
    // The second condition is that of the index, word for word.
    else if (query.outcome !== undefined) conditions.push(`outcome = ${endingNumber(query.outcome)}`, 'outcome > 1')
    if (query.before !== undefined) where('position < ?', query.before)
    if (query.from !== undefined) where('admitted_at >= ?', query.from)
    if (query.to !== undefined) where('admitted_at < ?', query.to)
    if (query.minimumNanoUsd !== undefined) where('cost_nano >= ?', query.minimumNanoUsd)
    const { from, to } = spanOf(query)
    if (from !== undefined) where('position >= ?', from)
    if (to !== undefined) where('position <= ?', to)
    const found = select(conditions, parameters, limit + 1)
    const rows = found.slice(0, limit)
    const last = rows.at(-1)
    return found.length > limit && last !== undefined ? { rows, next: last.position } : { rows }
  }

  const first = database.prepare<[], number>('SELECT min(position) FROM requests').pluck()
  const last = database.prepare<[], number>('SELECT max(position) FROM requests').pluck()
  const admittedAt = database.prepare<[number], { readonly position: number; readonly at: number }>(
    'SELECT position, admitted_at AS at FROM requests WHERE position >= ? ORDER BY position LIMIT 1',
  )

  /** Positions outside of which nothing was admitted in the span, as far as clocks are right within CLOCK_STEP_MS. */
  const spanOf = ({ from, to }: RequestQuery) => {
    const bounds = { low: first.get() ?? 0, high: last.get() ?? 0 }
    return {
      from: from === undefined ? undefined : firstSince(bounds, from - CLOCK_STEP_MS),
      to: to === undefined ? undefined : firstSince(bounds, to + CLOCK_STEP_MS),
    }
  }

  /** By halving: the rows lie in the order of admission, but for steps of the clock. */
  const firstSince = (bounds: { readonly low: number; readonly high: number }, time: number): number => {
    let { low, high } = bounds
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const row = admittedAt.get(middle)
      if (row === undefined || row.at >= time) high = middle
      else low = row.position + 1
    }
    return low
  }

  const request = (requestId: string): BookedRequest | undefined => {
    const cells = byId.get(streamImplying(requestId), requestId)
    return cells && requestOf(cells, names.nameOf)
  }

  return { requests, request }
}

/** A clock that is set back by more than this may hide rows from a question for a span of time. */
const CLOCK_STEP_MS = 3_600_000

/** A start closes what an earlier process left open, so nothing before it is under way. */
const SINCE_LAST_START = `position > coalesce((SELECT max(position) FROM events WHERE type = 'BoxStarted'
  AND type NOT IN ('RequestAdmitted', 'RouteChosen', 'AttemptStarted', 'AttemptSucceeded')), 0)`

const namesIn = (query: RequestQuery): readonly (readonly [column: string, name: string | undefined])[] => [
  ['session', query.session],
  ['provider', query.provider],
  ['model', query.model],
  ['client_key', query.key],
  ['project', query.project],
]
