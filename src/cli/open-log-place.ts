/** Opens a log that a flag names as it lies (see log-copy.ts). */
import { Effect, type Scope } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import type { LogPlace } from '#cli/log-place.ts'
import { progress } from '#cli/progress.ts'
import type { LogReading, LogWriting } from '#infra/event-log/log-copy.ts'
import { isPostgresThere, openPostgresReading, openPostgresWriting } from '#infra/event-log/postgres-copy.ts'
import { isSqliteThere, openSqliteReading, openSqliteWriting } from '#infra/event-log/sqlite-copy.ts'

/** Fails where there is no log. */
export const openReading = (place: LogPlace): Effect.Effect<LogReading, EventLogError, Scope.Scope> =>
  place._tag === 'Sqlite' ? openSqliteReading(place.path) : openPostgresReading({ url: place.url })

/** Makes the log where there is none. */
export const openWriting = (place: LogPlace): Effect.Effect<LogWriting, EventLogError, Scope.Scope> => {
  if (place._tag === 'Postgres') return openPostgresWriting({ url: place.url })
  const bar = progress('making the books', false)
  return Effect.ensuring(openSqliteWriting(place.path, bar.update), Effect.sync(bar.done))
}

export const isLogThere = (place: LogPlace): Effect.Effect<boolean, EventLogError> =>
  place._tag === 'Sqlite' ? Effect.sync(() => isSqliteThere(place.path)) : isPostgresThere({ url: place.url })
