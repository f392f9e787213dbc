/** Copying a log step by step: every step leaves a sound log, and what differs in the end is found, however little it is. */
import { describe, expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect, type Layer } from 'effect'
import { vi } from 'vitest'
import { type Books, EventLog, type EventLogError } from '#actors/ports.ts'
import type { LogWriting } from '#infra/event-log/log-copy.ts'
import { checkCopy, compareBeginning, copyRest, headAt } from '#infra/event-log/log-copy-run.ts'
import { startCopying } from '#infra/event-log/log-copy-walk.ts'
import { layerPostgres, layerPostgresReadOnly } from '#infra/event-log/postgres.ts'
import { openPostgresReading, openPostgresWriting } from '#infra/event-log/postgres-copy.ts'
import { layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { openSqliteReading, openSqliteWriting } from '#infra/event-log/sqlite-copy.ts'
import { archivedLog, newFile, onLog } from '#test/copied-logs.ts'
import { freshDatabase } from '#test/postgres.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

// Each test opens several logs, threads and all.
vi.setConfig({ testTimeout: 120_000 })

const nothing = (): void => undefined
const freshPostgres = Effect.promise(() => freshDatabase())
const openFile = (path: string) => openSqliteWriting(path, nothing)

const problemsIn = (layer: Layer.Layer<EventLog | Books, EventLogError>) =>
  Effect.provide(
    Effect.flatMap(EventLog, (log) => Effect.map(log.verify(nothing), ({ problems }) => problems)),
    layer,
    { local: true },
  )

/** Adds an archived log in small steps, and looks at what there is after some of them. */
const inSmallSteps = (target: LogWriting, looking: Layer.Layer<EventLog | Books, EventLogError>) =>
  Effect.gen(function* () {
    const source = yield* openSqliteReading(yield* archivedLog)
    const extent = yield* source.extent
    const rows = yield* source.rows(0, extent.last)
    expect(rows.length).toBe(extent.events)
    let head = 0
    for (let from = 0; from < rows.length; from += 7) {
      const some = rows.slice(from, from + 7)
      const after = headAt(some.at(-1)?.[0] ?? 0, from + some.length, extent)
      yield* target.add(some, head, after)
      head = after.head
      expect(yield* target.extent).toEqual({ ...after, last: head, events: from + some.length })
      if (from % 35 === 0) expect(yield* problemsIn(looking)).toEqual([])
    }
    expect(yield* target.extent).toEqual(extent)
  })

describe('after every step there is a sound log, also within what was archived,', () => {
  it.effect('in a file', () =>
    Effect.gen(function* () {
      const path = newFile()
      yield* inSmallSteps(yield* openFile(path), layerSqliteReadOnly({ path }))
    }),
  )

  it.effect('on PostgreSQL', () =>
    Effect.gen(function* () {
      const url = yield* freshPostgres
      yield* inSmallSteps(yield* openPostgresWriting({ url }), layerPostgresReadOnly({ url }))
    }),
  )
})

it.effect('whoever writes to the target meanwhile is noticed, and nothing of his is overwritten', () =>
  Effect.gen(function* () {
    const source = yield* openSqliteReading(yield* archivedLog)
    const rows = yield* source.rows(0, 20)
    const url = yield* freshPostgres
    const target = yield* openPostgresWriting({ url })
    const other = envelopes('box_other')(servedRequest(1))
    yield* onLog(
      layerPostgres({ url }),
      Effect.flatMap(EventLog, (log) => log.append(other)),
    )
    const error = yield* Effect.flip(target.add(rows, 0, headAt(20, rows.length, yield* source.extent)))
    expect(error.reason).toEqual({
      _tag: 'Conflict',
      detail: 'the copy was to go on at position 0, but the log is at 4',
    })
    expect((yield* target.rows(0, 100)).map(([, , , , , writer]) => writer)).toEqual(Array(4).fill('box_other'))
  }),
)

const NOT_BESIDE =
  /^the \d+ snapshots, \d+ sums of archived events and \d+ writers of the target are not those of the source$/

/** A target that does not do what it is told. */
const DEVIATIONS: readonly (readonly [
  what: string,
  deviate: (target: LogWriting) => Partial<LogWriting>,
  found: RegExp,
])[] = [
  [
    'a letter of an event',
    ({ add }) => ({
      add: (rows, before, after) =>
        add(
          rows.map((row) => (row[0] === 1 ? ([...row.slice(0, -1), `${row[11]} `] as unknown as typeof row) : row)),
          before,
          after,
        ),
    }),
    /^events 1 to \d+ of the target are not those of the source$/,
  ],
  [
    'an event that is missing',
    ({ add }) => ({ add: (rows, before, after) => add(rows.slice(1), before, after) }),
    /^the source has \d+ as events, the target \d+$/,
  ],
  [
    'the head',
    ({ finish }) => ({ finish: (head, writers) => finish({ ...head, archivedTo: 7 }, writers) }),
    /as archivedTo, the target 7/,
  ],
  [
    'the number of a writer',
    ({ finish }) => ({
      finish: (head, writers) =>
        finish(
          head,
          writers.map((one) => ({ ...one, archivedSeq: one.archivedSeq + 1 })),
        ),
    }),
    NOT_BESIDE,
  ],
  [
    'a sum of archived events',
    ({ addArchivedCells }) => ({
      addArchivedCells: (entries) =>
        addArchivedCells(
          entries.map(({ cell, sums }) => ({ cell, sums: { ...sums, costNanoUsd: sums.costNanoUsd + 1 } })),
        ),
    }),
    NOT_BESIDE,
  ],
  ['all of these sums', () => ({ addArchivedCells: () => Effect.void }), NOT_BESIDE],
  [
    'a byte of a snapshot',
    ({ addSnapshot }) => ({
      addSnapshot: (snapshot) => addSnapshot({ ...snapshot, state: Uint8Array.from([...snapshot.state, 0]) }),
    }),
    NOT_BESIDE,
  ],
]

describe('the check of a copy finds', () => {
  it.effect.each(DEVIATIONS)('%s', ([, deviate, found]) =>
    Effect.gen(function* () {
      const source = yield* openSqliteReading(yield* archivedLog)
      const copying = yield* startCopying(source)
      const target = yield* openFile(newFile())
      const rest = yield* copyRest(copying, { ...target, ...deviate(target) }, 0, nothing)
      const error = yield* Effect.flip(checkCopy(copying, target, rest, nothing))
      expect(error._tag).toBe('CopyDiffers')
      expect(error.message).toMatch(found)
    }),
  )

  it.effect('a source that has archived requests meanwhile', () =>
    Effect.gen(function* () {
      const source = yield* openSqliteReading(yield* archivedLog)
      const copying = yield* startCopying(source)
      const target = yield* openFile(newFile())
      const rest = yield* copyRest(copying, target, 0, nothing)
      const later = {
        ...source,
        extent: Effect.map(source.extent, (extent) => ({ ...extent, archivedEvents: extent.archivedEvents + 4 })),
      }
      const error = yield* Effect.flip(checkCopy({ ...copying, source: later }, target, rest, nothing))
      expect(error.message).toMatch(/moved requests to an archive meanwhile: empty the target/)
    }),
  )
})

it.effect('the beginning of a target is compared in every column', () =>
  Effect.gen(function* () {
    const source = yield* openSqliteReading(yield* archivedLog)
    const path = newFile()
    const copying = yield* startCopying(source)
    yield* Effect.scoped(Effect.flatMap(openFile(path), (target) => copyRest(copying, target, 0, nothing)))
    for (const [change, back] of [
      ...['stream', 'type', 'data'].map((column) => [`${column} = ${column} || ' '`, `${column} = rtrim(${column})`]),
      ...['stream_version', 'schema_version', 'writer_seq', 'occurred_at', 'recorded_at'].map((column) => [
        `${column} = ${column} + 1000000`,
        `${column} = ${column} - 1000000`,
      ]),
      ["correlation = 'x'", 'correlation = NULL'],
      ['causation = 77', 'causation = NULL'],
      ['writer = 2, writer_seq = 9999', 'writer = 1, writer_seq = 1'],
    ]) {
      const doctor = (what: string | undefined) => {
        const database = new Database(path)
        database.exec(`DROP TRIGGER IF EXISTS events_no_update; UPDATE events SET ${what} WHERE position = 1`)
        database.close()
      }
      const compared = Effect.scoped(
        Effect.flatMap(openSqliteReading(path), (target) =>
          Effect.flatMap(startCopying(source), (again) => compareBeginning(again, target, nothing)),
        ),
      )
      doctor(change)
      expect((yield* Effect.flip(compared)).message).toMatch('it differs by position 1: ')
      doctor(back)
      expect(yield* compared).toBe(copying.extent.last)
    }
  }),
)

it.effect('a log on PostgreSQL is read without a change to it', () =>
  Effect.gen(function* () {
    const url = yield* freshPostgres
    yield* onLog(
      layerPostgres({ url }),
      Effect.flatMap(EventLog, (log) => log.append(envelopes()(servedRequest(1)))),
    )
    const source = yield* openPostgresReading({ url })
    expect(yield* source.extent).toEqual({ head: 4, last: 4, events: 4, archivedTo: 0, archivedEvents: 0 })
    expect((yield* source.rows(1, 3)).map(([position]) => position)).toEqual([2, 3])
    expect(yield* source.archivedWriters).toEqual([])
    expect(yield* source.archivedCells(undefined)).toEqual({ entries: [], next: undefined })
    expect(yield* source.snapshotAfter(undefined)).toBeUndefined()
    expect(yield* source.users).toEqual([])
  }),
)
