/**
 * Entry of the copying thread, which lives for one copy: it reads a file as it lies, or makes one as another lies. For as long, no
 * other process has that file.
 */
import { workerData } from 'node:worker_threads'
import type { Database } from 'better-sqlite3'
import { type Asking, answerNow } from '#infra/event-log/asking.ts'
import type { ArchivedWriter, CellCursor, CellPage, LogExtent, PackedSnapshot } from '#infra/event-log/log-copy.ts'
import {
  askArchivedCells,
  askArchivedWriters,
  askExtent,
  askRows,
  askSnapshotAfter,
} from '#infra/event-log/log-copy-questions.ts'
import { unusable } from '#infra/event-log/log-failure.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'
import { type CopyWrites, makeCopyWrites } from '#infra/event-log/sqlite-copy-writes.ts'
import { takeLock } from '#infra/event-log/sqlite-lock.ts'
import { openForReading, openForWriting } from '#infra/event-log/sqlite-open.ts'
import { rowsOf, sqlite } from '#infra/event-log/sqlite-questions.ts'
import { attempt, converse, endConversation } from '#infra/event-log/worker-port.ts'

export interface CopierData {
  readonly path: string
  readonly writes: boolean
}

/** What the copying thread can be asked for; what changes the file only where it `writes`. */
export interface CopierCalls extends CopyWrites {
  readonly extent: (nothing: null) => LogExtent
  readonly rows: (span: { readonly after: number; readonly upTo: number }) => readonly RawRow[]
  readonly archivedWriters: (nothing: null) => readonly ArchivedWriter[]
  readonly archivedCells: (after: CellCursor | null) => CellPage
  readonly snapshotAfter: (after: Pick<PackedSnapshot, 'version' | 'position'> | null) => PackedSnapshot | null
  readonly close: (nothing: null) => null
}

type Reads = Pick<CopierCalls, 'extent' | 'rows' | 'archivedWriters' | 'archivedCells' | 'snapshotAfter'>

const makeReads = (database: Database): Reads => {
  const answer = <A>(asking: Asking<A>): A => answerNow(asking, rowsOf(database))
  return {
    extent: () => answer(askExtent(sqlite)),
    rows: ({ after, upTo }) => answer(askRows(sqlite, after, upTo)),
    archivedWriters: () => answer(askArchivedWriters(sqlite)),
    archivedCells: (after) => answer(askArchivedCells(sqlite, after ?? undefined)),
    snapshotAfter: (after) => answer(askSnapshotAfter(sqlite, after ?? undefined)) ?? null,
  }
}

/** The lock beside a file that is only read keeps away who would write to it meanwhile. */
const openLocked = (path: string) => {
  const database = openForReading(path)
  try {
    const lock = lockOf(path)
    return {
      ...makeReads(database),
      close: () => {
        database.close()
        lock.close()
        return null
      },
    }
  } catch (error) {
    database.close()
    throw error
  }
}

const lockOf = (path: string): Database => {
  try {
    return takeLock(path)
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    throw unusable(
      `the event log ${path} cannot be locked (${code}): its folder must be writable; copy the file to another one`,
    )
  }
}

const openToWrite = async (path: string, progress: (share: number) => void) => {
  const log = await openForWriting(path, [], progress)
  return { ...makeReads(log.database), ...makeCopyWrites(log.database, log.books), close: log.close }
}

await converse(async (progress) => {
  const { path, writes } = workerData as CopierData
  const calls: { readonly [operation: string]: (payload: never) => unknown } = writes
    ? await openToWrite(path, progress)
    : openLocked(path)
  return (waiting, reply) => {
    for (const [id, operation, payload] of waiting) {
      const call = calls[operation]
      if (call === undefined) throw new Error(`the copying thread cannot ${operation}`)
      reply([attempt(id, () => call(payload as never))])
      if (operation === 'close') endConversation()
    }
  }
})
