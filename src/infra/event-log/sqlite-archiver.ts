/** Entry of the archiving thread, which lives for one archive: it reads what is to go, and writes the file. */
import { workerData } from 'node:worker_threads'
import type { Database } from 'better-sqlite3'
import { writeArchive } from '#infra/event-log/archive-file.ts'
import {
  type ArchiveBounds,
  type ArchivePlan,
  archivePage,
  type PlanQuery,
  planArchive,
} from '#infra/event-log/archive-questions.ts'
import { answerNow } from '#infra/event-log/asking.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'
import { makeSlicer, type RemovalSlice } from '#infra/event-log/sqlite-archive.ts'
import { decoder } from '#infra/event-log/sqlite-catch-up.ts'
import { openForReading } from '#infra/event-log/sqlite-open.ts'
import { rowsOf, sqlite } from '#infra/event-log/sqlite-questions.ts'
import { attempt, converse, endConversation, failureReply } from '#infra/event-log/worker-port.ts'

export interface ArchiverData {
  readonly path: string
}

/** What the archiving thread can be asked for. */
export interface ArchiverCalls {
  /** Null: there is nothing to archive. */
  readonly plan: (query: PlanQuery) => ArchivePlan | null
  /** Name of the file, without its folder. */
  readonly write: (order: { readonly plan: ArchivePlan; readonly folder: string }) => string | null
  /** The next requests to be removed, at most `size`. */
  readonly slice: (order: { readonly bounds: ArchiveBounds; readonly size: number }) => RemovalSlice
  readonly close: (nothing: null) => null
}

const PAGE_ROWS = 2_000

const planOf = (database: Database, query: PlanQuery): ArchivePlan | null =>
  answerNow(planArchive(sqlite, query), rowsOf(database)) ?? null

function* pagesOf(
  database: Database,
  { bounds, events }: ArchivePlan,
  progress: (share: number) => void,
): Generator<readonly RawRow[]> {
  let done = 0
  for (let after = 0; ; ) {
    const rows = answerNow(archivePage(sqlite, bounds, after, PAGE_ROWS), rowsOf(database))
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = last[0]
    done += rows.length
    progress(Math.min(1, done / events))
  }
}

await converse(async () => {
  const { path } = workerData as ArchiverData
  const database = openForReading(path)
  let slicer: ReturnType<typeof makeSlicer> | undefined
  /** Old rows may be of an older shape. */
  const nextSlice = async ({ bounds, size }: Parameters<ArchiverCalls['slice']>[0]): Promise<RemovalSlice> => {
    slicer ??= makeSlicer(database, await decoder())
    return slicer(bounds, size)
  }
  return (waiting, reply) => {
    for (const [id, operation, payload] of waiting) {
      if (operation === 'plan') reply([attempt(id, () => planOf(database, payload as PlanQuery))])
      if (operation === 'write') {
        const { plan, folder } = payload as Parameters<ArchiverCalls['write']>[0]
        const progress = (share: number): void => reply([[id, 'progress', share]])
        writeArchive(folder, pagesOf(database, plan, progress)).then(
          (file) => reply([[id, 'done', file?.name ?? null]]),
          (error: unknown) => reply([failureReply(id, error)]),
        )
      }
      if (operation === 'slice') {
        nextSlice(payload as Parameters<ArchiverCalls['slice']>[0]).then(
          (slice) => reply([[id, 'done', slice]]),
          (error: unknown) => reply([failureReply(id, error)]),
        )
      }
      if (operation === 'close') {
        database.close()
        reply([[id, 'done', null]])
        endConversation()
      }
    }
  }
})
