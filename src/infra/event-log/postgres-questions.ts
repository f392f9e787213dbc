/** How questions that are written for every database are put to PostgreSQL. */
import { type Asking, answerLater, type Cells, type Dialect } from '#infra/event-log/asking.ts'
import { makeQuestions } from '#infra/event-log/books-questions.ts'
import type { PositionsOf } from '#infra/event-log/books-requests.ts'
import { type Verifiable, verifyLog } from '#infra/event-log/log-verify.ts'
import type { Ask } from '#infra/event-log/postgres-connections.ts'
import { reasonOf } from '#infra/event-log/postgres-failure.ts'
import { fromText, MARK_POSITIONS, SCHEMA, toText } from '#infra/event-log/postgres-tables.ts'

const table = (name: string): string => `${SCHEMA}.${name}`

export const postgres: Dialect = {
  table,
  toText,
  fromText,
  firstOf: (stream) => `SELECT s.first FROM ${table('streams')} s WHERE s.stream = ${stream}`,
  sizeOf: (stream) => `SELECT s.version FROM ${table('streams')} s WHERE s.stream = ${stream}`,
  isLoneStart: `data ->> 'shared' IS NULL`,
}

/** Exact, whatever clocks did: no event before a block of marks is as late as any in it. */
const positionsOf: PositionsOf = function* ({ from, to }) {
  if (from === undefined && to === undefined) return { from, to }
  const [row] = yield {
    sql: `SELECT (SELECT min(block) FROM ${table('time_marks')} WHERE last_at >= ?),
      (SELECT max(block) FROM ${table('time_marks')} WHERE first_at < ?)`,
    parameters: [from ?? 0, to ?? 0],
  }
  const [first, last] = [row?.[0] ?? Number.MAX_SAFE_INTEGER, row?.[1] ?? -1]
  return {
    from: from === undefined ? undefined : Math.min(Number(first) * MARK_POSITIONS, Number.MAX_SAFE_INTEGER),
    to: to === undefined ? undefined : (Number(last) + 1) * MARK_POSITIONS - 1,
  }
}

export const answer = <A>(ask: Ask, asking: Asking<A>): Promise<A> =>
  answerLater(asking, async ({ sql, parameters }) => {
    let place = 0
    // The statements hold no other question mark.
    return (await ask(
      sql.replace(/\?/g, () => `$${++place}`),
      parameters,
    )) as readonly Cells[]
  })

export const makePostgresQuestions = () => makeQuestions(postgres, positionsOf)

/** What append takes on trust must be what the log says. */
const VERIFIABLE: Verifiable = {
  table,
  fromText,
  name: 'PostgreSQL',
  *checkItself(report) {
    const wrong = yield {
      sql: `SELECT s.stream, s.version, e.version
        FROM ${table('streams')} s
        FULL JOIN (SELECT stream, max(stream_version) AS version FROM ${table('events')} GROUP BY stream) e USING (stream)
        WHERE s.version IS DISTINCT FROM e.version LIMIT 100`,
      parameters: [],
    }
    for (const [stream, noted, last] of wrong) {
      report(
        null,
        `stream ${stream === null ? 'unknown' : fromText(String(stream))} is noted at ${noted}, its last event is ${last}`,
      )
    }
    const writers = yield {
      sql: `SELECT w.name, w.last_seq, e.seq
        FROM ${table('writers')} w
        LEFT JOIN (SELECT writer, max(writer_seq) AS seq FROM ${table('events')} GROUP BY writer) e ON e.writer = w.id
        WHERE w.last_seq <> greatest(w.archived_seq, coalesce(e.seq, 0)) LIMIT 100`,
      parameters: [],
    }
    for (const [writer, noted, last] of writers) {
      report(null, `writer ${fromText(String(writer))} is noted at ${noted}, its last event is ${last}`)
    }
  },
  lastVersion: `SELECT version FROM ${table('streams')} WHERE streams.stream = events.stream`,
  isDamage: (error) => reasonOf(error)?._tag === 'Unusable',
}

export const verifyPostgres = (ask: Ask, progress: (share: number) => void) =>
  answer(ask, verifyLog(VERIFIABLE, progress))
