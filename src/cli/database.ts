/**
 * The event log that a database URL names.
 */
import type { Layer } from 'effect'
import type { EventLog, EventLogError } from '#actors/ports.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { layerSqlite, layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'

const SQLITE = 'sqlite:'

/** `sqlite:PATH` or `sqlite::memory:`; configuration has checked the form. */
export const databaseLayer = (url: string): Layer.Layer<EventLog, EventLogError> =>
  url === `${SQLITE}:memory:` ? layerMemory() : layerSqlite({ path: url.slice(SQLITE.length) })

/** For commands that look at a log while a server may be writing it. */
export const readOnlyDatabaseLayer = (url: string): Layer.Layer<EventLog, EventLogError> =>
  layerSqliteReadOnly({ path: url.slice(SQLITE.length) })
