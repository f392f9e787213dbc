/**
 * Failures inside the threads of the SQLite log, in the port's words. SQLite's result code decides, never its message.
 */
import { SqliteError } from 'better-sqlite3'
import type { EventLogReason } from '#actors/ports.ts'
import { LogFailure } from '#infra/event-log/log-failure.ts'

/** The reason of a failure, or undefined for a bug of ours. */
export const reasonOf = (error: unknown): EventLogReason | undefined => {
  if (error instanceof LogFailure) return error.reason
  if (!(error instanceof SqliteError)) return undefined
  const entry = MEANINGS.find(([code]) => error.code === code || error.code.startsWith(`${code}_`))
  return entry === undefined ? undefined : { _tag: entry[1], detail: `${entry[2]} (${error.code}: ${error.message})` }
}

/** Result codes (their extended forms begin with them), what they are to us, and what to do. */
const MEANINGS: readonly (readonly [code: string, tag: EventLogReason['_tag'], advice: string])[] = [
  ['SQLITE_FULL', 'Unavailable', 'the disk of the event log is full: free some space'],
  ['SQLITE_IOERR', 'Unavailable', 'the disk of the event log fails: look at the system log'],
  ['SQLITE_BUSY', 'Unavailable', 'another program holds the event log locked'],
  ['SQLITE_LOCKED', 'Unavailable', 'the event log is locked'],
  ['SQLITE_NOMEM', 'Unavailable', 'there is not enough memory for the event log'],
  ['SQLITE_PROTOCOL', 'Unavailable', 'another program holds the event log locked'],
  ['SQLITE_CONSTRAINT_UNIQUE', 'Conflict', 'the event log already has another event in this place'],
  ['SQLITE_CONSTRAINT_PRIMARYKEY', 'Conflict', 'the event log already has another event at this position'],
  [
    'SQLITE_CORRUPT',
    'Unusable',
    'the event log is damaged: restore a backup, or move the file away to begin a new one',
  ],
  ['SQLITE_NOTADB', 'Unusable', 'the file is not an event log: name another one'],
  ['SQLITE_READONLY', 'Unusable', 'the event log cannot be written: check the rights of the file and its folder'],
  ['SQLITE_PERM', 'Unusable', 'the event log cannot be opened: check the rights of the file and its folder'],
  ['SQLITE_CANTOPEN', 'Unusable', 'the event log cannot be opened: check that the folder exists and its rights'],
]
