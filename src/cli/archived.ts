/**
 * Where events are that are no longer in the log, for commands that would look for them in vain.
 */
import { Effect } from 'effect'
import type { EventLog, EventLogError } from '#actors/ports.ts'

export interface ArchivedPart {
  /** Events of requests that were admitted up to this position are there. */
  readonly upTo: number
  readonly file: string
}

/** Archives are made once a day; older ones than these are named by the newest of them. */
const MOST_ARCHIVES = 10_000

/** Oldest first. */
export const archivedParts = (log: EventLog['Service']): Effect.Effect<readonly ArchivedPart[], EventLogError> =>
  Effect.map(log.read({ after: 0, limit: MOST_ARCHIVES, types: ['LogArchived'] }), (rows) =>
    rows.flatMap((row) =>
      row._tag === 'Known' && row.recorded.event._tag === 'LogArchived'
        ? [{ upTo: row.recorded.event.upTo, file: row.recorded.event.file }]
        : [],
    ),
  )

const SHOWN = 5

/** What to say of archives; undefined when there is none. */
export const archivedNote = (parts: readonly ArchivedPart[]): string | undefined => {
  const last = parts.at(-1)
  if (last === undefined) return undefined
  const names = parts.slice(-SHOWN).map(({ file }) => file)
  const more = parts.length > SHOWN ? `, and ${parts.length - SHOWN} older ones` : ''
  return `Events of requests up to position ${last.upTo.toLocaleString('en')} are in archives: ${names.join(', ')}${more} (docs/operations.md).`
}
