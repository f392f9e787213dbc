/**
 * What can be told of one row's soundness without the rows around it. Because versions are gapless within a stream (which
 * each adapter checks), a request has exactly one RequestAdmitted, before all else, when version 1 and that type always
 * come together; and at most one terminal event, with nothing after it, when every terminal event has its stream's last
 * version. So no memory of earlier rows is needed, however long the log.
 */
import { CATALOGUE, type EventType } from '#domain/events.ts'
import { liesIn, streamOf } from '#domain/recorded-event.ts'
import { readRow } from '#infra/event-log/codec.ts'
import type { StoredRow } from '#infra/event-log/row.ts'

export const TERMINAL_TYPES: readonly string[] = (Object.keys(CATALOGUE) as EventType[]).filter(
  (type) => CATALOGUE[type].terminal === true,
)

/** Problems are kept up to this number; a log that is all wrong would fill the memory otherwise. */
export const MOST_PROBLEMS = 1_000

/** `lastVersion`: the highest stream version of the row's stream; needed for terminal events only. */
export const auditRow = (row: StoredRow, lastVersion: number | undefined): readonly string[] => {
  const read = readRow(row)
  if (read._tag === 'Foreign') {
    // Written by a newer release: nothing that this one could judge.
    return read.upcast._tag === 'FromTheFuture' ? [] : [`${row.type} cannot be decoded: ${read.upcast.message}`]
  }
  const { event } = read.recorded
  const problems: string[] = []
  if (!liesIn(event, row.stream))
    problems.push(`${row.type} lies in stream ${row.stream}, but belongs to ${streamOf(event)}`)
  if (row.stream.startsWith('request:')) {
    if (row.streamVersion === 1 && event._tag !== 'RequestAdmitted') {
      problems.push(`${row.stream} begins with ${row.type} instead of RequestAdmitted`)
    }
    if (row.streamVersion !== 1 && event._tag === 'RequestAdmitted') {
      problems.push(`${row.stream} is admitted again as its event ${row.streamVersion}`)
    }
    if (TERMINAL_TYPES.includes(row.type) && lastVersion !== row.streamVersion) {
      problems.push(`${row.stream} goes on after ${row.type}`)
    }
  }
  return problems
}
