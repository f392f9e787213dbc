/**
 * Failures of the file of captures, in the words that its thread can tell (event-log/worker-messages.ts). SQLite's result code
 * decides, never its message.
 */
import { SqliteError } from 'better-sqlite3'
import { LogFailure } from '#infra/event-log/log-failure.ts'

export const unusable = (detail: string): LogFailure => new LogFailure({ _tag: 'Unusable', detail })

/** The failure in our words; a bug as it is. */
export const captureFailure = (error: unknown, path: string): unknown => {
  const code = codeOf(error)
  if (code === undefined) return error
  const meaning = MEANINGS.find(([prefix]) => code === prefix || code.startsWith(`${prefix}_`))
  if (meaning === undefined && error instanceof SqliteError) return error
  const [, tag, advice] = meaning ?? [code, 'Unusable' as const, 'cannot be created: check the folder and its rights']
  return new LogFailure({ _tag: tag, detail: `the file of captures ${path} ${advice} (${code})` })
}

const codeOf = (error: unknown): string | undefined => {
  if (error instanceof LogFailure || !(error instanceof Error) || !('code' in error)) return undefined
  // A failure of the file system, or of SQLite; what Node calls misuse is a bug.
  return typeof error.code === 'string' && !error.code.startsWith('ERR_') ? error.code : undefined
}

const MEANINGS: readonly (readonly [code: string, tag: 'Unavailable' | 'Unusable', advice: string])[] = [
  ['SQLITE_FULL', 'Unavailable', 'finds its disk full: free some space'],
  ['SQLITE_IOERR', 'Unavailable', 'is on a disk that fails: look at the system log'],
  ['SQLITE_BUSY', 'Unavailable', 'is locked by another program'],
  ['SQLITE_LOCKED', 'Unavailable', 'is locked'],
  ['SQLITE_NOMEM', 'Unavailable', 'needs more memory than there is'],
  ['SQLITE_CORRUPT', 'Unusable', 'is damaged: move it away to begin a new one'],
  ['SQLITE_NOTADB', 'Unusable', 'is no file of captures: name another folder in capture.folder'],
  ['SQLITE_READONLY', 'Unusable', 'cannot be written: check the rights of the file and its folder'],
  ['SQLITE_PERM', 'Unusable', 'cannot be opened: check the rights of the file and its folder'],
  ['SQLITE_CANTOPEN', 'Unusable', 'cannot be opened: check that the folder exists and its rights'],
]
