/** The books of a SQLite log over its life: made from an older log, made anew, and after crashes. */
import { expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import fc from 'fast-check'
import { Books, EventLog } from '#actors/ports.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { openForWriting } from '#infra/event-log/sqlite-open.ts'
import { envelopes, happenings, servedRequest } from '#test/recorded-events.ts'
import { doctor, logOf, newPath } from './log-file.ts'

const LEAVE_BOOKS = [
  ...['names', 'requests', 'cost_hours', 'cost_sessions', 'books'].map((table) => `DROP TABLE ${table}`),
  'ALTER TABLE log_head DROP COLUMN archived_to',
  'ALTER TABLE log_head DROP COLUMN archived_events',
  'ALTER TABLE writers DROP COLUMN archived_seq',
  'PRAGMA user_version = 1',
]

const open = <A, E>(path: string, use: Effect.Effect<A, E, Books | EventLog>, shares: number[] = []) =>
  Effect.provide(use, layerSqlite({ path, preparing: (share) => shares.push(share) }), { local: true })

/** All that the books say, names in place of their numbers. */
const everything = (path: string) =>
  Effect.sync(() => {
    const database = new Database(path, { readonly: true })
    const named = (sql: string) => database.prepare(sql).raw().all()
    const name = (column: string) => `(SELECT name FROM names WHERE id = ${column})`
    const keys = ['provider', 'model', 'asked', 'client_key', 'project'].map(name).join(', ')
    const rows = named(`SELECT position, id, admitted_at, outcome, cost_nano, unpriced, estimated, ended_position,
      ${['model', 'session', 'strategy', 'provider', 'served_model', 'reason'].map(name).join(', ')} FROM requests`)
    const hours = named(`SELECT ${keys}, * FROM cost_hours`).map((row) => (row as unknown[]).toSpliced(6, 5))
    const sessions = named(`SELECT ${name('session')}, ${name('agent')}, ${keys}, sum(requests), sum(attempts),
      sum(input), sum(cost_nano) FROM cost_sessions GROUP BY session, agent, ${keys}`)
    const foldedTo = database.prepare('SELECT folded_to FROM books').pluck().get()
    database.close()
    const sorted = (all: readonly unknown[]) => all.map((row) => JSON.stringify(row)).toSorted()
    return { rows, hours: sorted(hours), sessions: sorted(sessions), foldedTo }
  })

/** A closed log of generated histories, its last requests left open. */
const varied = Effect.fnUntraced(function* () {
  const path = newPath()
  const wrap = envelopes()
  const seen = new Set<string>()
  const batches = fc.sample(happenings(12), { numRuns: 40, seed: 7 })
  yield* open(
    path,
    Effect.gen(function* () {
      const log = yield* EventLog
      for (const batch of batches) {
        const ids = batch.flatMap((event) => ('requestId' in event ? [event.requestId] : []))
        if (ids.some((id) => seen.has(id))) continue
        for (const id of ids) seen.add(id)
        yield* log.append(wrap(batch))
      }
    }),
  )
  return path
})

it.effect('are made from a log that has none, and tell how far they are', () =>
  Effect.gen(function* () {
    const path = yield* varied()
    const before = yield* everything(path)
    expect(before.rows.length).toBeGreaterThan(100)
    doctor(path, ...LEAVE_BOOKS)
    yield* open(path, Effect.void)
    expect(yield* everything(path)).toEqual(before)

    const long = yield* logOf(3_000)
    const served = yield* everything(long)
    doctor(long, ...LEAVE_BOOKS)
    const shares: number[] = []
    yield* open(long, Effect.void, shares)
    expect(yield* everything(long)).toEqual(served)
    expect(shares.length).toBeGreaterThan(1)
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))
    expect(shares.at(-1)).toBe(1)
  }),
)

it.effect('are made anew when their version is another one', () =>
  Effect.gen(function* () {
    const path = yield* varied()
    const before = yield* everything(path)
    doctor(
      path,
      'UPDATE books SET version = 0',
      'UPDATE requests SET cost_nano = 9',
      'UPDATE cost_hours SET requests = 5',
    )
    yield* open(path, Effect.void)
    expect(yield* everything(path)).toEqual(before)
  }),
)

it.effect('go on where a start that was interrupted stopped, and keep up with the log until then and after', () =>
  Effect.gen(function* () {
    const path = yield* logOf(4_000)
    const before = yield* everything(path)
    doctor(path, ...LEAVE_BOOKS)
    const dies = () => {
      throw new Error('killed')
    }
    yield* Effect.promise(() => expect(openForWriting(path, [], dies)).rejects.toThrow('killed'))
    expect((yield* everything(path)).foldedTo).toBe(5_000)
    yield* open(path, Effect.void)
    expect(yield* everything(path)).toEqual(before)
  }),
)

it.effect('end a request that an earlier process began', () =>
  Effect.gen(function* () {
    const path = newPath()
    const wrap = envelopes()
    const [first, route, start, end] = wrap(servedRequest(1))
    yield* open(
      path,
      Effect.flatMap(EventLog, (log) => log.append([first!, route!, start!])),
    )
    yield* open(
      path,
      Effect.flatMap(EventLog, (log) => log.append([end!])),
    )
    const { rows } = yield* open(
      path,
      Effect.flatMap(Books, (books) => books.requests({ limit: 10 })),
    )
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ outcome: 'succeeded', strategy: 'intelligent', outputTokens: 1_854, unpriced: 1 })
    const { total } = yield* open(
      path,
      Effect.flatMap(Books, (books) => books.costs({ by: [] })),
    )
    expect(total).toMatchObject({ requests: 1, attempts: 1, outputTokens: 1_854, unpriced: 1 })
  }),
)
