/**
 * Checking a whole log, whichever database it is in: what the database says of itself, then sequences by SQL along their indexes, then
 * every row. Bounded memory; one short statement a page, but for what the database checks by itself.
 */
import type { VerifyProblem, VerifyReport } from '#actors/ports.ts'
import type { Asking, Cells, Dialect } from '#infra/event-log/asking.ts'
import { auditRow, MOST_PROBLEMS, TERMINAL_TYPES } from '#infra/event-log/audit.ts'
import { namedRow, type RawRow } from '#infra/event-log/raw-row.ts'

export type Report = (position: number | null, problem: string) => void

/** What a database brings along. */
export interface Verifiable extends Pick<Dialect, 'table' | 'fromText'> {
  /** For people. */
  readonly name: string
  /** Whatever can be wrong with this database only. */
  readonly checkItself: (report: Report) => Asking<void>
  /** SQL of the highest version of an event's stream. */
  readonly lastVersion: string
  /** A failure that the damage itself has caused. */
  readonly isDamage: (error: unknown) => boolean
}

const PAGE_ROWS = 2_000
/** Shares of the whole time after which the parts end: 0.22 and 0.39 in one run over 400,000 events in SQLite. */
const DONE = { itself: 0.2, sequences: 0.4 } as const

/** `progress` is told the share done, at most once a page. */
export function* verifyLog(database: Verifiable, progress: (share: number) => void): Asking<VerifyReport> {
  const problems: VerifyProblem[] = []
  const report: Report = (position, problem) => {
    if (problems.length < MOST_PROBLEMS) problems.push({ position, problem })
    else if (problems.length === MOST_PROBLEMS) {
      problems.push({ position: null, problem: `there are more problems than these ${MOST_PROBLEMS}` })
    }
  }
  /** A part that the damage itself stops is a finding; the others go on. */
  function* part<A>(what: string, check: Asking<A>, otherwise: A): Asking<A> {
    try {
      return yield* check
    } catch (error) {
      if (!database.isDamage(error)) throw error
      report(null, `${database.name}: ${what} cannot be checked, because the data is damaged`)
      return otherwise
    }
  }
  yield* part('the database', database.checkItself(report), undefined)
  progress(DONE.itself)
  const nothing = { head: 0, last: 0, events: 0, archivedTo: 0 }
  const { head, last, events, archivedTo } = yield* part('the head', checkHead(database, report), nothing)
  yield* part('the sequences', checkSequences(database, last, archivedTo, report), undefined)
  progress(DONE.sequences)
  const rest = (share: number) => progress(DONE.sequences + (1 - DONE.sequences) * share)
  yield* part('the rest of the events', checkRows(database, last, archivedTo, report, rest), undefined)
  progress(1)
  return { events, head, problems }
}

function* checkHead(
  { table }: Verifiable,
  report: Report,
): Asking<Record<'head' | 'last' | 'events' | 'archivedTo', number>> {
  const [found] = yield {
    sql: `SELECT position, archived_to, archived_events, (SELECT coalesce(max(position), 0) FROM ${table('events')}),
        (SELECT count(*) FROM ${table('events')})
      FROM (SELECT 1 AS one) AS single LEFT JOIN ${table('log_head')} AS head ON true`,
    parameters: [],
  }
  if (found === undefined) throw new Error('an outer join answered no row')
  // Null where the head is lost.
  const [head, archived, missing, newest, events] = found
  const [archivedTo, archivedEvents] = [Number(archived ?? 0), Number(missing ?? 0)]
  const last = Math.max(Number(newest), archivedTo)
  if (head !== last) report(last, `the head is ${head}, the last event is at ${last}`)
  // Up to there events may be missing, but only as many as went to an archive.
  const [counted] = yield {
    sql: `SELECT count(*) FROM ${table('events')} WHERE position <= ?`,
    parameters: [archivedTo],
  }
  const kept = Number(counted?.[0] ?? 0)
  if (kept + archivedEvents !== archivedTo) {
    report(
      null,
      `up to position ${archivedTo}, ${archivedTo - archivedEvents - kept} events are missing beside the ${archivedEvents} archived ones`,
    )
  }
  const beyond = yield {
    sql: `SELECT version, position FROM ${table('snapshots')} WHERE position > ?`,
    parameters: [last],
  }
  for (const [version, at] of beyond) report(Number(at), `snapshot ${version} is beyond the end of the log`)
  return { head: Number(head ?? 0), last, events: Number(events), archivedTo }
}

/**
 * Both sequences are walked along their unique index, which holds the position too. Streams go to an archive
 * as a whole; of what a writer wrote up to `archivedTo`, any may be gone.
 */
function* checkSequences(
  { table, fromText }: Verifiable,
  last: number,
  archivedTo: number,
  report: Report,
): Asking<void> {
  const holes = (owner: string, number: string, complete: string) => ({
    sql: `SELECT position, owner, number, before FROM (
        SELECT position, ${owner} AS owner, ${number} AS number,
          coalesce(lag(${number}) OVER sequence, 0) AS before, coalesce(lag(position) OVER sequence, 0) AS earlier
        FROM ${table('events')} WINDOW sequence AS (PARTITION BY ${owner} ORDER BY ${number})) AS sequences
      WHERE position <= ? AND ((number <> before + 1 AND (${complete} OR number <= before)) OR position <= earlier)
      LIMIT ${MOST_PROBLEMS}`,
    parameters: [last],
  })
  for (const [position, stream, version, before] of yield holes('stream', 'stream_version', 'true')) {
    report(
      Number(position),
      `stream ${fromText(String(stream))} has version ${version} after ${before}, or out of order`,
    )
  }
  for (const [position, writer, number, before] of yield holes('writer', 'writer_seq', `earlier >= ${archivedTo}`)) {
    report(Number(position), `writer ${writer} has number ${number} after ${before}, or out of order`)
  }
}

function* checkRows(
  database: Verifiable,
  last: number,
  archivedTo: number,
  report: Report,
  progress: (share: number) => void,
): Asking<void> {
  const { table, lastVersion } = database
  const terminal = TERMINAL_TYPES.map((type) => `'${type}'`).join(', ')
  const sql = `SELECT position, stream, stream_version, type, schema_version,
      (SELECT name FROM ${table('writers')} WHERE id = events.writer), writer_seq, occurred_at, recorded_at,
      correlation, causation, data, CASE WHEN type IN (${terminal}) THEN (${lastVersion}) END
    FROM ${table('events')} WHERE position > ? AND position <= ? ORDER BY position LIMIT ${PAGE_ROWS}`
  let expected = 1
  for (;;) {
    const rows = yield { sql, parameters: [expected - 1, last] }
    if (rows.length === 0) break
    for (const row of rows) {
      const position = Number(row[0])
      // Up to there, checkHead has counted.
      const next = position > archivedTo ? Math.max(expected, archivedTo + 1) : position
      if (position !== next) report(position, `position ${next} is missing`)
      expected = position + 1
      for (const problem of problemsOf(database, row)) report(position, problem)
    }
    progress((expected - 1) / last)
  }
}

const problemsOf = ({ fromText }: Verifiable, row: Cells): readonly string[] => {
  const stored = namedRow(row.slice(0, -1) as unknown as RawRow)
  const audited = auditRow({ ...stored, stream: fromText(stored.stream) }, (row.at(-1) as number | null) ?? undefined)
  return row[5] === null ? ['the writer is unknown', ...audited] : audited
}
