/** The log on PostgreSQL over its life: partitions, books that fell behind, damage, and a pooler before it. */
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { vi } from 'vitest'
import { Books, EventLog } from '#actors/ports.ts'
import { BOOKS_VERSION } from '#domain/book-event.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { layerPostgres, layerPostgresReadOnly } from '#infra/event-log/postgres.ts'
import { known, readAll } from '#test/event-log-contract.ts'
import { freshDatabase, onDatabase } from '#test/postgres.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { startTransactionPooler } from './transaction-pooler.ts'

vi.setConfig({ testTimeout: 60_000 })

const database = Effect.promise(() => freshDatabase())
const sql = (url: string, ...statements: readonly string[]) => Effect.promise(() => onDatabase(url, ...statements))

const open = <A, E>(url: string, use: Effect.Effect<A, E, EventLog | Books>, partitionEvents = 5_000_000) =>
  Effect.provide(use, layerPostgres({ url, partitionEvents }), { local: true })

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)
const requests = (wrap: ReturnType<typeof envelopes>, from: number, to: number) =>
  wrap(range(from, to).flatMap(servedRequest))

const partitionsOf = (url: string) =>
  Effect.map(
    sql(
      url,
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'signalbox.events'::regclass ORDER BY inhrelid`,
    ),
    (rows) => rows.map(({ name }) => name),
  )

/** All that the books say. */
const everything = Effect.gen(function* () {
  const books = yield* Books
  return {
    requests: (yield* books.requests({ limit: 500 })).rows,
    hours: yield* books.costs({ by: ['hour', 'provider'] }),
    sessions: yield* books.costs({ by: ['session', 'model'] }),
  }
})

it.live('makes partitions ahead of the events, and at once for a batch that is larger than they are', () =>
  Effect.gen(function* () {
    const url = yield* database
    const wrap = envelopes()
    yield* open(
      url,
      Effect.gen(function* () {
        const log = yield* EventLog
        expect(yield* partitionsOf(url)).toEqual(['signalbox.events_0'])
        expect(yield* log.append(requests(wrap, 0, 20))).toBe(80)
        expect(yield* log.append(requests(wrap, 20, 150))).toBe(600)
        for (let n = 150; n < 200; n++) yield* log.append(requests(wrap, n, n + 1))
        const all = yield* readAll(log)
        expect(known(all).map(({ position }) => position)).toEqual(range(1, 801))
        expect((yield* log.verify(() => {})).problems).toEqual([])
        // Of a stream that lies in two of them, of a time and of a type.
        const [stream] = known(all)
          .filter(({ position }) => position === 100 || position === 101)
          .map((event) => event.stream)
        expect((yield* log.read({ after: 0, limit: 10, stream: stream! })).length).toBe(4)
        const middle = known(all)[398]!
        const until = yield* log.read({ after: 0, limit: 1_000, until: middle.occurredAt })
        expect(until).toHaveLength(399)
        expect(yield* log.placeAt(middle.occurredAt)).toEqual({ position: 399, archivedTo: 0 })
      }),
      100,
    )
    yield* open(url, Effect.void)
    expect(yield* partitionsOf(url)).toEqual(range(0, 9).map((n) => `signalbox.events_${n}`))
  }),
)

it.live('makes the books of a log that has none, and tells how far they are', () =>
  Effect.gen(function* () {
    const url = yield* database
    const before = yield* open(
      url,
      Effect.gen(function* () {
        const log = yield* EventLog
        const wrap = envelopes()
        yield* log.append(requests(wrap, 0, 1_300))
        // One is left open, and ends after the books were made.
        yield* log.append(wrap(servedRequest(9_999).slice(0, 3)))
        return yield* everything
      }),
    )
    yield* sql(url, 'UPDATE signalbox.books SET version = 0', 'UPDATE signalbox.requests SET cost_nano = 9')
    const shares: number[] = []
    const after = yield* Effect.provide(everything, layerPostgres({ url, preparing: (share) => shares.push(share) }), {
      local: true,
    })
    expect(after).toEqual(before)
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))
    expect(shares.length).toBeGreaterThan(2)
    expect(shares.at(-1)).toBe(1)
  }),
)

it.live('keeps the books whole while instances of two releases append, once the newer one has caught up', () =>
  Effect.gen(function* () {
    const url = yield* database
    const wrap = envelopes()
    yield* open(
      url,
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        yield* log.append(requests(wrap, 0, 3))
        const [first, ...rest] = wrap(servedRequest(3))
        yield* log.append([first!])
        // A newer release has taken the books over: this one appends, and leaves them alone.
        yield* sql(url, `UPDATE signalbox.books SET version = ${BOOKS_VERSION + 1}`)
        yield* log.append([...rest, ...requests(wrap, 4, 6)])
        expect((yield* books.requests({ limit: 10 })).rows).toHaveLength(4)
        expect(yield* sql(url, 'SELECT version, folded_to::int FROM signalbox.books')).toEqual([
          { version: BOOKS_VERSION + 1, folded_to: 13 },
        ])
        // Seen from the newer release: what the other did not book is made up for, beside its appends.
        yield* sql(url, `UPDATE signalbox.books SET version = ${BOOKS_VERSION}`)
        yield* log.append(requests(wrap, 6, 7))
        while ((yield* sql(url, 'SELECT folded_to FROM signalbox.books'))[0]?.folded_to !== null) {
          yield* Effect.sleep('10 millis')
        }
        yield* log.append(requests(wrap, 7, 8))
        const { rows } = yield* books.requests({ limit: 10 })
        expect(rows.map(({ outcome, position }) => [outcome, position])).toEqual(
          range(0, 8)
            .map((n) => ['succeeded', 1 + 4 * n])
            .toReversed(),
        )
        const { total } = yield* books.costs({ by: [] })
        expect(total).toMatchObject({ requests: 8, attempts: 8, outputTokens: 8 * 1_854 })
      }),
    )
  }),
)

const damages: readonly (readonly [what: string, statement: string, ...found: string[]])[] = [
  ['a lost event', 'DELETE FROM signalbox.events WHERE position = 6', 'position 6 is missing', 'version 3 after 1'],
  ['a lost end', 'DELETE FROM signalbox.events WHERE position = 12', 'the head is 12, the last event is at 11'],
  ['a head that lags', 'UPDATE signalbox.log_head SET position = 11', 'the head is 11, the last event is at 12'],
  ['an unknown writer', 'DELETE FROM signalbox.writers', 'the writer is unknown'],
  [
    'a writer that is noted wrongly',
    'UPDATE signalbox.writers SET last_seq = 11',
    'is noted at 11, its last event is 12',
  ],
  ['a stream that is noted wrongly', 'UPDATE signalbox.streams SET version = 3', 'is noted at 3, its last event is 4'],
  [
    'an event moved to another stream',
    `UPDATE signalbox.events SET stream = 'request:other', stream_version = 1 WHERE position = 8`,
    'lies in stream request:other, but belongs to request:',
  ],
  [
    'data of another shape',
    `UPDATE signalbox.events SET data = '{"provider":1}' WHERE position = 7`,
    'cannot be decoded',
  ],
  [
    'a snapshot of the future',
    `INSERT INTO signalbox.snapshots VALUES ('fold', 13, NULL, NULL, '{}')`,
    'beyond the end',
  ],
]
for (const [what, statement, ...found] of damages) {
  it.live(`finds ${what}`, () =>
    Effect.gen(function* () {
      const url = yield* database
      yield* open(
        url,
        Effect.flatMap(EventLog, (log) => log.append(requests(envelopes(), 0, 3))),
      )
      yield* sql(url, 'SET session_replication_role = replica', statement)
      const report = yield* Effect.provide(
        Effect.flatMap(EventLog, (log) => log.verify(() => {})),
        layerPostgresReadOnly({ url }),
        { local: true },
      )
      const problems = report.problems.map(({ problem }) => problem)
      for (const part of found) expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(part)]))
    }),
  )
}

it.live('reads events of a newer release as foreign', () =>
  Effect.gen(function* () {
    const url = yield* database
    yield* open(
      url,
      Effect.gen(function* () {
        const log = yield* EventLog
        yield* log.append(requests(envelopes(), 0, 2))
        yield* sql(
          url,
          'SET session_replication_role = replica',
          `UPDATE signalbox.events SET type = 'TrainDiverted', data = '{"track":4}' WHERE position = 3`,
          'UPDATE signalbox.events SET schema_version = 9 WHERE position = 7',
        )
        expect((yield* readAll(log)).filter((read) => read._tag === 'Foreign')).toEqual([
          { _tag: 'Foreign', position: 3, upcast: { _tag: 'FromTheFuture', type: 'TrainDiverted', schemaVersion: 1 } },
          { _tag: 'Foreign', position: 7, upcast: { _tag: 'FromTheFuture', type: 'AttemptStarted', schemaVersion: 9 } },
        ])
      }),
    )
  }),
)

it.live('works through a pooler that hands every transaction to another session', () =>
  Effect.gen(function* () {
    const url = new URL(yield* database)
    const pooler = yield* Effect.acquireRelease(
      Effect.promise(() => startTransactionPooler(Number(url.port), url.pathname.slice(1))),
      ({ close }) => Effect.promise(close),
    )
    url.port = String(pooler.port)
    yield* open(
      url.href,
      Effect.gen(function* () {
        const log = yield* EventLog
        const batches = range(0, 30).map((n): readonly NewEvent[] => requests(envelopes(`box_${n}`), n, n + 1))
        yield* Effect.forEach(batches, (batch) => Effect.andThen(log.append(batch), log.append(batch)), {
          concurrency: 8,
        })
        expect(known(yield* readAll(log))).toHaveLength(120)
        for (const position of [40, 80, 120]) yield* log.saveSnapshot({ version: 'fold', position, state: '{"a":1}' })
        expect((yield* log.latestSnapshot('fold'))?.position).toBe(120)
        expect((yield* everything).requests).toHaveLength(30)
        expect((yield* log.verify(() => {})).problems).toEqual([])
      }),
    )
    for (const count of pooler.transactions) expect(count).toBeGreaterThan(20)
  }).pipe(Effect.scoped),
)
