/** Checking a log in SQLite: its own check of the file goes before what is checked in every database. */
import type { Database } from 'better-sqlite3'
import type { VerifyReport } from '#actors/ports.ts'
import { answerNow } from '#infra/event-log/asking.ts'
import { type Verifiable, verifyLog } from '#infra/event-log/log-verify.ts'
import { reasonOf } from '#infra/event-log/sqlite-failure.ts'
import { rowsOf, sqlite } from '#infra/event-log/sqlite-questions.ts'

const VERIFIABLE: Verifiable = {
  ...sqlite,
  name: 'SQLite',
  *checkItself(report) {
    for (const [line] of yield { sql: 'PRAGMA integrity_check(100)', parameters: [] }) {
      if (line !== 'ok') report(null, `SQLite: ${line}`)
    }
  },
  lastVersion: 'SELECT max(stream_version) FROM events AS later WHERE later.stream = events.stream',
  isDamage: (error) => reasonOf(error)?._tag === 'Unusable',
}

/** Checks the log behind a connection; `progress` is told the share done. */
export const verifySqlite = (database: Database, progress: (share: number) => void): VerifyReport =>
  answerNow(verifyLog(VERIFIABLE, progress), rowsOf(database))
