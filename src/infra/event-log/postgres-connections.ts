/**
 * The connections of one process to PostgreSQL. Appends have one to themselves, so that they never wait behind questions. Nothing
 * depends on the state of a session and no statement is prepared by name, so a pooler may hand every transaction to another server
 * connection.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Effect, type Scope } from 'effect'
import pg from 'pg'
import { EventLogError } from '#actors/ports.ts'
import { unusable } from '#infra/event-log/log-failure.ts'
import { leavesConnection, reasonOf, SQLSTATE, sqlStateOf } from '#infra/event-log/postgres-failure.ts'
import { clientConfig, type PostgresOptions, type Session, withoutPassword } from '#infra/event-log/postgres-options.ts'
import { defaultPostgresSettings } from '#infra/event-log/postgres-settings.ts'

export type Parameters = readonly unknown[]
/** Rows as arrays, in the order of the columns. */
export type Rows = readonly (readonly unknown[])[]

/** Asks one statement after the other on one connection. */
export type Ask = (sql: string, parameters?: Parameters) => Promise<Rows>

export interface Connections {
  /** One at a time; whoever appends. */
  readonly write: <A>(use: (ask: Ask) => Promise<A>) => Promise<A>
  readonly read: <A>(use: (ask: Ask) => Promise<A>) => Promise<A>
  /** A connection of its own, without a limit to the time of a statement. */
  readonly long: <A>(use: (ask: Ask) => Promise<A>) => Promise<A>
  /** Runs what asks; its failures in the port's words, without the password. Whatever is no failure of the database dies. */
  readonly attempt: <A>(run: () => Promise<A>) => Effect.Effect<A, EventLogError>
}

/** Connects once, to learn what sessions may ask for, and makes the pools, which are closed with the scope. */
export const openConnections = (options: PostgresOptions): Effect.Effect<Connections, EventLogError, Scope.Scope> =>
  Effect.gen(function* () {
    const attempt = attempting(options.url)
    const session = yield* attempt(() => sessionOf(options))
    const { poolSize, lockTimeoutMs } = options.settings ?? defaultPostgresSettings
    const pools = yield* Effect.acquireRelease(
      Effect.sync(() => ({
        write: makePool({ ...clientConfig(options, session), query_timeout: lockTimeoutMs + APPEND_MS }, 1),
        read: makePool(clientConfig(options, session), Math.max(1, poolSize - 1)),
      })),
      ({ write, read }) =>
        Effect.promise(() =>
          Promise.race([Promise.all([write.end(), read.end()]), wait(CLOSE_MS, null, { ref: false })]),
        ),
    )
    return {
      write: (use) => withClient(() => pools.write.connect(), use),
      read: (use) => withClient(() => pools.read.connect(), use),
      long: (use) => onOwnConnection(options, session === 'pooled' ? 'pooledLong' : 'long', use),
      attempt,
    }
  })

/** Saying goodbye to a server that is silent would take as long as the network goes on trying: a quarter of an hour. */
const CLOSE_MS = 5_000

/** An append takes milliseconds once it has the lock. A connection that is silent for longer is given up, and another one made. */
const APPEND_MS = 5_000

const attempting =
  (url: string): Connections['attempt'] =>
  (run) =>
    Effect.tryPromise({ try: run, catch: (error) => error }).pipe(
      Effect.catch((error) => {
        const reason = reasonOf(error)
        if (reason === undefined) return Effect.die(withoutDetail(error))
        const detail = withoutPassword(url, reason.detail)
        return Effect.fail(new EventLogError({ reason: { ...reason, detail } }))
      }),
    )

/** The driver's errors hold the row that they are about, which may hold what a client sent. */
const withoutDetail = (error: unknown): unknown =>
  error instanceof pg.DatabaseError ? new Error(`PostgreSQL ${error.code}: ${error.message}`) : error

/** A pooler before the server may refuse to open a session with settings; PgBouncer says so with this state. */
const sessionOf = async (options: PostgresOptions): Promise<Session> => {
  try {
    await onOwnConnection(options, 'short', (ask) => ask('SELECT 1'))
    return 'short'
  } catch (error) {
    if (sqlStateOf(error) !== SQLSTATE.refusedSetting) throw error
    await onOwnConnection(options, 'pooled', (ask) => ask('SELECT 1'))
    return 'pooled'
  }
}

const makePool = (config: pg.ClientConfig, max: number): pg.Pool => {
  const pool = new pg.Pool({ ...config, max })
  // A connection that is lost while nobody uses it: the pool has dropped it already, and the next use makes another.
  pool.on('error', () => undefined)
  return pool
}

const onOwnConnection = <A>(options: PostgresOptions, session: Session, use: (ask: Ask) => Promise<A>): Promise<A> => {
  const connect = async () => {
    const client = makeClient(clientConfig(options, session))
    // A connection that is lost fails the statement under way; unheard, the event would end the process.
    client.on('error', () => undefined)
    await client.connect()
    return Object.assign(client, { release: () => void client.end() })
  }
  return withClient(connect, use)
}

/** Reading the certificates that a URL names is the driver's first step, and throws errors without a code for what does not fit. */
const makeClient = (config: pg.ClientConfig): pg.Client => {
  try {
    return new pg.Client(config)
  } catch (error) {
    if (error instanceof Error && !('code' in error))
      throw unusable(`the database URL cannot be used: ${error.message}`)
    throw error
  }
}

const withClient = async <A>(
  connect: () => Promise<pg.ClientBase & { readonly release: (destroy?: boolean) => void }>,
  use: (ask: Ask) => Promise<A>,
): Promise<A> => {
  const client = await connect()
  let broken = false
  // The pool hears of lost connections only while nobody uses them.
  const lose = () => {
    broken = true
  }
  client.on('error', lose)
  try {
    return await use(async (text, values = []) => {
      const answer = await client.query<unknown[]>({ text, values: [...values], rowMode: 'array' })
      // Several statements in one text, as migrations have them, answer with a list of answers.
      return Array.isArray(answer) ? [] : answer.rows
    })
  } catch (error) {
    if (!leavesConnection(error)) broken = true
    throw error
  } finally {
    client.release(broken)
    client.off('error', lose)
  }
}

/**
 * Runs statements as one transaction. When one fails the server is told to forget it all; where it cannot be told, it does so by
 * itself.
 */
export const inTransaction = async <A>(ask: Ask, use: () => Promise<A>): Promise<A> => {
  await ask('BEGIN')
  try {
    const result = await use()
    await ask('COMMIT')
    return result
  } catch (error) {
    if (leavesConnection(error)) await ask('ROLLBACK')
    throw error
  }
}
