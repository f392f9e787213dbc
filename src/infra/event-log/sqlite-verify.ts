/**
 * Checking a whole log: SQLite's own check of the file, then sequences by SQL along their indexes, then every row. Bounded
 * memory; one short transaction a page, except for SQLite's own check.
 */
import type { Database } from 'better-sqlite3'
import type { VerifyProblem, VerifyReport } from '#actors/ports.ts'
import { auditRow, MOST_PROBLEMS, TERMINAL_TYPES } from '#infra/event-log/audit.ts'
import { namedRow, type RawRow } from '#infra/event-log/raw-row.ts'
import { reasonOf } from '#infra/event-log/sqlite-failure.ts'

const PAGE_ROWS = 2_000
/** Shares of the whole time after which the parts end: 0.22 and 0.39 in one run over 400,000 events. */
const DONE = { integrity: 0.2, sequences: 0.4 } as const

/** Checks the log behind a connection; `progress` is told the share done, at most once a page. */
export const verifyLog = (database: Database, progress: (share: number) => void): VerifyReport => {
  const problems: VerifyProblem[] = []
  const report = (position: number | null, problem: string) => {
    if (problems.length < MOST_PROBLEMS) problems.push({ position, problem })
    else if (problems.length === MOST_PROBLEMS) {
      problems.push({ position: null, problem: `there are more problems than these ${MOST_PROBLEMS}` })
    }
  }
  /** A part that the damage itself stops is a finding; the others go on. */
  const part = <A>(what: string, check: () => A, otherwise: A): A => {
    try {
      return check()
    } catch (error) {
      if (reasonOf(error)?._tag !== 'Unusable') throw error
      report(null, `SQLite: ${what} cannot be checked, because the file is damaged`)
      return otherwise
    }
  }
  part('the file', () => checkFile(database, report), undefined)
  progress(DONE.integrity)
  const nothing = { head: 0, last: 0, events: 0, archivedTo: 0 }
  const { head, last, events, archivedTo } = part('the head', () => checkHead(database, report), nothing)
  part('the sequences', () => checkSequences(database, last, archivedTo, report), undefined)
  progress(DONE.sequences)
  const rest = (share: number) => progress(DONE.sequences + (1 - DONE.sequences) * share)
  part('the rest of the events', () => checkRows(database, last, archivedTo, report, rest), undefined)
  progress(1)
  return { events, head, problems }
}

type Report = (position: number | null, problem: string) => void

const checkFile = (database: Database, report: Report): void => {
  const lines = database.prepare<[], string>('PRAGMA integrity_check(100)').pluck().all()
  for (const line of lines) if (line !== 'ok') report(null, `SQLite: ${line}`)
}

const checkHead = (database: Database, report: Report) => {
  const found = database
    .prepare<[], Head & { readonly newest: number }>(
      `SELECT position AS head, archived_to AS archivedTo, archived_events AS archivedEvents,
         (SELECT coalesce(max(position), 0) FROM events) AS newest, (SELECT count(*) FROM events) AS events
       FROM (SELECT 1) LEFT JOIN log_head`,
    )
    .get()
  if (found === undefined) throw new Error('an outer join answered no row')
  const { archivedTo, archivedEvents } = {
    archivedTo: found.archivedTo ?? 0,
    archivedEvents: found.archivedEvents ?? 0,
  }
  const last = Math.max(found.newest, archivedTo)
  if (found.head !== last) report(last, `the head is ${found.head}, the last event is at ${last}`)
  // Up to there events may be missing, but only as many as went to an archive.
  const kept =
    database.prepare<[number], number>('SELECT count(*) FROM events WHERE position <= ?').pluck().get(archivedTo) ?? 0
  if (kept + archivedEvents !== archivedTo) {
    const missing = archivedTo - archivedEvents - kept
    report(
      null,
      `up to position ${archivedTo}, ${missing} events are missing beside the ${archivedEvents} archived ones`,
    )
  }
  const beyond = database
    .prepare<[number], { version: string; position: number }>(
      'SELECT version, position FROM snapshots WHERE position > ?',
    )
    .all(last)
  for (const { version, position } of beyond) report(position, `snapshot ${version} is beyond the end of the log`)
  return { head: found.head ?? 0, last, events: found.events, archivedTo }
}

/** Null where the head is lost. */
interface Head {
  readonly head: number | null
  readonly archivedTo: number | null
  readonly archivedEvents: number | null
  readonly events: number
}

/**
 * Both sequences are walked along their unique index, which holds the position too: no row is touched. Streams go to an archive
 * as a whole; of what a writer wrote up to `archivedTo`, any may be gone.
 */
const checkSequences = (database: Database, last: number, archivedTo: number, report: Report): void => {
  const holes = (owner: string, number: string, complete: string) =>
    database.prepare<[number], { position: number; owner: string | number; number: number; before: number }>(
      `SELECT * FROM (
         SELECT position, ${owner} AS owner, ${number} AS number,
           coalesce(lag(${number}) OVER sequence, 0) AS before, coalesce(lag(position) OVER sequence, 0) AS earlier
         FROM events WINDOW sequence AS (PARTITION BY ${owner} ORDER BY ${number}))
       WHERE position <= ? AND ((number <> before + 1 AND (${complete} OR number <= before)) OR position <= earlier)
       LIMIT ${MOST_PROBLEMS}`,
    )
  for (const hole of holes('stream', 'stream_version', 'true').all(last)) {
    report(hole.position, `stream ${hole.owner} has version ${hole.number} after ${hole.before}, or out of order`)
  }
  for (const hole of holes('writer', 'writer_seq', `earlier >= ${archivedTo}`).all(last)) {
    report(hole.position, `writer ${hole.owner} has number ${hole.number} after ${hole.before}, or out of order`)
  }
}

const checkRows = (
  database: Database,
  last: number,
  archivedTo: number,
  report: Report,
  progress: (share: number) => void,
): void => {
  const terminal = TERMINAL_TYPES.map((type) => `'${type}'`).join(', ')
  const page = database
    .prepare<[number, number], [...RawRow, lastVersion: number | null]>(
      `SELECT position, stream, stream_version, type, schema_version, writers.name, writer_seq, occurred_at, recorded_at,
         correlation, causation, data,
         CASE WHEN type IN (${terminal})
           THEN (SELECT max(stream_version) FROM events AS later WHERE later.stream = events.stream) END
       FROM events LEFT JOIN writers ON writers.id = events.writer
       WHERE position > ? AND position <= ? ORDER BY position LIMIT ${PAGE_ROWS}`,
    )
    .raw()
  let expected = 1
  for (;;) {
    const rows = page.all(expected - 1, last)
    if (rows.length === 0) break
    for (const row of rows) {
      const position = row[0]
      // Up to there, checkHead has counted.
      const next = position > archivedTo ? Math.max(expected, archivedTo + 1) : position
      if (position !== next) report(position, `position ${next} is missing`)
      expected = position + 1
      const [, , , , , writer, , , , , , , lastVersion] = row
      if (writer === null) report(position, 'the writer is unknown')
      for (const problem of auditRow(namedRow(row.slice(0, -1) as unknown as RawRow), lastVersion ?? undefined)) {
        report(position, problem)
      }
    }
    progress((expected - 1) / last)
  }
}
