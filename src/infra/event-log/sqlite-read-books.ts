/** The books on a reading connection: sums, requests, and both together for a session. */
import type { Database } from 'better-sqlite3'
import { agentTree, MOST_REQUEST_ROWS, type SessionBook } from '#domain/books-query.ts'
import { makeCosts } from '#infra/event-log/sqlite-costs.ts'
import { makeNames } from '#infra/event-log/sqlite-names.ts'
import { makeRequests } from '#infra/event-log/sqlite-requests.ts'

export const makeReadBooks = (database: Database) => {
  const names = makeNames(database)
  const { costs, spent, agents } = makeCosts(database, names)
  const { requests, request } = makeRequests(database, names)

  const session = (sessionId: string): SessionBook | undefined => {
    const own = agents(sessionId)
    if (own === undefined) return undefined
    const { rows } = requests({ session: sessionId, limit: MOST_REQUEST_ROWS })
    return own.length === 0 && rows.length === 0 ? undefined : { sessionId, root: agentTree(own), requests: rows }
  }

  return { costs, spent, requests, request, session }
}
