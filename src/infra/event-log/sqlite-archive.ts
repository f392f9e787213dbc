/**
 * Removing archived requests. The archiving thread reads which go next and what they added to the books; the write connection only
 * deletes them, in slices so short that an append never waits long. This is the only code that can delete events: the trigger that
 * forbids it is away only within its transaction.
 */
import type { Database } from 'better-sqlite3'
import type { CostEntry } from '#domain/books.ts'
import { type ArchiveBounds, CHOSEN, chosenBy, type RemovedSlice } from '#infra/event-log/archive-questions.ts'
import { firstSlice, nextSlice, PAGES } from '#infra/event-log/archive-slice.ts'
import { conflict } from '#infra/event-log/log-failure.ts'
import { streamImplying } from '#infra/event-log/row.ts'
import { type Decode, type KeptBooks, makeReplay } from '#infra/event-log/sqlite-books.ts'

const ALL_VERSIONS = Number.MAX_SAFE_INTEGER

/** Requests to be deleted. They have ended, so that nothing of them changes until they are. */
export interface RemovalSlice {
  readonly requests: readonly { readonly position: number; readonly stream: string; readonly events: number }[]
  /** The last numbers that writers have in their events. */
  readonly writers: readonly { readonly writer: number; readonly seq: number }[]
  /** Of their events. */
  readonly lastPosition: number
  /** What they added to the cells of the books. */
  readonly entries: readonly CostEntry[]
}

/** Reads the next of the chosen requests; no request is left when it answers with none. */
export const makeSlicer = (database: Database, decode: Decode) => {
  const choose = database.prepare<[number, number, number, number], { readonly position: number; readonly id: string }>(
    `SELECT position, id FROM requests WHERE ${CHOSEN} ORDER BY position LIMIT ?`,
  )
  const written = database.prepare<
    [string],
    { readonly writer: number; readonly seq: number; readonly position: number; readonly events: number }
  >(
    // Without the plus, the whole index on writers would be walked to group by them.
    `SELECT writer, max(writer_seq) AS seq, max(position) AS position, count(*) AS events
     FROM events WHERE stream = ? GROUP BY +writer`,
  )
  const replay = makeReplay(database, decode)

  return (bounds: ArchiveBounds, size: number): RemovalSlice => {
    const entries: CostEntry[] = []
    const writers = new Map<number, number>()
    let lastPosition = 0
    const requests = choose.all(...chosenBy(bounds), size).map(({ position, id }) => {
      const stream = streamImplying(id)
      entries.push(...replay(stream, ALL_VERSIONS).entries)
      let events = 0
      for (const part of written.all(stream)) {
        writers.set(part.writer, Math.max(part.seq, writers.get(part.writer) ?? 0))
        events += part.events
        lastPosition = Math.max(lastPosition, part.position)
      }
      return { position, stream, events }
    })
    return { requests, writers: [...writers].map(([writer, seq]) => ({ writer, seq })), lastPosition, entries }
  }
}

/** What was deleted, and how long appends had to wait for it. */
export interface Removed extends RemovedSlice {
  readonly tookMs: number
}

export const makeRemoval = (database: Database, books: Pick<KeptBooks, 'archive' | 'forget'>) => {
  const trigger = database.prepare<[], string>("SELECT sql FROM sqlite_schema WHERE name = 'events_no_delete'").pluck()
  const removeEvents = database.prepare<[string]>('DELETE FROM events WHERE stream = ?')
  const removeRequest = database.prepare<[number]>('DELETE FROM requests WHERE position = ?')
  const noteWriter = database.prepare<[number, number]>(
    'UPDATE writers SET archived_seq = max(archived_seq, ?) WHERE id = ?',
  )
  const noteHead = database.prepare<[number, number]>(
    'UPDATE log_head SET archived_to = max(archived_to, ?), archived_events = archived_events + ?',
  )

  const removeSlice = database.transaction(
    ({ requests, writers, lastPosition, entries }: RemovalSlice): RemovedSlice => {
      const forbid = trigger.get()
      if (forbid === undefined) throw new Error('the trigger that keeps the log append-only is missing')
      database.exec('DROP TRIGGER events_no_delete')
      let removed = 0
      for (const { position, stream, events } of requests) {
        const { changes } = removeEvents.run(stream)
        if (changes !== events || removeRequest.run(position).changes !== 1)
          throw conflict(`${stream} is not what it was when it was read to be removed`)
        removed += events
      }
      for (const { writer, seq } of writers) noteWriter.run(seq, writer)
      books.archive(entries)
      noteHead.run(lastPosition, removed)
      database.exec(forbid)
      return { requests: requests.length, events: removed }
    },
  )

  /** Drops cells that removal has emptied. */
  const tidy = database.transaction(() => {
    for (const table of ['cost_hours', 'cost_sessions']) {
      database.exec(`DELETE FROM ${table} WHERE archived = 0 AND requests = 0 AND attempts = 0`)
    }
  })

  let pages = firstSlice(PAGES)

  return {
    /** An empty slice is the end. */
    remove: (slice: RemovalSlice): Removed => {
      const from = performance.now()
      try {
        if (slice.requests.length === 0) tidy.immediate()
        const removed = slice.requests.length === 0 ? { requests: 0, events: 0 } : removeSlice.immediate(slice)
        return { ...removed, tookMs: performance.now() - from }
      } catch (error) {
        books.forget()
        throw error
      }
    },
    /** Gives some free pages back to the disk; answers how many are left. */
    shrink: (): number => {
      const from = performance.now()
      database.exec(`PRAGMA incremental_vacuum(${pages})`)
      pages = nextSlice(pages, performance.now() - from, PAGES)
      const left = Number(database.pragma('freelist_count', { simple: true }))
      // The file becomes shorter with what the WAL has been brought into it. Nobody waits for readers here.
      if (left === 0) database.pragma('wal_checkpoint(PASSIVE)')
      return left
    },
  }
}
