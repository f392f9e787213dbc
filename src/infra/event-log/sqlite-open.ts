/**
 * Opening the log file: the checks that keep us from harming a file that is not ours, newer, or damaged. Each message says
 * what to do. Runs in the worker threads only.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { unusable } from '#infra/event-log/log-failure.ts'
import { type KeptBooks, makeBooks } from '#infra/event-log/sqlite-books.ts'
import { catchUp } from '#infra/event-log/sqlite-catch-up.ts'
import { reasonOf } from '#infra/event-log/sqlite-failure.ts'
import { createPrivately, signHolder, takeLock } from '#infra/event-log/sqlite-lock.ts'
import { APPLICATION_ID, SCHEMA_VERSION } from '#infra/event-log/sqlite-tables.ts'

const BUSY_TIMEOUT_MS = 5_000
/** The WAL is cut to this after a checkpoint that a slow reader or a backup had held up. */
const JOURNAL_LIMIT_BYTES = 16 * 1024 * 1024
/** Rows at the end of the log whose positions are checked at every start; `verify` checks all. */
const CHECKED_TAIL = 1_000

/** The write connection, its books, and the lock that goes with it. */
export interface OpenLog {
  readonly database: Database.Database
  readonly books: KeptBooks
  readonly close: () => null
}

/**
 * Opens the log for writing; makes the folder and the file, and brings the tables up to date. `pragmas` come last. `progress`
 * is told the share done while the books of a long log are made.
 */
export const openForWriting = async (
  path: string,
  pragmas: readonly string[],
  progress: (share: number) => void = () => undefined,
): Promise<OpenLog> => {
  requireSafeSqlite()
  makeFile(path)
  const database = openDatabase(path, false)
  let lock: Database.Database | undefined
  let books: KeptBooks
  try {
    checkIdentity(database, path)
    lock = takeLock(path)
    prepare(database)
    // Read again: a predecessor may have migrated it while we waited for the lock.
    const have = checkIdentity(database, path)
    if (have < SCHEMA_VERSION) await (await import('#infra/event-log/sqlite-migrations.ts')).migrate(database, have)
    checkTail(database, path)
    signHolder(database, Date.now())
    books = makeBooks(database)
    await catchUp(database, books, progress)
    for (const pragma of pragmas) database.pragma(pragma)
  } catch (error) {
    database.close()
    lock?.close()
    throw error
  }
  const held = lock
  return {
    database,
    books,
    close: () => {
      try {
        database.pragma('wal_checkpoint(TRUNCATE)')
      } finally {
        database.close()
        held.close()
      }
      return null
    },
  }
}

/** Opens an existing, current log for reading. Works with and without a process that writes to it. */
export const openForReading = (path: string): Database.Database => {
  requireSafeSqlite()
  if (!existsSync(path)) {
    throw unusable(`there is no event log at ${path}: start \`signalbox serve\` first, or check SIGNALBOX_DATABASE_URL`)
  }
  const database = openDatabase(path, true)
  try {
    const version = checkIdentity(database, path)
    if (version < SCHEMA_VERSION) {
      throw unusable(
        version === 0
          ? `the event log ${path} is empty: start \`signalbox serve\` first`
          : `the event log ${path} has the older schema ${version}: start \`signalbox serve\` once to bring it to ${SCHEMA_VERSION}`,
      )
    }
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * What is wrong with a SQLite version, if anything: releases before 3.51.3 can lose committed transactions of a WAL
 * database with several connections (sqlite.org/wal.html#walresetbug; fixed also in 3.50.7 and 3.44.6).
 */
export const versionProblem = (version: string): string | undefined => {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const number = major * 1_000_000 + minor * 1_000 + patch
  const safe =
    number >= 3_051_003 || (number >= 3_050_007 && number < 3_051_000) || (number >= 3_044_006 && number < 3_045_000)
  return safe
    ? undefined
    : `SQLite ${version} can corrupt the event log: install better-sqlite3 with SQLite 3.51.3 or newer (npm install)`
}

const requireSafeSqlite = (): void => {
  const memory = new Database(':memory:')
  const version = memory.prepare<[], string>('SELECT sqlite_version()').pluck().get() ?? ''
  memory.close()
  const problem = versionProblem(version)
  if (problem !== undefined) throw unusable(problem)
}

const makeFile = (path: string): void => {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    createPrivately(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw unusable(
      `the event log cannot be created at ${path}: check the folder and its rights, or name another file with ` +
        `SIGNALBOX_DATABASE_URL=sqlite:PATH (${message})`,
    )
  }
}

const openDatabase = (path: string, readonly: boolean): Database.Database => {
  try {
    return new Database(path, { readonly, fileMustExist: true, timeout: BUSY_TIMEOUT_MS })
  } catch (error) {
    const reason = reasonOf(error)
    throw reason === undefined ? error : unusable(`${path}: ${reason.detail}`)
  }
}

/** Refuses what is not ours; returns the file's schema version, 0 for an empty file. Writes nothing. */
const checkIdentity = (database: Database.Database, path: string): number => {
  try {
    const id = database.pragma('application_id', { simple: true })
    const version = Number(database.pragma('user_version', { simple: true }))
    const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_master').pluck().get() ?? 0
    if (id !== APPLICATION_ID && !(id === 0 && version === 0 && tables === 0)) {
      throw unusable(
        `${path} is a SQLite database of another program: name another file with SIGNALBOX_DATABASE_URL=sqlite:PATH`,
      )
    }
    if (version > SCHEMA_VERSION) {
      throw unusable(
        `the event log ${path} was written by a newer Signalbox (schema ${version}, this one knows ${SCHEMA_VERSION}): ` +
          'upgrade this one, or name another file with SIGNALBOX_DATABASE_URL=sqlite:PATH',
      )
    }
    return version
  } catch (error) {
    const reason = reasonOf(error)
    if (reason?._tag !== 'Unusable' || !(error instanceof Database.SqliteError)) throw error
    throw unusable(`${path}: ${reason.detail}`)
  }
}

const prepare = (database: Database.Database): void => {
  // Only takes effect before the first page is written, so before the journal mode.
  database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma('journal_mode = WAL')
  // better-sqlite3 makes NORMAL the default in WAL mode; a power cut would then take everything since a checkpoint.
  database.pragma('synchronous = FULL')
  if (process.platform === 'darwin') {
    // fsync on macOS leaves the data in the drive's cache.
    database.pragma('fullfsync = 1')
    database.pragma('checkpoint_fullfsync = 1')
  }
  database.pragma(`journal_size_limit = ${JOURNAL_LIMIT_BYTES}`)
}

/** Cheap at any size: the head row, the last position, and that no row is missing among the last thousand. */
const checkTail = (database: Database.Database, path: string): void => {
  const found = database
    .prepare<[], { head: number | null; archivedTo: number; last: number }>(
      `SELECT (SELECT position FROM log_head) AS head, coalesce((SELECT archived_to FROM log_head), 0) AS archivedTo,
        coalesce(max(position), 0) AS last
       FROM events`,
    )
    .get()
  if (found === undefined) throw new Error('an aggregate answered no row')
  const advice = 'restore a backup, or look at the damage with `signalbox verify`'
  const last = Math.max(found.last, found.archivedTo)
  if (found.head !== last) {
    throw unusable(
      `the event log ${path} is damaged: its head is ${found.head}, its last event is at ${last}: ${advice}`,
    )
  }
  const before = Math.max(found.archivedTo, last - CHECKED_TAIL)
  const tail = database.prepare<[number], number>('SELECT count(*) FROM events WHERE position > ?').pluck().get(before)
  if (tail !== last - before) {
    throw unusable(`the event log ${path} is damaged: events are missing after position ${before}: ${advice}`)
  }
}
