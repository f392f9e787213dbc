import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Effect } from 'effect'

const SQLITE = 'sqlite:'

/**
 * Bytes that are free, for us, on the file system of the log that a database URL names. Undefined for a log in memory, and where
 * the system does not tell.
 */
export const diskFree = (databaseUrl: string): Effect.Effect<number | undefined> => {
  if (!databaseUrl.startsWith(SQLITE) || databaseUrl === `${SQLITE}:memory:`) return Effect.succeed(undefined)
  return Effect.tryPromise(() => statfs(dirname(databaseUrl.slice(SQLITE.length)))).pipe(
    Effect.map(({ bavail, bsize }) => bavail * bsize),
    Effect.catch((error) => Effect.as(Effect.logDebug('the free space of the disk cannot be told', error), undefined)),
  )
}
