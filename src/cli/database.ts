/**
 * The event log that a database URL names, with its books.
 */
import { Layer } from 'effect'
import type { Books, EventLog, EventLogError } from '#actors/ports.ts'
import { progress } from '#cli/progress.ts'
import { type LogArchive, layerNoArchive } from '#infra/event-log/log-archive.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { layerSqlite, layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'

const SQLITE = 'sqlite:'

/** `sqlite:PATH` or `sqlite::memory:`; configuration has checked the form. */
export const databaseLayer = (url: string): Layer.Layer<EventLog | Books | LogArchive, EventLogError> =>
  url === `${SQLITE}:memory:`
    ? Layer.merge(layerMemory(), layerNoArchive)
    : layerSqlite({ path: url.slice(SQLITE.length), preparing: preparing() })

/** For commands that look at a log while a server may be writing it. */
export const readOnlyDatabaseLayer = (url: string): Layer.Layer<EventLog | Books, EventLogError> =>
  layerSqliteReadOnly({ path: url.slice(SQLITE.length) })

/** The first start of this release on a long log takes a while. */
const preparing = () => {
  const bar = progress('making the books', false)
  return (share: number): void => {
    bar.update(share)
    if (share >= 1) bar.done()
  }
}
