/** A log that a flag names, opened as it lies (see log-copy.ts). */
import { resolve } from 'node:path'
import { Effect, type Scope } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import { progress } from '#cli/progress.ts'
import type { LogReading, LogWriting } from '#infra/event-log/log-copy.ts'
import { isPostgresThere, openPostgresReading, openPostgresWriting } from '#infra/event-log/postgres-copy.ts'
import { isSqliteThere, openSqliteReading, openSqliteWriting } from '#infra/event-log/sqlite-copy.ts'

export type LogPlace =
  | { readonly _tag: 'Sqlite'; readonly url: string; readonly path: string }
  | { readonly _tag: 'Postgres'; readonly url: string }

/** Undefined: it names none. */
export const parseLogPlace = (text: string): LogPlace | undefined => {
  if (/^postgres(ql)?:/i.test(text) && (URL.parse(text)?.pathname.slice(1) ?? '') !== '') {
    return { _tag: 'Postgres', url: text }
  }
  const [, file] = /^sqlite:(?!:memory:$)(.+)$/.exec(text) ?? []
  if (file === undefined) return undefined
  const path = resolve(file)
  return { _tag: 'Sqlite', url: `sqlite:${path}`, path }
}

/** For people: without the password, and without what follows the name of the database. */
export const shownPlace = (place: LogPlace): string => {
  const url = place._tag === 'Postgres' ? URL.parse(place.url) : null
  if (url === null) return place.url
  return `postgres://${url.username === '' ? '' : `${url.username}@`}${url.host}${url.pathname}`
}

export const isSamePlace = (a: LogPlace, b: LogPlace): boolean => identityOf(a) === identityOf(b)

const DEFAULT_PORT = '5432'

const identityOf = (place: LogPlace): string => {
  const url = place._tag === 'Postgres' ? URL.parse(place.url) : null
  return url === null ? place.url : `${url.hostname}:${url.port || DEFAULT_PORT}${url.pathname}`
}

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
