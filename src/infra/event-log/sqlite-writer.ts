/**
 * Entry of the writer thread: it owns the only write connection of the log. Appends that wait at the same time are one
 * transaction and one fsync (the ledger gathers events for up to 20 ms; no timer is needed here).
 */
import { workerData } from 'node:worker_threads'
import type { StoredSnapshot } from '#actors/ports.ts'
import type { Batch } from '#infra/event-log/batch.ts'
import { makeAppend } from '#infra/event-log/sqlite-append.ts'
import { makeRemoval, type RemovalSlice, type Removed } from '#infra/event-log/sqlite-archive.ts'
import { makeInPlace } from '#infra/event-log/sqlite-in-place.ts'
import { openForWriting } from '#infra/event-log/sqlite-open.ts'
import { makeSaveSnapshot } from '#infra/event-log/sqlite-snapshots.ts'
import type { Reply } from '#infra/event-log/worker-messages.ts'
import { attempt, converse, endConversation, failureReply } from '#infra/event-log/worker-port.ts'

export interface WriterData {
  readonly path: string
  readonly pragmas: readonly string[]
}

/** What the writer thread can be asked for. */
export interface WriterCalls {
  /** The position of the batch's last event. */
  readonly append: (batch: Batch) => number
  readonly saveSnapshot: (snapshot: StoredSnapshot) => null
  readonly remove: (slice: RemovalSlice) => Removed
  readonly shrink: (nothing: null) => number
  /** Moves the WAL into the file, closes it and gives the lock back. */
  readonly close: (nothing: null) => null
}

await converse(async (progress) => {
  const { path, pragmas } = workerData as WriterData
  const log = await openForWriting(path, pragmas, progress)
  const append = makeAppend(log.database, log.books, makeInPlace(path))
  const saveSnapshot = makeSaveSnapshot(log.database)
  const removal = makeRemoval(log.database, log.books)

  return (waiting, reply) => {
    const replies: Reply[] = []
    const appends: { readonly id: number; readonly batch: Batch }[] = []
    const flush = () => {
      if (appends.length === 0) return
      const outcomes = append(
        appends.map(({ batch }) => batch),
        Date.now(),
      )
      for (const [index, { id }] of appends.entries()) {
        const outcome = outcomes[index]
        if (outcome !== undefined && 'position' in outcome) replies.push([id, 'done', outcome.position])
        else replies.push(failureReply(id, outcome?.failure))
      }
      appends.length = 0
    }
    for (const [id, operation, payload] of waiting) {
      if (operation === 'append') {
        appends.push({ id, batch: payload as Batch })
        continue
      }
      flush()
      if (operation === 'saveSnapshot') replies.push(attempt(id, () => saveSnapshot(payload as StoredSnapshot)))
      if (operation === 'remove') replies.push(attempt(id, () => removal.remove(payload as RemovalSlice)))
      if (operation === 'shrink') replies.push(attempt(id, removal.shrink))
      if (operation === 'close') {
        replies.push(attempt(id, log.close))
        reply(replies)
        endConversation()
        return
      }
    }
    flush()
    reply(replies)
  }
})
