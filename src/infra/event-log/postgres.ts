/**
 * The event log on PostgreSQL, for several instances at once. Everything is asked from the main thread, which only waits for it: what
 * takes time is done by the server.
 */
import { Context, Effect, Layer, Semaphore } from 'effect'
import { Books, EventLog, EventLogError, type LogStats } from '#actors/ports.ts'
import { matchesModel } from '#domain/model-map.ts'
import type { Asking } from '#infra/event-log/asking.ts'
import { readTrusted } from '#infra/event-log/codec.ts'
import { LogArchive } from '#infra/event-log/log-archive.ts'
import { makeAppend } from '#infra/event-log/postgres-append.ts'
import { makeArchive } from '#infra/event-log/postgres-archive.ts'
import { catchUp } from '#infra/event-log/postgres-catch-up.ts'
import { type Connections, openConnections } from '#infra/event-log/postgres-connections.ts'
import { checkCurrent, checkTail, migrate } from '#infra/event-log/postgres-migrations.ts'
import type { PostgresOptions } from '#infra/event-log/postgres-options.ts'
import { compileRead, placeAt } from '#infra/event-log/postgres-query.ts'
import { answer, makePostgresQuestions, verifyPostgres } from '#infra/event-log/postgres-questions.ts'
import { storedRow } from '#infra/event-log/postgres-row.ts'
import { defaultPostgresSettings } from '#infra/event-log/postgres-settings.ts'
import { makeSaveSnapshot, snapshotBefore } from '#infra/event-log/postgres-snapshots.ts'
import { makeUpkeep } from '#infra/event-log/postgres-upkeep.ts'

export interface PostgresLogOptions extends PostgresOptions {
  /** Told the share done when the books of a long log must be made first. */
  readonly preparing?: (share: number) => void
  /** Positions of a partition, for a log that is only now made (tests). */
  readonly partitionEvents?: number
}

/**
 * Opens the log; makes its tables where they are missing, or brings them up to date. Fails as Unusable, with a message that says what to
 * do, when the database is not ours or newer, and as Unavailable when it cannot be reached.
 */
export const layerPostgres = (options: PostgresLogOptions): Layer.Layer<EventLog | Books | LogArchive, EventLogError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const connections = yield* openConnections(options)
      const { attempt, long, read } = connections
      yield* attempt(() =>
        long(async (ask) => {
          await migrate(ask, options.partitionEvents)
          await checkTail(ask)
          await catchUp(ask, options.preparing)
        }),
      )
      const upkeep = yield* makeUpkeep(connections)
      const { lockTimeoutMs } = options.settings ?? defaultPostgresSettings
      const append = makeAppend(connections, { waitMs: lockTimeoutMs, grew: upkeep.grew })
      const saveSnapshot = makeSaveSnapshot()
      const oneAtATime = Semaphore.makeUnsafe(1)
      const reading = readingSide(connections)
      const log = EventLog.of({
        ...reading,
        append: (events) => (events.length === 0 ? reading.head : attempt(() => append(events))),
        saveSnapshot: (snapshot) => oneAtATime.withPermit(attempt(() => read((ask) => saveSnapshot(ask, snapshot)))),
      })
      return Context.make(EventLog, log).pipe(
        Context.add(Books, booksOf(connections)),
        Context.add(LogArchive, makeArchive(connections)),
      )
    }),
  )

/** Opens an existing log for reading. Appending fails as Unusable. */
export const layerPostgresReadOnly = (options: PostgresOptions): Layer.Layer<EventLog | Books, EventLogError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const connections = yield* openConnections(options)
      yield* connections.attempt(() => connections.read(checkCurrent))
      const refused = Effect.fail(
        new EventLogError({ reason: { _tag: 'Unusable', detail: 'the event log is open for reading only' } }),
      )
      const log = EventLog.of({ ...readingSide(connections), append: () => refused, saveSnapshot: () => refused })
      return Context.make(EventLog, log).pipe(Context.add(Books, booksOf(connections)))
    }),
  )

const readingSide = ({ attempt, read, long }: Connections): Omit<EventLog['Service'], 'append' | 'saveSnapshot'> => ({
  read: (query) =>
    attempt(async () => {
      const { sql, parameters } = compileRead(query)
      const rows = await read((ask) => ask(sql, parameters))
      return rows.map((cells) => readTrusted(storedRow(cells)))
    }),
  head: Effect.suspend(() =>
    attempt(async () => Number((await read((ask) => ask('SELECT position FROM signalbox.log_head')))[0]?.[0])),
  ),
  latestSnapshot: (version) =>
    Effect.map(
      attempt(() => read((ask) => snapshotBefore(ask, version, Number.MAX_SAFE_INTEGER))),
      (found) => found && { version: found.version, position: found.position, state: found.state },
    ),
  snapshotBefore: (version, position) => attempt(() => read((ask) => snapshotBefore(ask, version, position))),
  placeAt: (at) => attempt(() => read((ask) => placeAt(ask, at))),
  verify: (progress) => attempt(() => long((ask) => verifyPostgres(ask, progress))),
  stats: Effect.suspend(() => attempt(() => read(async (ask) => statsOf((await ask(STATS))[0] ?? [])))),
})

/** The write-ahead log is the server's, and holds what other databases wrote too. */
const statsOf = ([head, bytes]: readonly unknown[]): LogStats => ({
  head: Number(head),
  databaseBytes: Number(bytes),
  walBytes: 0,
})

const STATS = `SELECT (SELECT position FROM signalbox.log_head),
  (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
   WHERE relnamespace = 'signalbox'::regnamespace AND relkind IN ('r', 'm'))`

const booksOf = ({ attempt, read }: Connections): Books['Service'] => {
  const { costs, requests, request, session, spent } = makePostgresQuestions()
  const asked = <A>(question: () => Asking<A>) => attempt(() => read((ask) => answer(ask, question())))
  return Books.of({
    costs: (query) => asked(() => costs(query)),
    requests: (query) => asked(() => requests(query)),
    request: (requestId) => asked(() => request(requestId)),
    session: (sessionId) => asked(() => session(sessionId)),
    spent: (query) =>
      Effect.map(
        asked(() => spent(query)),
        (byModel) =>
          byModel.reduce(
            (sum, [asked, nano]) => (query.model === undefined || matchesModel(query.model, asked) ? sum + nano : sum),
            0,
          ),
      ),
  })
}
