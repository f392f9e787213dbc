/** What the books of a database can be asked: sums, requests, and both together for a session. */
import { agentTree, MOST_REQUEST_ROWS, type SessionBook } from '#domain/books-query.ts'
import type { Asking, Dialect } from '#infra/event-log/asking.ts'
import { makeCosts } from '#infra/event-log/books-costs.ts'
import { makeNames } from '#infra/event-log/books-names.ts'
import { makeRequests, type PositionsOf } from '#infra/event-log/books-requests.ts'

export const makeQuestions = (dialect: Dialect, positionsOf: PositionsOf) => {
  const names = makeNames(dialect)
  const { costs, spent, agents } = makeCosts(dialect, names)
  const { requests, request } = makeRequests(dialect, names, positionsOf)

  function* session(sessionId: string): Asking<SessionBook | undefined> {
    const own = yield* agents(sessionId)
    if (own === undefined) return undefined
    const { rows } = yield* requests({ session: sessionId, limit: MOST_REQUEST_ROWS })
    return own.length === 0 && rows.length === 0 ? undefined : { sessionId, root: agentTree(own), requests: rows }
  }

  return { costs, spent, requests, request, session }
}
