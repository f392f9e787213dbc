/** Log files for tests: new folders, and a raw connection that does what Signalbox never would. */
import { copyFileSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import { layerSqlite, layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

/** A path in a folder that does not exist yet. */
export const newPath = (): string => join(mkdtempSync(join(tmpdir(), 'signalbox-')), 'data', 'log.db')

/** Opens the log at the path, uses it, closes it. */
export const withLog = <A, E>(
  path: string,
  use: (log: EventLog['Service']) => Effect.Effect<A, E>,
  pragmas: readonly string[] = [],
): Effect.Effect<A, E | EventLogError> =>
  Effect.provide(Effect.flatMap(EventLog, use), layerSqlite({ path, pragmas }), { local: true })

/** The same for reading only. */
export const withReader = <A, E>(
  path: string,
  use: (log: EventLog['Service']) => Effect.Effect<A, E>,
): Effect.Effect<A, E | EventLogError> =>
  Effect.provide(Effect.flatMap(EventLog, use), layerSqliteReadOnly({ path }), { local: true })

/** Makes a closed log of so many served requests and returns its path; written once per size, then copied. */
export const logOf = Effect.fnUntraced(function* (requests: number) {
  let made = logs.get(requests)
  if (made === undefined) {
    made = newPath()
    const wrap = envelopes()
    const events = Array.from({ length: requests }, (_, n) => wrap(servedRequest(n))).flat()
    yield* withLog(made, (log) => log.append(events))
    logs.set(requests, made)
  }
  const path = newPath()
  mkdirSync(dirname(path))
  copyFileSync(made, path)
  return path
})
const logs = new Map<number, string>()

/** Runs SQL on the file behind Signalbox's back; without the triggers when it is to do damage. */
export const doctor = (path: string, ...statements: readonly string[]): void => {
  const database = new Database(path)
  for (const statement of statements) database.exec(statement)
  database.close()
}

export const WITHOUT_TRIGGERS = 'DROP TRIGGER events_no_update; DROP TRIGGER events_no_delete;'
