/**
 * One writing process per log file. The lock is an exclusive transaction, never committed, on an empty database beside the
 * log (`<file>-lock`): an operating system lock that the kernel drops when the process ends, however it ends. So a restart
 * after kill -9 is never refused, no heartbeat can be late, and no process id can be mistaken for a newer process. It
 * lies on a file of its own because the log itself must stay open to readers.
 */
import { closeSync, openSync } from 'node:fs'
import { hostname } from 'node:os'
import Database from 'better-sqlite3'
import { unusable } from '#infra/event-log/log-failure.ts'
import { reasonOf } from '#infra/event-log/sqlite-failure.ts'

/** A predecessor that is just closing its log gets this long to finish. */
const WAIT_MS = 1_000

/** Takes the lock, or fails as Unusable and names the holder. Closing the returned database gives it back. */
export const takeLock = (path: string): Database.Database => {
  const file = `${path}-lock`
  createPrivately(file)
  const lock = new Database(file, { timeout: WAIT_MS })
  try {
    // Nothing is ever written; this spares a journal file beside the lock.
    lock.pragma('journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (reasonOf(error)?._tag !== 'Unavailable') throw error
    throw unusable(
      `${holderOf(path)} is using the event log ${path}: stop it first, or give this one a file of its own with ` +
        'SIGNALBOX_DATABASE_URL=sqlite:PATH',
    )
  }
}

/** Creates an empty file that only its owner can read. A file that exists is left alone, and is not even opened:
 *  closing it again would drop the locks that this process holds on it (POSIX). */
export const createPrivately = (file: string): void => {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Writes down who holds the lock, for the message above. */
export const signHolder = (database: Database.Database, now: number): void => {
  database
    .prepare('INSERT OR REPLACE INTO holder (one, pid, host, since) VALUES (1, ?, ?, ?)')
    .run(process.pid, hostname(), now)
}

const holderOf = (path: string): string => {
  const database = new Database(path, { readonly: true })
  try {
    const row = database
      .prepare<[], { pid: number; host: string; since: number }>('SELECT pid, host, since FROM holder')
      .get()
    if (row === undefined) return 'another process'
    return `process ${row.pid} on ${row.host} (since ${new Date(row.since).toISOString()})`
  } catch (error) {
    // The other process has not made its tables yet.
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') return 'another process'
    throw error
  } finally {
    database.close()
  }
}
