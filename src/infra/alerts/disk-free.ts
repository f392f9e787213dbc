import { statfs } from 'node:fs/promises'
import { Effect } from 'effect'

/** Bytes that are free, for us, on the file system of a folder. Undefined without one, and where the system does not tell. */
export const diskFree = (folder: string | undefined): Effect.Effect<number | undefined> => {
  if (folder === undefined) return Effect.succeed(undefined)
  return Effect.tryPromise(() => statfs(folder)).pipe(
    Effect.map(({ bavail, bsize }) => bavail * bsize),
    Effect.catch((error) => Effect.as(Effect.logDebug('the free space of the disk cannot be told', error), undefined)),
  )
}
