/**
 * The event log itself, where no Signalbox runs that could be asked.
 */
import { randomBytes } from 'node:crypto'
import { Data, Effect, Layer } from 'effect'
import type { Ledger } from '#actors/ledger.ts'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import { commandLedger, databaseLayer, readOnlyDatabaseLayer } from '#cli/database.ts'
import { loggerLayer } from '#cli/logger.ts'
import { serverUrl } from '#cli/server-url.ts'
import type { Config } from '#infra/config/config.ts'

/** The log cannot be used; the message says why and what to do. */
export class LogNotUsable extends Data.TaggedError('LogNotUsable')<{ readonly message: string }> {}

/** Opens the log, makes the change, and closes it again: what was recorded is durable. */
export const changeOnLog = <A, E>(config: Config, change: Effect.Effect<A, E, Ledger>) =>
  Effect.gen(function* () {
    yield* inFile(config)
    const ledger = commandLedger(randomBytes(6).toString('base64url')).pipe(
      Layer.provide(databaseLayer(config.database.url)),
    )
    // What the change fails with stays apart from what the log fails with.
    const changed = Effect.provide(Effect.result(change), ledger)
    return yield* changed.pipe(Effect.mapError(notUsable(config)), Effect.flatMap(Effect.fromResult))
  }).pipe(Effect.provide(loggerLayer(config.log)))

/** The client keys, as the log has them. */
export const keysInLog = (config: Config) =>
  Effect.gen(function* () {
    yield* inFile(config)
    const { state } = yield* EventLog.use(restore).pipe(
      Effect.provide(readOnlyDatabaseLayer(config.database.url)),
      Effect.mapError(notUsable(config)),
    )
    return state.projections.clientKeys.byId.values().toArray()
  }).pipe(Effect.provide(loggerLayer(config.log)))

const nobody = (config: Config) => `no Signalbox that takes the admin token of this log answers at ${serverUrl(config)}`

const inFile = (config: Config) => {
  const message = `The log is in memory, and ${nobody(config)}. Start it first, or name its --port.`
  return config.database.url === 'sqlite::memory:' ? Effect.fail(new LogNotUsable({ message })) : Effect.void
}

const notUsable = (config: Config) => (error: EventLogError) =>
  new LogNotUsable({ message: `${error.message}\n(And ${nobody(config)}. If one runs, name its --port.)` })
