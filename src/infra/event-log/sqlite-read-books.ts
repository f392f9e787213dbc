/** The books on a reading connection of SQLite. */
import type { Database } from 'better-sqlite3'
import type { BookedRequest } from '#domain/books.ts'
import type { CostQuery, CostReport, RequestPage, RequestQuery, SessionBook, SpentQuery } from '#domain/books-query.ts'
import { type Asking, answerNow } from '#infra/event-log/asking.ts'
import type { SpentByModel } from '#infra/event-log/books-costs.ts'
import { makeQuestions } from '#infra/event-log/books-questions.ts'
import type { PositionsOf } from '#infra/event-log/books-requests.ts'
import { rowsOf, sqlite } from '#infra/event-log/sqlite-questions.ts'

export const makeReadBooks = (database: Database) => {
  const { costs, spent, requests, request, session } = makeQuestions(sqlite, positionsOf)
  const answer = <A>(asking: Asking<A>): A => answerNow(asking, rowsOf(database))
  return {
    costs: (query: CostQuery): CostReport => answer(costs(query)),
    spent: (query: SpentQuery): SpentByModel => answer(spent(query)),
    requests: (query: RequestQuery): RequestPage => answer(requests(query)),
    request: (requestId: string): BookedRequest | undefined => answer(request(requestId)),
    session: (sessionId: string): SessionBook | undefined => answer(session(sessionId)),
  }
}

/** A clock that is set back by more than this may hide rows from a question for a span of time. */
export const CLOCK_STEP_MS = 3_600_000

/** Rows lie in the order of admission as far as clocks are right within CLOCK_STEP_MS. */
const positionsOf: PositionsOf = function* ({ from, to }) {
  if (from === undefined && to === undefined) return { from, to }
  const [bounds] = yield { sql: 'SELECT min(position), max(position) FROM requests', parameters: [] }
  const [low, high] = [Number(bounds?.[0] ?? 0), Number(bounds?.[1] ?? 0)]
  return {
    from: from === undefined ? undefined : yield* firstSince(low, high, from - CLOCK_STEP_MS),
    to: to === undefined ? undefined : yield* firstSince(low, high, to + CLOCK_STEP_MS),
  }
}

/** By halving. */
function* firstSince(lowest: number, highest: number, time: number): Asking<number> {
  let [low, high] = [lowest, highest]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [row] = yield {
      sql: 'SELECT position, admitted_at FROM requests WHERE position >= ? ORDER BY position LIMIT 1',
      parameters: [middle],
    }
    if (row === undefined || Number(row[1]) >= time) high = middle
    else low = Number(row[0]) + 1
  }
  return low
}
