/**
 * The connection on which PostgreSQL tells of a log that has grown. It is only ever a hint: while the connection is lost, or where
 * something between us swallows what it brings (PgBouncer in transaction mode), those who wait ask at their intervals.
 */
import { Effect, Random, type Scope } from 'effect'
import pg from 'pg'
import type { Connections } from '#infra/event-log/postgres-connections.ts'
import { clientConfig, type PostgresOptions } from '#infra/event-log/postgres-options.ts'

/** Notifications carry the position of the last event as their text. */
export const CHANNEL = 'signalbox_log'

const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 30_000
/** A connection that is dead without knowing it (a router forgot it) is found out by a question this often. */
const PROBE_MS = 30_000
/** How long the goodbye to a server may take that may not be there any more. */
const GOODBYE_MS = 500

export interface Listening {
  /** The log seems to have grown to a position. */
  readonly heard: (position: number) => void
  /** From now on notifications come, or come no more; what was said before cannot be known. */
  readonly changed: (listening: boolean) => void
}

/** Listens until the scope closes, and connects again whenever the connection is lost. */
export const listen = (
  options: PostgresOptions,
  attempt: Connections['attempt'],
  { heard, changed }: Listening,
): Effect.Effect<void, never, Scope.Scope> => {
  let failures = 0

  const session = Effect.gen(function* () {
    const { client, lost } = yield* connection(options, attempt)
    const ask = (statement: string) => attempt(() => client.query(statement))
    client.on('notification', ({ payload }) => {
      const position = Number(payload)
      if (Number.isSafeInteger(position)) heard(position)
    })
    yield* attempt(() => client.connect())
    yield* ask(`LISTEN ${CHANNEL}`)
    if (failures > 0) yield* Effect.logInfo('PostgreSQL tells again when the log grows')
    failures = 0
    changed(true)
    return yield* Effect.raceFirst(lost, Effect.forever(Effect.andThen(Effect.sleep(PROBE_MS), ask('SELECT 1'))))
  }).pipe(Effect.ensuring(Effect.sync(() => changed(false))), Effect.scoped)

  const again = Effect.gen(function* () {
    const reason = yield* Effect.flip(session)
    if (failures === 0) {
      yield* Effect.logWarning(
        `PostgreSQL cannot tell when the log grows; until it can, it is asked at intervals (${reason.message})`,
      )
    }
  }).pipe(
    Effect.catchDefect((defect) => Effect.logError('listening to PostgreSQL met a bug', defect)),
    Effect.andThen(Effect.suspend(() => Effect.map(Random.next, (draw) => backOffMs(failures++, draw)))),
    Effect.flatMap(Effect.sleep),
  )

  return Effect.asVoid(Effect.forkScoped(Effect.forever(again)))
}

/** Doubles with every failure; `draw` (0 to 1) takes up to half of it away, so that instances do not come back all at once. */
export const backOffMs = (failures: number, draw: number): number =>
  Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures) * (1 - draw / 2)

/** A client that is closed with the scope, and the failure that the loss of its connection will be. */
const connection = (options: PostgresOptions, attempt: Connections['attempt']) =>
  Effect.acquireRelease(
    attempt(async () => {
      const client = new pg.Client(clientConfig(options, 'short'))
      const loss = Promise.withResolvers<unknown>()
      client.on('error', loss.resolve)
      return { client, lost: attempt(async () => Promise.reject(await loss.promise)) }
    }),
    ({ client }) =>
      Effect.promise(() => client.end()).pipe(
        Effect.timeoutOption(GOODBYE_MS),
        Effect.andThen(Effect.sync(() => client.connection.stream.destroy())),
      ),
  )
