/**
 * Opens the file of captures: a SQLite database of its own, so that nothing that happens to it touches the event log. Losing it
 * loses what was captured and nothing else, so its commits need no fsync. Each message says what to do.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { captureFailure, unusable } from '#infra/captures/capture-failure.ts'
import { keyedSeal, plainSeal, type Seal } from '#infra/captures/seal.ts'
import { createPrivately } from '#infra/event-log/sqlite-lock.ts'

/** `SBcp`. */
const APPLICATION_ID = 0x53_42_63_70
const SCHEMA_VERSION = 1
/** The command line prunes beside a server. */
const BUSY_TIMEOUT_MS = 5_000
const JOURNAL_LIMIT_BYTES = 4 * 1024 * 1024
const SALT_BYTES = 16

export interface CaptureFile {
  readonly database: Database.Database
  readonly seal: Seal
}

/** SQLite's name for no file. */
const IN_MEMORY = ':memory:'

/** Makes the folder and the file where they are missing. @param key 32 bytes in base64, or a passphrase; absent: not encrypted */
export const openCaptureFile = (path: string, key: string | undefined): CaptureFile => {
  let database: Database.Database | undefined
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (path !== IN_MEMORY) createPrivately(path)
    database = new Database(path, { timeout: BUSY_TIMEOUT_MS })
    checkIdentity(database, path)
    // Only takes effect before the first page is written, so before the journal mode.
    database.pragma('auto_vacuum = INCREMENTAL')
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    database.pragma(`journal_size_limit = ${JOURNAL_LIMIT_BYTES}`)
    // What was deleted is gone from the disk, not only from the tables.
    database.pragma('secure_delete = ON')
    makeTables(database)
    checkTables(database, path)
    return { database, seal: sealOf(database, path, key) }
  } catch (error) {
    database?.close()
    // The statements are the same for every file: where SQLite cannot make sense of them, it is the file's fault.
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') throw damaged(path)
    throw captureFailure(error, path)
  }
}

const checkIdentity = (database: Database.Database, path: string): void => {
  const id = database.pragma('application_id', { simple: true })
  const version = Number(database.pragma('user_version', { simple: true }))
  const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_master').pluck().get() ?? 0
  if (id !== APPLICATION_ID && !(id === 0 && version === 0 && tables === 0)) {
    throw unusable(`${path} is a SQLite database of another program: name another folder in capture.folder`)
  }
  if (version > SCHEMA_VERSION) {
    throw unusable(`the captures in ${path} were written by a newer Signalbox: upgrade this one, or move the file away`)
  }
}

/**
 * - `chunks`: pieces of text, each once. `packed`: compressed by zstd. `refs`: captures that it is part of.
 * - `captures`: `request` and `answer` are lists of chunks, see chunk-list.ts. Ids grow with time.
 */
const makeTables = (database: Database.Database): void => {
  database.exec(`
    BEGIN IMMEDIATE;
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION};
    CREATE TABLE IF NOT EXISTS seal (
      one INTEGER PRIMARY KEY CHECK (one = 1), salt BLOB NOT NULL, proof BLOB
    ) STRICT;
    CREATE TABLE IF NOT EXISTS chunks (
      id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL, packed INTEGER NOT NULL,
      refs INTEGER NOT NULL, data BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS captures (
      id INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, status INTEGER,
      complete INTEGER NOT NULL, redactions INTEGER NOT NULL, request BLOB NOT NULL, answer BLOB NOT NULL
    ) STRICT;
    COMMIT`)
}

/** A damaged page of the schema may read as tables of another form. */
const checkTables = (database: Database.Database, path: string): void => {
  for (const [table, wanted] of Object.entries(COLUMNS)) {
    const columns = database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table)
    if (columns.join() !== wanted) throw damaged(path)
  }
}

const damaged = (path: string): Error =>
  unusable(`the file of captures ${path} is damaged: move it away to begin a new one`)

const COLUMNS = {
  seal: 'one,salt,proof',
  chunks: 'id,digest,bytes,packed,refs,data',
  captures: 'id,request_id,at,status,complete,redactions,request,answer',
}

const PROOF = Buffer.from('the key of these captures')

/** The seal that the file was made with, when the key is the right one. */
const sealOf = (database: Database.Database, path: string, key: string | undefined): Seal => {
  const made = randomBytes(SALT_BYTES)
  const proof = key === undefined ? null : keyedSeal(key, made).digest(PROOF)
  database.prepare('INSERT OR IGNORE INTO seal (one, salt, proof) VALUES (1, ?, ?)').run(made, proof)
  const kept = database
    .prepare<[], { readonly salt: Buffer; readonly proof: Buffer | null }>('SELECT salt, proof FROM seal')
    .get()
  if (kept === undefined) throw new Error('the row that was just written is not there')
  const advice = 'or move the file away to begin a new one'
  if (key === undefined) {
    if (kept.proof === null) return plainSeal
    throw unusable(`the captures in ${path} are encrypted: name their key in capture.key, ${advice}`)
  }
  if (kept.proof === null) {
    throw unusable(`the captures in ${path} are not encrypted: take capture.key away, ${advice}`)
  }
  const seal = keyedSeal(key, kept.salt)
  if (!seal.digest(PROOF).equals(kept.proof)) {
    throw unusable(`the captures in ${path} were encrypted with another key: name that one in capture.key, ${advice}`)
  }
  return seal
}
