/** Where the log stood at a moment, on a reading connection. */
import type { Database } from 'better-sqlite3'
import type { LogPlace } from '#actors/ports.ts'
import { CLOCK_STEP_MS } from '#infra/event-log/sqlite-read-books.ts'

export const makePlaceAt = (database: Database): ((at: number) => LogPlace) => {
  const selectArchivedTo = database.prepare<[], number>('SELECT archived_to FROM log_head').pluck()
  const newestTime = database
    .prepare<[number], number>(
      'SELECT occurred_at FROM events WHERE occurred_at <= ? ORDER BY occurred_at DESC LIMIT 1',
    )
    .pluck()
  // Over all events up to then it would walk the whole index.
  const lastBetween = database
    .prepare<[number, number], number | null>(
      'SELECT max(position) FROM events WHERE occurred_at >= ? AND occurred_at <= ?',
    )
    .pluck()
  const lastSnapshot = database
    .prepare<[number], number | null>('SELECT max(position) FROM snapshots WHERE occurred_at <= ?')
    .pluck()

  return (at) => {
    const newest = newestTime.get(at)
    const position = newest === undefined ? 0 : (lastBetween.get(newest - CLOCK_STEP_MS, at) ?? 0)
    const archivedTo = selectArchivedTo.get() ?? 0
    // Where events are gone, a snapshot still tells that its last one had occurred by then.
    const known = archivedTo > 0 ? (lastSnapshot.get(at) ?? 0) : 0
    return { position: Math.max(position, known), archivedTo }
  }
}
