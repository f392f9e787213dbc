/**
 * Whether the files of an open log still lie where they are named. Who removes or replaces them leaves the connection with files that
 * no start will find: SQLite goes on to write them, and all of it is gone with the process. Runs in the writer thread only.
 */
import { statSync } from 'node:fs'
import { LogFailure } from '#infra/event-log/log-failure.ts'

const identityOf = (path: string): string | undefined => {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev} ${found.ino}`
}

/**
 * To be made while the log is open. What it makes is asked before a commit; two looks at a folder cost some microseconds, the commit an
 * fsync. It throws Unavailable where a file has gone: whoever put it elsewhere may put it back.
 */
export const makeInPlace = (path: string): (() => void) => {
  const files = [path, `${path}-wal`].map((file) => ({ file, identity: identityOf(file) }))
  return () => {
    const lost = files.find(({ file, identity }) => identity !== undefined && identityOf(file) !== identity)
    if (lost === undefined) return
    const detail = `${lost.file} was removed or replaced while it was in use: put it back, or nothing that happens from now on survives a restart`
    throw new LogFailure({ _tag: 'Unavailable', detail })
  }
}
