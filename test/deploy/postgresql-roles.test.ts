/** deploy/postgresql/roles.sql: a box runs as the role of instances, which can change no event (R18 of the requirements). */
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Layer, Schedule } from 'effect'
import pg from 'pg'
import { vi } from 'vitest'
import { Cluster } from '#actors/cluster.ts'
import { encodeState, STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Books, EventLog } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import { layerPostgres as layerCluster } from '#infra/cluster/postgres.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { archiveLog } from '#infra/retention.ts'
import { freshDatabase, onDatabase } from '#test/postgres.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { callBody, postJson, startProviders } from '#test/simulator.ts'

vi.setConfig({ testTimeout: 120_000 })

const ROLES = readFileSync(fileURLToPath(new URL('../../deploy/postgresql/roles.sql', import.meta.url)), 'utf8')

/** The same database for another user; the server of the tests asks for no password. */
const as = (user: string, url: string): string => {
  const other = new URL(url)
  other.username = user
  return other.href
}

/** A database as the operator has it in the end: tables of `signalbox_owner`, and what `signalbox_app` needs. */
const withRoles = (made: 'by the owner' | 'by another') =>
  Effect.gen(function* () {
    const admin = yield* Effect.promise(() => freshDatabase())
    if (made === 'by the owner') yield* Effect.promise(() => onDatabase(admin, ROLES))
    const maker = made === 'by the owner' ? as('signalbox_owner', admin) : admin
    yield* Effect.provide(Effect.void, layerPostgres({ url: maker }), { local: true })
    yield* Effect.promise(() => onDatabase(admin, ROLES))
    return { admin, app: as('signalbox_app', admin) }
  })

const requests = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)
const OLD = 1_780_000_000_000

const fill = Effect.gen(function* () {
  const log = yield* EventLog
  yield* log.append(envelopes('box_app', OLD)(requests(0, 30).flatMap(servedRequest)))
  const { state, position } = yield* restore(log)
  yield* log.saveSnapshot({ version: STATE_VERSION, position, state: encodeState(state) })
})

const on = <A, E>(url: string, use: Effect.Effect<A, E, EventLog | Books>) =>
  Effect.provide(use, layerPostgres({ url }), { local: true })

/** Each would change, hide or forge what is recorded. */
const ATTEMPTS: readonly (string | readonly string[])[] = [
  "UPDATE signalbox.events SET data = '{}'",
  'DELETE FROM signalbox.events',
  ["SET signalbox.archiving = 'on'", 'DELETE FROM signalbox.events'],
  'DELETE FROM signalbox.events_0',
  "UPDATE signalbox.events_0 SET type = 'Other'",
  "INSERT INTO signalbox.events VALUES (1000, 's', 1, 'T', 1, 1, 1000, 0, 0, NULL, NULL, '{}')",
  'TRUNCATE signalbox.events',
  'TRUNCATE signalbox.events_0',
  'DROP TABLE signalbox.events',
  'ALTER TABLE signalbox.events DETACH PARTITION signalbox.events_0',
  'ALTER TABLE signalbox.events DISABLE TRIGGER ALL',
  'DROP TRIGGER no_change ON signalbox.events',
  'CREATE OR REPLACE FUNCTION signalbox.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN OLD; END$$',
  'CREATE TABLE signalbox.events_1 (LIKE signalbox.events)',
  'SET session_replication_role = replica',
  'UPDATE signalbox.log_head SET position = 0',
  'UPDATE signalbox.writers SET last_seq = 0',
  'DELETE FROM signalbox.streams',
  'UPDATE signalbox.time_marks SET last_at = 0',
  "UPDATE signalbox.names SET name = 'x'",
  'INSERT INTO signalbox.requests SELECT * FROM signalbox.requests',
  'UPDATE signalbox.log_schema SET version = 99',
  'SET ROLE signalbox_owner',
]

const INSUFFICIENT_PRIVILEGE = '42501'

describe('as the role of instances', () => {
  it.effect('no event can be changed, whatever is tried, nor what says where they are', () =>
    Effect.gen(function* () {
      const { admin, app } = yield* withRoles('by the owner')
      yield* on(app, fill)
      const everything = () =>
        onDatabase(admin, 'SELECT h.*, e.* FROM signalbox.events e, signalbox.log_head h ORDER BY e.position')
      const before = yield* Effect.promise(everything)
      expect(before).toHaveLength(120)
      for (const attempt of ATTEMPTS) {
        const error = yield* Effect.promise(() =>
          onDatabase(app, ...[attempt].flat()).then(
            () => 'done',
            (failure: unknown) => failure,
          ),
        )
        expect(error, String(attempt)).toMatchObject({ code: INSUFFICIENT_PRIVILEGE })
      }
      expect(yield* Effect.promise(everything)).toEqual(before)
      // Who owns the tables still meets the trigger.
      const owner = yield* Effect.promise(() =>
        onDatabase(as('signalbox_owner', admin), 'DELETE FROM signalbox.events').catch((error: unknown) => error),
      )
      expect(owner).toBeInstanceOf(pg.DatabaseError)
      expect(owner).toMatchObject({ code: 'SB004' })
    }),
  )

  it.effect.each(['by the owner', 'by another'] as const)(
    'the log, its books, snapshots and archives work, in tables that were made %s',
    (made) =>
      Effect.gen(function* () {
        const { admin, app } = yield* withRoles(made)
        yield* on(app, fill)
        const costs = Effect.flatMap(Books, (books) => books.costs({ by: ['provider', 'model'] }))
        const before = yield* on(app, costs)
        expect(before.total.requests).toBe(30)
        // As by a release with other books: they are made anew.
        yield* Effect.promise(() => onDatabase(admin, 'UPDATE signalbox.books SET version = 0'))
        expect(yield* on(app, costs)).toEqual(before)
        const archived = yield* Effect.provide(
          archiveLog({
            ...{ before: OLD + 1e10, folder: join(mkdtempSync(join(tmpdir(), 'signalbox-')), 'archive') },
            ...{ by: 'test', pauseMs: 0 },
          }),
          ledgerLayer.layer({ writer: 'box_archives' }).pipe(Layer.provideMerge(layerPostgres({ url: app }))),
          { local: true },
        )
        expect(archived).toMatchObject({ requests: 30, events: 120 })
        expect(yield* on(app, costs)).toEqual(before)
        yield* on(
          app,
          Effect.gen(function* () {
            const log = yield* EventLog
            yield* log.append(envelopes('box_next', OLD)(servedRequest(99)))
            expect((yield* log.verify(() => undefined)).problems).toEqual([])
          }),
        )
      }),
  )

  it.effect('leases, common limits and money of budgets work', () =>
    Effect.gen(function* () {
      const { app } = yield* withRoles('by the owner')
      yield* Effect.gen(function* () {
        const cluster = yield* Cluster
        const self = { writer: 'w', name: 'one', version: '1.0.0', startedAt: OLD, heardTo: 0 }
        expect(yield* cluster.beat(self)).toHaveLength(1)
        expect((yield* cluster.lease('leader', 'w', 5_000))?.token).toBe(1)
        yield* cluster.release('leader', 'w')
        const rate = { key: 'one requests', perMinute: 1, burst: 1, cost: 1 }
        expect(yield* cluster.take([rate])).toEqual({ _tag: 'Taken' })
        expect(yield* cluster.take([rate])).toMatchObject({ _tag: 'Full' })
        expect(yield* cluster.grant({ key: 'all', limitNano: 10, spentNano: 2 }, 'w', 20)).toBe(8)
        yield* cluster.giveBack('all', 'w', 3)
        yield* cluster.reclaim('w', () => 1)
        expect(yield* cluster.grant({ key: 'all', limitNano: 10, spentNano: 2 }, 'v', 20)).toBe(7)
        yield* cluster.leave('w')
      }).pipe(Effect.provide(layerCluster({ url: app }), { local: true }))
    }),
  )

  it.effect('an older schema is left alone, and the message names the file with the rights', () =>
    Effect.gen(function* () {
      const { admin, app } = yield* withRoles('by the owner')
      yield* Effect.promise(() => onDatabase(admin, 'UPDATE signalbox.log_schema SET version = 0'))
      const error = yield* Effect.flip(on(app, Effect.void))
      expect(error.reason._tag).toBe('Unusable')
      expect(error.message).toMatch(/deploy\/postgresql\/roles\.sql/)
    }),
  )
})

it.live('two boxes serve together as the role of instances', () =>
  Effect.scoped(
    Effect.gen(function* () {
      const { app } = yield* withRoles('by the owner')
      const { one } = yield* startProviders({ one: {} })
      const config = {
        ...configOf(one),
        providers: {
          one: { kind: 'anthropic-compatible', baseUrl: one.url, limits: { requestsPerMinute: 100 } },
        },
        budgets: { all: { period: 'day', usd: 100, action: 'refuse' } },
      }
      const start = startProcess({ config, environment: { SIGNALBOX_DATABASE_URL: app } })
      const boxes = [yield* start, yield* start]
      for (const box of boxes) {
        expect((yield* postJson(`${box.url}/v1/messages`, callBody())).status).toBe(200)
        expect(yield* Effect.promise(async () => (await fetch(`${box.url}/health`)).json())).toMatchObject({
          status: 'ok',
          log: { failing: false },
        })
        expect(box.stderr()).not.toMatch(/permission|42501|may not be used/)
      }
      // What a key may ask for in a minute is common to them.
      const [first, second] = boxes as [(typeof boxes)[number], (typeof boxes)[number]]
      const made = yield* first.command('keys', 'create', 'ci', '--rpm', '1', '--port', String(first.port))
      expect(made.code).toBe(0)
      const ask = (box: typeof first) =>
        Effect.map(
          postJson(`${box.url}/v1/messages`, callBody(), { 'x-signalbox-key': made.stdout.trim() }),
          ({ status }) => status,
        )
      expect(yield* ask(first)).toBe(200)
      // It hears of the key a moment later.
      const known = yield* Effect.repeat(ask(second), {
        until: (status) => status !== 401,
        schedule: Schedule.spaced(50),
      })
      expect(known).toBe(429)
      const shared = yield* Effect.promise(() =>
        onDatabase(
          app,
          'SELECT (SELECT count(*) FROM signalbox.instances) AS instances, (SELECT count(*) FROM signalbox.shared_rates) AS rates',
        ),
      )
      expect(shared).toEqual([{ instances: '2', rates: '2' }])
    }),
  ),
)
