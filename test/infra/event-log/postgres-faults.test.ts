/** The log on a PostgreSQL that fails: connections and servers that die, answers that are lost, locks that are held. */
import { setTimeout as wait } from 'node:timers/promises'
import { Effect, Fiber } from 'effect'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { EventLog } from '#actors/ports.ts'
import { layerPostgres, layerPostgresReadOnly } from '#infra/event-log/postgres.ts'
import { defaultPostgresSettings } from '#infra/event-log/postgres-settings.ts'
import { startFaultProxy } from '#test/fault-proxy.ts'
import { createDatabase, onDatabase } from '#test/postgres.ts'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { checkHistories, follow, write } from './log-checker.ts'

vi.setConfig({ testTimeout: 120_000 })

let cluster: PostgresCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.remove())

const newDatabase = () => createDatabase(cluster.url('postgres'))

/** Opens the log and closes it again. */
const withLog = <A, E>(url: string, use: (log: EventLog['Service']) => Effect.Effect<A, E>, settings = {}) =>
  Effect.provide(
    Effect.flatMap(EventLog, use),
    layerPostgres({ url, settings: { ...defaultPostgresSettings, ...settings } }),
    { local: true },
  )

it('loses nothing, doubles nothing and shows nothing out of order while connections and servers are killed', async () => {
  const url = await newDatabase()
  await Effect.runPromise(withLog(url, (log) => log.head))
  let isOver = false
  let end: number | undefined
  let open = 0
  const opened = () => {
    open += 1
  }
  const writing = Effect.forEach(
    [1, 2, 3],
    (n) => write(layerPostgres({ url }), `box_${n}`, n * 1_000_000, opened, () => isOver),
    { concurrency: 'unbounded' },
  )
  const reading = Effect.forEach([1, 2, 3], () => follow(layerPostgresReadOnly({ url }), opened, () => end), {
    concurrency: 'unbounded',
  })
  const killing = async () => {
    while (open < 6) await wait(10)
    for (let round = 1; round <= 20; round++) {
      await wait(100)
      if (round % 7 === 0) {
        await cluster.kill()
        await cluster.start()
      } else await killSome(url, round)
    }
    isOver = true
  }
  const [histories, seen, kills] = await Effect.runPromise(
    Effect.gen(function* () {
      const writers = yield* Effect.forkChild(writing)
      const readers = yield* Effect.forkChild(reading)
      yield* Effect.promise(killing)
      const done = yield* Fiber.join(writers)
      end = Math.max(...done.map(({ acknowledged }) => acknowledged.position))
      return [done, yield* Fiber.join(readers), done.reduce((sum, { repeated }) => sum + repeated, 0)] as const
    }),
  )
  const events = await Effect.runPromise(checkHistories(layerPostgres({ url }), histories, seen))
  expect(events).toBeGreaterThan(100)
  // Some appends were under way when their connection was cut.
  expect(kills).toBeGreaterThan(0)
  for (const reader of seen) expect(reader).toHaveLength(events)
})

/** Ends some of the sessions of Signalbox, another share each time. */
const killSome = (url: string, round: number) =>
  onDatabase(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'signalbox' AND (pid + ${round}) % 3 = 0`,
  )

it('takes an append whose answer was lost, and that comes again, for the same one', async () => {
  const url = await newDatabase()
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const proxy = yield* startFaultProxy({ port: cluster.port })
        yield* withLog(throughProxy(url, proxy.port), (log) =>
          Effect.gen(function* () {
            const wrap = envelopes()
            expect(yield* log.append(wrap(servedRequest(1)))).toBe(4)
            const second = wrap(servedRequest(2))
            // The server commits and answers, and the connection ends before the first byte of its answer.
            proxy.set('down', { _tag: 'LimitData', bytes: 0, how: 'reset' })
            const error = yield* Effect.flip(log.append(second))
            expect(error.reason._tag).toBe('Unavailable')
            proxy.clear()
            expect(yield* Effect.promise(() => headOf(url))).toBe(8)
            expect(yield* log.append(second)).toBe(8)
            // With what came after it, as a ledger sends it.
            const third = wrap(servedRequest(3))
            expect(yield* log.append([...second, ...third])).toBe(12)
            expect((yield* log.verify(() => {})).problems).toEqual([])
          }),
        )
      }),
    ),
  )
})

it('gives up on a server that has fallen silent, and goes on when it speaks again', async () => {
  const url = await newDatabase()
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const proxy = yield* startFaultProxy({ port: cluster.port })
        const settings = { statementTimeoutMs: 1_000, connectTimeoutMs: 1_000 }
        yield* withLog(
          throughProxy(url, proxy.port),
          (log) =>
            Effect.gen(function* () {
              const events = envelopes()(servedRequest(1))
              expect(yield* log.head).toBe(0)
              proxy.set('up', { _tag: 'Timeout' })
              const results = yield* Effect.all([Effect.flip(log.append(events)), Effect.flip(log.head)], {
                concurrency: 2,
              })
              for (const { reason } of results) expect(reason._tag).toBe('Unavailable')
              proxy.clear()
              expect(yield* log.append(events)).toBe(4)
              expect(yield* log.head).toBe(4)
            }),
          settings,
        )
      }),
    ),
  )
})

it('waits for a lock of the head no longer than it may, and says that it is unavailable', async () => {
  const url = await newDatabase()
  const events = envelopes()(servedRequest(1))
  const stuck = new pg.Client({ connectionString: url })
  await stuck.connect()
  try {
    await Effect.runPromise(
      withLog(
        url,
        (log) =>
          Effect.gen(function* () {
            yield* Effect.promise(() => stuck.query('BEGIN; SELECT position FROM signalbox.log_head FOR UPDATE'))
            const began = performance.now()
            const error = yield* Effect.flip(log.append(events))
            expect(error.reason).toEqual({
              _tag: 'Unavailable',
              detail: expect.stringMatching(/another transaction holds the event log locked \(PostgreSQL 55P03/),
            })
            expect(performance.now() - began).toBeLessThan(5_000)
            // Who reads has not to wait.
            expect(yield* log.head).toBe(0)
            yield* Effect.promise(() => stuck.query('ROLLBACK'))
            expect(yield* log.append(events)).toBe(4)
          }),
        { lockTimeoutMs: 300 },
      ),
    )
  } finally {
    await stuck.end()
  }
})

it('is unavailable while the server is a standby or down, and works again after', async () => {
  const url = await newDatabase()
  const name = new URL(url).pathname.slice(1)
  const wrap = envelopes()
  await Effect.runPromise(
    withLog(url, (log) =>
      Effect.gen(function* () {
        const first = wrap(servedRequest(1))
        /** Until it fails like this; sessions that end may fail it in another way before. */
        const failsWith = (detail: RegExp): Effect.Effect<void> =>
          Effect.flatMap(Effect.flip(log.append(first)), ({ reason }) => {
            expect(reason._tag).toBe('Unavailable')
            return detail.test(reason.detail) ? Effect.void : Effect.delay(failsWith(detail), '50 millis')
          }).pipe(Effect.orDie)
        const server = (statement: string) =>
          Effect.promise(() =>
            onDatabase(
              cluster.url('postgres'),
              statement,
              `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
            ),
          )
        yield* server(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
        yield* failsWith(/the database server is read-only.*25006/)
        yield* server(`ALTER DATABASE ${name} RESET default_transaction_read_only`)
        expect(yield* Effect.retry(log.append(first), { times: 3 })).toBe(4)
        yield* Effect.promise(() => cluster.stop())
        yield* failsWith(/cannot be reached \(ECONNREFUSED\)/)
        yield* Effect.promise(() => cluster.start())
        expect(yield* Effect.retry(log.append(wrap(servedRequest(2))), { times: 3 })).toBe(8)
      }),
    ),
  )
})

const headOf = async (url: string) =>
  (await onDatabase(url, 'SELECT position::int FROM signalbox.log_head'))[0]?.position

const throughProxy = (url: string, port: number): string => {
  const proxied = new URL(url)
  proxied.port = String(port)
  return proxied.href
}
