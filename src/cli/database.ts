/**
 * The event log that a database URL names, with its books and, where several instances may share it, what they share beside it.
 */
import { Effect, Layer, Option } from 'effect'
import { Cluster } from '#actors/cluster.ts'
import type { Ledger } from '#actors/ledger.ts'
import * as ledger from '#actors/ledger.ts'
import { closeBox } from '#actors/open-box.ts'
import type { Books, EventLog, EventLogError } from '#actors/ports.ts'
import { progress } from '#cli/progress.ts'
import { VERSION } from '#cli/version.ts'
import { type LogArchive, layerNoArchive } from '#infra/event-log/log-archive.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { withPasswordFile } from '#infra/event-log/postgres-password.ts'
import { defaultPostgresSettings, type PostgresSettings } from '#infra/event-log/postgres-settings.ts'
import { layerSqlite, layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'

const SQLITE = 'sqlite:'
const MEMORY = `${SQLITE}:memory:`

/** Only where it is used: with Kysely and the driver it is a fifth of a start. SQLite is asked in threads of its own. */
const postgresLog = Effect.promise(() => import('#infra/event-log/postgres.ts'))

const isPostgres = (url: string): boolean => /^postgres(ql)?:/i.test(url)

/** `sqlite:PATH`, `sqlite::memory:` or `postgres://…`; configuration has checked the form. On PostgreSQL it gives the Cluster too. */
export const databaseLayer = (
  url: string,
  settings: PostgresSettings = defaultPostgresSettings,
): Layer.Layer<EventLog | Books | LogArchive, EventLogError> => {
  if (url === MEMORY) return Layer.merge(layerMemory(), layerNoArchive)
  if (!isPostgres(url)) return layerSqlite({ path: url.slice(SQLITE.length), preparing: preparing() })
  return Layer.unwrap(
    Effect.gen(function* () {
      const complete = yield* withPasswordFile(url)
      const { layerPostgres } = yield* postgresLog
      const { layerPostgres: layerCluster } = yield* Effect.promise(() => import('#infra/cluster/postgres.ts'))
      // Its tables are made with those of the log.
      return layerCluster({ url: complete, settings }).pipe(
        Layer.provideMerge(layerPostgres({ url: complete, settings, preparing: preparing() })),
      )
    }),
  )
}

/** For commands that look at a log while a server may be writing it. */
export const readOnlyDatabaseLayer = (url: string): Layer.Layer<EventLog | Books, EventLogError> =>
  isPostgres(url)
    ? Layer.unwrap(
        Effect.gen(function* () {
          const complete = yield* withPasswordFile(url)
          return (yield* postgresLog).layerPostgresReadOnly({ url: complete })
        }),
      )
    : layerSqliteReadOnly({ path: url.slice(SQLITE.length) })

/** The ledger of a command that changes something: on a log that others may write to, it joins them, and leaves with its scope. */
export const commandLedger = (writer: string): Layer.Layer<Ledger, EventLogError, EventLog> =>
  Layer.unwrap(
    Effect.map(Effect.serviceOption(Cluster), (cluster) => {
      if (Option.isNone(cluster)) return ledger.layer({ writer })
      const leaving = Layer.effectDiscard(Effect.addFinalizer(() => closeBox(undefined)))
      return leaving.pipe(Layer.provideMerge(ledger.layer({ writer, shared: { version: VERSION, spool: undefined } })))
    }),
  )

/** The first start of this release on a long log takes a while. */
const preparing = () => {
  const bar = progress('making the books', false)
  return (share: number): void => {
    bar.update(share)
    if (share >= 1) bar.done()
  }
}
