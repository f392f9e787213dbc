/** Opening a log on PostgreSQL: who makes the tables, whose tables are left alone, and what no message tells. */
import { Effect, type Layer } from 'effect'
import { expect, it, vi } from 'vitest'
import { Books, EventLog, type EventLogError } from '#actors/ports.ts'
import { layerPostgres, layerPostgresReadOnly } from '#infra/event-log/postgres.ts'
import { SCHEMA_VERSION } from '#infra/event-log/postgres-tables.ts'
import { freshDatabase, onDatabase } from '#test/postgres.ts'
import { startCluster } from '#test/postgres-cluster.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

vi.setConfig({ testTimeout: 60_000 })

const open = <A, E>(url: string, use: (log: EventLog['Service']) => Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.provide(Effect.flatMap(EventLog, use), layerPostgres({ url }), { local: true }))
const head = (url: string) => open(url, (log) => log.head)

/** Why the log cannot be opened. */
const refusal = async (url: string, layer: Layer.Layer<EventLog, EventLogError> = layerPostgres({ url })) =>
  (await Effect.runPromise(Effect.flip(Effect.provide(EventLog, layer, { local: true })))).reason

it('makes the tables once, however many instances start at the same moment', async () => {
  const url = await freshDatabase()
  const writers = ['a', 'b', 'c', 'd', 'e', 'f']
  const heads = await Promise.all(
    writers.map((name, n) => open(url, (log) => log.append(envelopes(`box_${name}`)(servedRequest(n))))),
  )
  expect(heads.toSorted((a, b) => a - b)).toEqual([4, 8, 12, 16, 20, 24])
  expect(await onDatabase(url, 'SELECT version FROM signalbox.log_schema')).toEqual([{ version: SCHEMA_VERSION }])
})

it('waits for the instance that is making them', async () => {
  const url = await freshDatabase()
  await head(url)
  // As between two steps of a migration.
  await onDatabase(url, 'UPDATE signalbox.log_schema SET version = 0')
  const holding = onDatabase(
    url,
    'BEGIN',
    `SELECT pg_advisory_xact_lock(${0x5349_4742_0001})`,
    'SELECT pg_sleep(1)',
    `UPDATE signalbox.log_schema SET version = ${SCHEMA_VERSION}`,
    'COMMIT',
  )
  await onDatabase(url, 'SELECT pg_sleep(0.3)')
  const began = performance.now()
  expect(await head(url)).toBe(0)
  expect(performance.now() - began).toBeGreaterThan(300)
  await holding
})

it('opens nothing that is not a log, or not of this release, and says what to do', async () => {
  const url = await freshDatabase()
  expect(await refusal(url, layerPostgresReadOnly({ url }))).toEqual({
    _tag: 'Unusable',
    detail: expect.stringContaining('there is no event log in this database: start `signalbox serve` first'),
  })
  await onDatabase(url, 'CREATE SCHEMA signalbox', 'CREATE TABLE signalbox.sheep (name text)')
  expect(await refusal(url)).toEqual({
    _tag: 'Unusable',
    detail: expect.stringContaining('a schema signalbox that is not an event log: name another database'),
  })
  await onDatabase(url, 'DROP TABLE signalbox.sheep')
  // An empty schema may have been made for us.
  expect(await head(url)).toBe(0)
  await onDatabase(url, `UPDATE signalbox.log_schema SET version = ${SCHEMA_VERSION + 1}`)
  for (const layer of [layerPostgres({ url }), layerPostgresReadOnly({ url })]) {
    expect(await refusal(url, layer)).toEqual({
      _tag: 'Unusable',
      detail: expect.stringContaining(
        `written by a newer Signalbox (schema ${SCHEMA_VERSION + 1}, this one knows ${SCHEMA_VERSION}): upgrade this one`,
      ),
    })
  }
  const missing = `${url}_not`
  expect(await refusal(missing)).toEqual({ _tag: 'Unusable', detail: expect.stringMatching(/no such database.*3D000/) })
})

it('refuses to go on with a log that is damaged at its end, and names the place', async () => {
  const damages: readonly (readonly [statement: string, detail: string])[] = [
    ['DELETE FROM signalbox.events WHERE position = 8', 'its head is 8, its last event is at 7'],
    ['UPDATE signalbox.log_head SET position = 5', 'its head is 5, its last event is at 8'],
    ['DELETE FROM signalbox.events WHERE position = 6', 'events are missing after position 0'],
    ['DELETE FROM signalbox.log_head', 'its head is lost'],
  ]
  for (const [statement, detail] of damages) {
    const url = await freshDatabase()
    await open(url, (log) => log.append(envelopes()([...servedRequest(1), ...servedRequest(2)])))
    await onDatabase(url, 'SET session_replication_role = replica', statement)
    const reason = await refusal(url)
    expect(reason).toEqual({ _tag: 'Unusable', detail: expect.stringContaining(detail) })
    expect(reason.detail).toContain('restore a backup, or look at the damage with `signalbox verify`')
    // Reading goes on, for whoever looks at the damage.
    expect(
      await Effect.runPromise(Effect.provide(EventLog, layerPostgresReadOnly({ url }), { local: true })),
    ).toBeDefined()
  }
})

it('opens for reading beside the one that writes, and refuses to append', async () => {
  const url = await freshDatabase()
  const events = envelopes()(servedRequest(1))
  await open(url, (log) =>
    Effect.gen(function* () {
      yield* log.append(events)
      yield* Effect.gen(function* () {
        const [reader, books] = [yield* EventLog, yield* Books]
        expect(yield* reader.head).toBe(4)
        expect((yield* books.requests({ limit: 5 })).rows).toHaveLength(1)
        expect((yield* Effect.flip(reader.append(events))).reason._tag).toBe('Unusable')
        const snapshot = { version: 'fold', position: 4, state: '{}' }
        expect((yield* Effect.flip(reader.saveSnapshot(snapshot))).reason._tag).toBe('Unusable')
      }).pipe(Effect.provide(layerPostgresReadOnly({ url }), { local: true }))
    }),
  )
})

it('lets nobody change, delete or truncate events, wherever they lie', async () => {
  const url = await freshDatabase()
  await open(url, (log) => log.append(envelopes()(servedRequest(1))))
  for (const table of ['events', 'events_0']) {
    for (const statement of [
      `UPDATE signalbox.${table} SET type = 'Other' WHERE position = 2`,
      `DELETE FROM signalbox.${table} WHERE position = 2`,
      `TRUNCATE signalbox.${table}`,
    ]) {
      await expect(onDatabase(url, statement)).rejects.toMatchObject({ code: 'SB004' })
    }
  }
  expect(await head(url)).toBe(4)
})

it('tells no password, whatever goes wrong', async () => {
  const password = 'tell no-one é'
  const cluster = await startCluster({ password })
  try {
    const url = new URL(cluster.url('postgres'))
    expect(await head(url.href)).toBe(0)
    const wrong = (change: (url: URL) => void) => {
      const other = new URL(url)
      change(other)
      return other.href
    }
    const reasons = await Promise.all(
      [
        wrong((one) => (one.password = `${encodeURIComponent(password)}-not`)),
        wrong((one) => (one.username = 'nobody_we_know')),
        wrong((one) => (one.pathname = '/missing')),
        wrong((one) => (one.port = '1')),
        wrong((one) => (one.hostname = 'database.invalid')),
        wrong((one) => (one.search = '?sslmode=verify-ca')),
        wrong((one) => (one.search = '?sslmode=verify-full&sslrootcert=/missing/ca.pem')),
        wrong((one) => (one.search = '?sslmode=require')),
        // A server that puts it into a message.
        wrong((one) => (one.pathname = `/${encodeURIComponent(password)}`)),
      ].map((one) => refusal(one)),
    )
    for (const { detail } of reasons) {
      expect(detail).not.toContain(password)
      expect(detail).not.toContain(encodeURIComponent(password))
    }
    expect(reasons.map(({ _tag }) => _tag)).toEqual([
      ...['Unusable', 'Unusable', 'Unusable', 'Unavailable', 'Unavailable', 'Unusable', 'Unusable', 'Unavailable'],
      'Unusable',
    ])
    expect(reasons[0]?.detail).toMatch(/refuses the login: check user, password.*28P01/)
    expect(reasons[8]?.detail).toContain('•••')
  } finally {
    await cluster.remove()
  }
})
