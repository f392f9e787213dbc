/**
 * Copying from and to a log on PostgreSQL. It is read in short statements: events never change, and one long transaction would keep
 * the server from clearing away what every append leaves behind.
 */
import { Effect, type Scope } from 'effect'
import { LOST_MS } from '#actors/membership.ts'
import type { EventLogError } from '#actors/ports.ts'
import type { Asking } from '#infra/event-log/asking.ts'
import type { LogReading, LogWriting } from '#infra/event-log/log-copy.ts'
import {
  askArchivedCells,
  askArchivedWriters,
  askExtent,
  askRows,
  askSnapshotAfter,
} from '#infra/event-log/log-copy-questions.ts'
import { type Connections, openConnections } from '#infra/event-log/postgres-connections.ts'
import * as writes from '#infra/event-log/postgres-copy-writes.ts'
import { checkCurrent, migrate } from '#infra/event-log/postgres-migrations.ts'
import type { PostgresOptions } from '#infra/event-log/postgres-options.ts'
import { answer, postgres } from '#infra/event-log/postgres-questions.ts'
import { SCHEMA } from '#infra/event-log/postgres-tables.ts'

/** Fails as Unusable where there is no log. */
export const openPostgresReading = (options: PostgresOptions): Effect.Effect<LogReading, EventLogError, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = yield* openConnections(options)
    yield* connections.attempt(() => connections.read(checkCurrent))
    return readingOf(connections)
  })

/** Whether there is a log in the database, of whatever release. */
export const isPostgresThere = (options: PostgresOptions): Effect.Effect<boolean, EventLogError> =>
  Effect.scoped(
    Effect.flatMap(openConnections(options), ({ attempt, read }) =>
      attempt(async () => {
        const [row] = await read((ask) => ask(`SELECT to_regclass('${SCHEMA}.log_schema') IS NOT NULL`))
        return row?.[0] === true
      }),
    ),
  )

/** Makes the tables where they are missing. */
export const openPostgresWriting = (options: PostgresOptions): Effect.Effect<LogWriting, EventLogError, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = yield* openConnections(options)
    const { attempt, long, write } = connections
    yield* attempt(() => long((ask) => migrate(ask)))
    return {
      ...readingOf(connections),
      add: (rows, before, after) => attempt(() => write((ask) => writes.add(ask, rows, before, after))),
      clear: attempt(() => write(writes.clear)),
      addArchivedCells: (entries) => attempt(() => write((ask) => writes.addArchivedCells(ask, entries))),
      addSnapshot: (snapshot) => attempt(() => write((ask) => writes.addSnapshot(ask, snapshot))),
      finish: (head, writers) => attempt(() => write((ask) => writes.finish(ask, head, writers))),
    }
  })

const readingOf = ({ attempt, read, long }: Connections): LogReading => {
  const asked = <A>(question: () => Asking<A>) => attempt(() => read((ask) => answer(ask, question())))
  return {
    users: attempt(async () => (await read((ask) => ask(USERS, [LOST_MS]))).map(([name]) => String(name))),
    // Counting may take longer than a statement is given.
    extent: attempt(() => long((ask) => answer(ask, askExtent(postgres)))),
    rows: (after, upTo) => asked(() => askRows(postgres, after, upTo)),
    archivedWriters: asked(() => askArchivedWriters(postgres)),
    archivedCells: (after) => asked(() => askArchivedCells(postgres, after)),
    snapshotAfter: (after) => asked(() => askSnapshotAfter(postgres, after)),
  }
}

/** Who has not been silent for so long that it is lost. */
const USERS = `SELECT name FROM ${SCHEMA}.instances WHERE beat_at > clock_timestamp() - $1 * interval '1 ms' ORDER BY name`
