import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { EventLog, type VerifyProblem } from '#actors/ports.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { openForReading } from '#infra/event-log/sqlite-open.ts'
import { verifySqlite } from '#infra/event-log/sqlite-verify.ts'
import { readAll } from '#test/event-log-contract.ts'
import { envelopes } from '#test/recorded-events.ts'
import { doctor, logOf, WITHOUT_TRIGGERS, withReader } from './log-file.ts'

/** What the verifying thread does; the contract suite goes the whole way through the thread. */
const verify = (path: string) =>
  Effect.sync(() => {
    const database = openForReading(path)
    try {
      return verifySqlite(database, () => {})
    } finally {
      database.close()
    }
  })

/** Damage done to a log of three requests, positions 1–4, 5–8 and 9–12, and what must be found. */
const damages: readonly (readonly [what: string, statement: string, ...found: VerifyProblem['problem'][]])[] = [
  [
    'a lost event',
    'DELETE FROM events WHERE position = 6',
    'position 6 is missing',
    'version 3 after 1',
    'number 7 after 5',
  ],
  ['a lost beginning', 'DELETE FROM events WHERE position = 1', 'position 1 is missing', 'version 2 after 0'],
  ['a lost end', 'DELETE FROM events WHERE position = 12', 'the head is 12, the last event is at 11'],
  ['a head that lags', 'UPDATE log_head SET position = 11', 'the head is 11, the last event is at 12'],
  [
    'data that is not JSON',
    `PRAGMA ignore_check_constraints = 1; UPDATE events SET data = '{"broken' WHERE position = 7`,
    'AttemptStarted cannot be decoded: the data is not a JSON object',
  ],
  [
    'data of another shape',
    `UPDATE events SET data = '{"provider":1}' WHERE position = 7`,
    'AttemptStarted cannot be decoded',
  ],
  ['an unknown writer', 'DELETE FROM writers', 'the writer is unknown'],
  [
    'an event moved to another stream',
    `UPDATE events SET stream = 'request:other', stream_version = 1 WHERE position = 8`,
    'lies in stream request:other, but belongs to request:',
    'begins with AttemptSucceeded instead of RequestAdmitted',
  ],
  [
    'a request admitted twice',
    `UPDATE events SET type = 'RequestAdmitted', data = (SELECT data FROM events WHERE position = 5) WHERE position = 7`,
    'is admitted again as its event 3',
  ],
  [
    'a request that ends twice',
    `UPDATE events SET type = 'AttemptSucceeded', data = (SELECT data FROM events WHERE position = 8) WHERE position = 7`,
    'goes on after AttemptSucceeded',
  ],
  [
    'two events of a stream in the wrong order',
    'UPDATE events SET position = 100 WHERE position = 6; UPDATE events SET position = 6 WHERE position = 7; UPDATE events SET position = 7 WHERE position = 100',
    'or out of order',
  ],
  [
    'a snapshot of the future',
    `INSERT INTO snapshots VALUES ('fold', 13, NULL, NULL, x'7b7d')`,
    'snapshot fold is beyond the end of the log',
  ],
]

for (const [what, statement, ...found] of damages) {
  it.effect(`finds ${what}`, () =>
    Effect.gen(function* () {
      const path = yield* logOf(3)
      doctor(path, WITHOUT_TRIGGERS, statement)
      const problems = (yield* verify(path)).problems.map(({ problem }) => problem)
      for (const part of found) expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(part)]))
    }),
  )
}

it.effect('names the position of the damage', () =>
  Effect.gen(function* () {
    const path = yield* logOf(3)
    doctor(path, WITHOUT_TRIGGERS, `UPDATE events SET data = '{}' WHERE position = 10`)
    expect((yield* verify(path)).problems.map(({ position }) => position)).toEqual([10])
  }),
)

it.effect('passes events of a newer release, which are read as foreign', () =>
  Effect.gen(function* () {
    const path = yield* logOf(3)
    doctor(
      path,
      WITHOUT_TRIGGERS,
      `UPDATE events SET type = 'TrainDiverted', data = '{"track":4}' WHERE position = 3`,
      'UPDATE events SET schema_version = 9 WHERE position = 7',
    )
    expect((yield* verify(path)).problems).toEqual([])
    const foreign = (yield* withReader(path, readAll)).filter((read) => read._tag === 'Foreign')
    expect(foreign).toEqual([
      { _tag: 'Foreign', position: 3, upcast: { _tag: 'FromTheFuture', type: 'TrainDiverted', schemaVersion: 1 } },
      { _tag: 'Foreign', position: 7, upcast: { _tag: 'FromTheFuture', type: 'AttemptStarted', schemaVersion: 9 } },
    ])
  }),
)

it.effect('reads around a row whose data is not JSON, and reports that row', () =>
  Effect.gen(function* () {
    const path = yield* logOf(3)
    doctor(
      path,
      WITHOUT_TRIGGERS,
      `PRAGMA ignore_check_constraints = 1; UPDATE events SET data = '{"broken' WHERE position = 7`,
    )
    const page = yield* withReader(path, readAll)
    expect(page).toHaveLength(12)
    expect(page.filter(({ _tag }) => _tag === 'Foreign')).toEqual([
      {
        _tag: 'Foreign',
        position: 7,
        upcast: {
          _tag: 'Undecodable',
          type: 'AttemptStarted',
          schemaVersion: 1,
          message: 'the data is not a JSON object',
        },
      },
    ])
  }),
)

it.effect('reports what SQLite itself finds wrong with the file', () =>
  Effect.gen(function* () {
    const path = yield* logOf(3)
    const database = openForReading(path)
    const [rootPage] = database
      .prepare<[], number>("SELECT rootpage FROM sqlite_master WHERE name = 'events_occurred_at'")
      .pluck()
      .all()
    database.close()
    const bytes = readFileSync(path)
    // The cells of the index page, zeroed; its header stays.
    bytes.fill(0, rootPage! * 4_096 - 60, rootPage! * 4_096)
    writeFileSync(path, bytes)
    const found = (yield* verify(path)).problems.filter(({ problem }) => problem.startsWith('SQLite: '))
    expect(found.length).toBeGreaterThan(0)
  }),
)

it.effect('passes alerts of earlier releases, which lie each in a stream of its own', () =>
  Effect.gen(function* () {
    const path = yield* logOf(1)
    const alert = {
      alertId: 'providerDown:vertex',
      kind: 'providerDown',
      subject: 'vertex',
      severity: 'warning',
    } as const
    const raised = envelopes('earlier')([{ _tag: 'AlertRaised', ...alert, value: 1, threshold: 1 }])
    const then = raised.map((event) => ({ ...event, stream: 'alert:providerDown:vertex' }))
    yield* EventLog.use((log) => log.append(then)).pipe(Effect.provide(layerSqlite({ path }), { local: true }))
    expect((yield* verify(path)).problems).toEqual([])
  }),
)
