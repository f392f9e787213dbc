/**
 * Removing archived requests on the write connection, in slices so short that an append never waits long. This is the only code that
 * can delete events: the trigger that forbids it is away only within its transaction.
 */
import type { Database } from 'better-sqlite3'
import type { CostEntry } from '#domain/books.ts'
import { type ArchiveBounds, CHOSEN, chosenBy, type RemovedSlice } from '#infra/event-log/archive-questions.ts'
import { streamImplying } from '#infra/event-log/row.ts'
import type { KeptBooks } from '#infra/event-log/sqlite-books.ts'

/** Some ten milliseconds. */
const SLICE_REQUESTS = 100
/** Pages that are given back to the disk at a time: 2 MB. */
const SHRINK_PAGES = 512
const ALL_VERSIONS = Number.MAX_SAFE_INTEGER

export const makeRemoval = (database: Database, books: KeptBooks) => {
  const choose = database.prepare<[number, number, number], { readonly position: number; readonly id: string }>(
    `SELECT position, id FROM requests WHERE ${CHOSEN} ORDER BY position LIMIT ${SLICE_REQUESTS}`,
  )
  const trigger = database.prepare<[], string>("SELECT sql FROM sqlite_schema WHERE name = 'events_no_delete'").pluck()
  const written = database.prepare<
    [string],
    { readonly writer: number; readonly seq: number; readonly position: number; readonly events: number }
  >(
    // Without the plus, the whole index on writers would be walked to group by them.
    `SELECT writer, max(writer_seq) AS seq, max(position) AS position, count(*) AS events
     FROM events WHERE stream = ? GROUP BY +writer`,
  )
  const removeEvents = database.prepare<[string]>('DELETE FROM events WHERE stream = ?')
  const removeRequest = database.prepare<[number]>('DELETE FROM requests WHERE position = ?')
  const noteWriter = database.prepare<[number, number]>(
    'UPDATE writers SET archived_seq = max(archived_seq, ?) WHERE id = ?',
  )
  const noteHead = database.prepare<[number, number]>(
    'UPDATE log_head SET archived_to = max(archived_to, ?), archived_events = archived_events + ?',
  )

  /** Removes the next of the chosen requests; none is left when it answers with no requests. */
  const removeSlice = database.transaction((bounds: ArchiveBounds): RemovedSlice => {
    const requests = choose.all(...chosenBy(bounds))
    if (requests.length === 0) return { requests: 0, events: 0 }
    const forbid = trigger.get()
    if (forbid === undefined) throw new Error('the trigger that keeps the log append-only is missing')
    database.exec('DROP TRIGGER events_no_delete')
    const entries: CostEntry[] = []
    let events = 0
    let last = 0
    for (const { position, id } of requests) {
      const stream = streamImplying(id)
      entries.push(...books.replay(stream, ALL_VERSIONS).entries)
      for (const part of written.all(stream)) {
        noteWriter.run(part.seq, part.writer)
        events += part.events
        last = Math.max(last, part.position)
      }
      removeEvents.run(stream)
      removeRequest.run(position)
    }
    books.archive(entries)
    noteHead.run(last, events)
    database.exec(forbid)
    return { requests: requests.length, events }
  })

  /** Drops cells that removal has emptied. */
  const tidy = database.transaction(() => {
    for (const table of ['cost_hours', 'cost_sessions']) {
      database.exec(`DELETE FROM ${table} WHERE archived = 0 AND requests = 0 AND attempts = 0`)
    }
  })

  /** Gives some free pages back to the disk; answers how many are left. */
  const shrink = (): number => {
    database.exec(`PRAGMA incremental_vacuum(${SHRINK_PAGES})`)
    const left = Number(database.pragma('freelist_count', { simple: true }))
    if (left === 0) database.pragma('wal_checkpoint(TRUNCATE)')
    return left
  }

  return {
    remove: (bounds: ArchiveBounds): RemovedSlice => {
      try {
        const removed = removeSlice.immediate(bounds)
        if (removed.requests === 0) tidy.immediate()
        return removed
      } catch (error) {
        books.forget()
        throw error
      }
    },
    shrink,
  }
}
