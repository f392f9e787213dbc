/** What becomes of an instance when its connections, the notifications or the whole server are lost. */
import { afterAll, beforeAll, describe, expect, it } from '@effect/vitest'
import { Context, Effect, Fiber, Layer } from 'effect'
import pg from 'pg'
import { Cluster } from '#actors/cluster.ts'
import { layerPostgres } from '#infra/cluster/postgres.ts'
import { defaultPostgresSettings } from '#infra/event-log/postgres-settings.ts'
import { createDatabase, onDatabase } from '#test/postgres.ts'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'
import { openLog } from './postgres-store.ts'

let server: PostgresCluster
beforeAll(async () => {
  server = await startCluster()
})
afterAll(() => server.remove())

const SLOW = { key: 'rate', perMinute: 1, burst: 1, cost: 1 }

/** An instance at a new database of the server, and SQL on that database. */
const instance = Effect.fnUntraced(function* (settings = defaultPostgresSettings) {
  const url = yield* Effect.promise(() => createDatabase(server.url('postgres')))
  const append = yield* openLog(url)
  const one = Context.get(yield* Layer.build(layerPostgres({ url, settings })), Cluster)
  return {
    one,
    append,
    url,
    sql: (...statements: readonly string[]) => Effect.promise(() => onDatabase(url, ...statements)),
  }
})

/** Holds a lease's row locked, as a transaction that is stuck. */
const stuckOnLeases = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new pg.Client({ connectionString: url, application_name: 'stuck' })
      await client.connect()
      await client.query('BEGIN')
      await client.query('LOCK TABLE signalbox.leases')
      return client
    }),
    (client) => Effect.promise(() => client.end()),
  )

const untilTrue = (is: () => boolean) => Effect.repeat(Effect.sleep(5), { until: is })

const unavailable = { _tag: 'EventLogError', reason: { _tag: 'Unavailable' } }

describe('an instance at PostgreSQL', () => {
  it.live('fails what was under way when its connections are cut, and goes on with new ones', () =>
    Effect.gen(function* () {
      const { one, url, sql } = yield* instance()
      yield* one.lease('lease', 'box', 1_000)
      const lock = yield* stuckOnLeases(url)
      const asked = yield* Effect.forkChild(Effect.flip(one.lease('lease', 'box', 1_000)))
      const waiting = `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'signalbox'`
      yield* sql(`SELECT 1 ${waiting} AND datname = current_database()`).pipe(
        Effect.repeat({ until: (rows) => rows.length === 1 }),
      )
      yield* sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'signalbox' AND datname = current_database()`,
      )
      expect(yield* Fiber.join(asked)).toMatchObject(unavailable)
      yield* Effect.promise(() => lock.query('ROLLBACK'))
      expect(yield* one.lease('lease', 'box', 1_000)).toMatchObject({ token: 1 })
    }),
  )

  it.live('does not wait for ever for a transaction that is stuck', () =>
    Effect.gen(function* () {
      const { one, url } = yield* instance({ ...defaultPostgresSettings, lockTimeoutMs: 100 })
      const lock = yield* stuckOnLeases(url)
      expect(yield* Effect.flip(one.lease('lease', 'box', 1_000))).toMatchObject(unavailable)
      // Another row of another table is nobody's concern.
      expect(yield* one.take([SLOW])).toEqual({ _tag: 'Taken' })
      yield* Effect.promise(() => lock.query('ROLLBACK'))
      expect(yield* one.lease('lease', 'box', 1_000)).toMatchObject({ token: 1 })
    }),
  )

  it.live('looks for itself while it cannot hear, and hears again when its connection is back', () =>
    Effect.gen(function* () {
      const { one, append, sql } = yield* instance()
      yield* untilTrue(() => one.counts().listening)
      const cut = yield* sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE query LIKE 'LISTEN%' AND datname = current_database()`,
      )
      expect(cut).toHaveLength(1)
      yield* untilTrue(() => !one.counts().listening)
      // Said while nobody listened: it is lost.
      const lost = yield* append
      yield* sql(`NOTIFY signalbox_log, '${lost}'`)
      yield* one.waitBeyond(lost - 1, 50)
      expect(one.counts().hintsHeard).toBe(0)

      yield* untilTrue(() => one.counts().listening)
      const from = performance.now()
      const woken = yield* Effect.forkChild(one.waitBeyond(lost, 60_000), { startImmediately: true })
      one.grew(yield* append)
      yield* Fiber.join(woken)
      expect(one.counts().hintsHeard).toBe(1)
      expect(performance.now() - from).toBeLessThan(1_900)
    }),
  )

  it.live('hears the last of many hints, and not each of them', () =>
    Effect.gen(function* () {
      const { one, url } = yield* instance()
      const heard: number[] = []
      yield* Effect.acquireRelease(
        Effect.promise(async () => {
          const client = new pg.Client({ connectionString: url })
          client.on('notification', ({ payload }) => heard.push(Number(payload)))
          await client.connect()
          await client.query('LISTEN signalbox_log')
          return client
        }),
        (client) => Effect.promise(() => client.end()),
      )
      const from = performance.now()
      for (let position = 1; position <= 500; position++) {
        one.grew(position)
        yield* Effect.yieldNow
      }
      yield* untilTrue(() => heard.includes(500))
      const slots = (performance.now() - from) / 100
      expect(heard.length).toBeLessThanOrEqual(Math.floor(slots) + 1)
      expect(one.counts().hintsGiven).toBe(heard.length)
      expect(heard).toEqual([...heard].sort((a, b) => a - b))
    }),
  )

  it.live('is told that the server is away, and goes on when it is back', () =>
    Effect.gen(function* () {
      const { one } = yield* instance()
      yield* untilTrue(() => one.counts().listening)
      yield* Effect.promise(() => server.stop())
      one.grew(1)
      expect(yield* Effect.flip(one.take([SLOW]))).toMatchObject(unavailable)
      expect(yield* Effect.flip(one.grant({ key: 'pool', limitNano: 1, spentNano: 0 }, 'box', 1))).toMatchObject(
        unavailable,
      )
      expect(yield* Effect.flip(one.waitBeyond(0, 10))).toMatchObject(unavailable)
      yield* untilTrue(() => one.counts().hintsFailed === 1 && !one.counts().listening)
      yield* Effect.promise(() => server.start())
      expect(yield* one.take([SLOW])).toEqual({ _tag: 'Taken' })
      yield* untilTrue(() => one.counts().listening)
      one.grew(2)
      yield* untilTrue(() => one.counts().hintsHeard === 1)
    }),
  )

  it.live('finds leases and money as they were after the server was killed, and limits at rest', () =>
    Effect.gen(function* () {
      const { one, sql } = yield* instance()
      const pool = { key: 'pool', limitNano: 100, spentNano: 10 }
      expect(yield* one.lease('lease', 'box', 60_000)).toMatchObject({ token: 1 })
      expect(yield* one.grant(pool, 'box', 60)).toBe(60)
      expect(yield* one.take([SLOW])).toEqual({ _tag: 'Taken' })
      yield* Effect.promise(() => server.kill())
      yield* Effect.promise(() => server.start())
      expect(yield* one.lease('lease', 'other', 60_000)).toBeUndefined()
      expect(yield* one.grant(pool, 'other', 60)).toBe(30)
      expect(yield* one.take([SLOW])).toEqual({ _tag: 'Taken' })
      expect(yield* one.take([SLOW])).toMatchObject({ _tag: 'Full' })
      expect(
        yield* sql(
          `SELECT granted_nano::integer AS granted, (SELECT sum(nano)::integer FROM signalbox.money_grants) AS grants
           FROM signalbox.money_pools`,
        ),
      ).toEqual([{ granted: 90, grants: 90 }])
    }),
  )
})
