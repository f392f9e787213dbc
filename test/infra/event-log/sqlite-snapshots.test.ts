/** Snapshots in the file: packed by each other, thinned out, and carried over from an older schema. */
import { statSync } from 'node:fs'
import { expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import type { EventLog } from '#actors/ports.ts'
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { doctor, logOf, newPath, withLog, withReader } from './log-file.ts'

/** Some 200 kB that do not compress well; two neighbours differ in one part of a hundred. */
const stateAt = (n: number): string =>
  JSON.stringify(Array.from({ length: 100 }, (_, part) => noise(part + 100 * Math.floor((n + part) / 100))))

const noise = (seed: number): readonly number[] => Array.from({ length: 100 }, (_, n) => Math.sin(seed * 100 + n))

interface Stored {
  readonly version: string
  readonly position: number
  readonly base: number | null
  readonly bytes: number
}

const storedIn = (path: string): readonly Stored[] => {
  const database = new Database(path, { readonly: true })
  const rows = database
    .prepare<[], Stored>(
      'SELECT version, position, base, length(state) AS bytes FROM snapshots ORDER BY version, position',
    )
    .all()
  database.close()
  return rows
}

const save = (log: EventLog['Service'], positions: readonly number[], version = 'fold') =>
  Effect.forEach(positions, (position) => log.saveSnapshot({ version, position, state: `{"s":${stateAt(position)}}` }))

const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, n) => from + n * step)

/** So many requests, a minute apart; each of four events. */
const appendMinutes = (log: EventLog['Service'], requests: number) => {
  const wrap = envelopes()
  return log.append(
    range(0, requests).flatMap((n) =>
      wrap(servedRequest(n)).map((event) => ({ ...event, occurredAt: 1_780_000_000_000 + n * 60_000 })),
    ),
  )
}

it.effect('are packed by an older one while they are like it, and every one comes back as it was', () =>
  Effect.gen(function* () {
    const path = newPath()
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* appendMinutes(log, 15)
        // All within the last hour of the log.
        yield* save(log, range(1, 61))
        for (const position of [1, 2, 30, 59, 60]) {
          expect(yield* log.snapshotBefore('fold', position)).toMatchObject({
            position,
            state: `{"s":${stateAt(position)}}`,
          })
        }
      }),
    )
    const stored = storedIn(path)
    expect(stored).toHaveLength(60)
    const whole = stored.filter(({ base }) => base === null)
    const packed = stored.filter(({ base }) => base !== null)
    expect(whole.length).toBeLessThan(6)
    for (const { bytes, position, base } of packed) {
      expect(bytes).toBeLessThan((whole[0]?.bytes ?? 0) * 0.25)
      expect(whole.find((one) => one.position === base)?.position).toBeLessThan(position)
    }
  }),
)

it.effect('are not packed by one that has been replaced, and those packed by it go with it', () =>
  Effect.gen(function* () {
    const path = newPath()
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* appendMinutes(log, 2)
        yield* save(log, [1, 2])
        yield* log.saveSnapshot({ version: 'fold', position: 1, state: '{"other":1}' })
        expect(yield* log.snapshotBefore('fold', 8)).toMatchObject({ position: 1, state: '{"other":1}' })
        yield* save(log, [3, 4])
        expect(yield* log.snapshotBefore('fold', 3)).toMatchObject({ position: 3, state: `{"s":${stateAt(3)}}` })
      }),
    )
  }),
)

it.effect('are found by a reader beside the writer and by the next process', () =>
  Effect.gen(function* () {
    const path = newPath()
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* appendMinutes(log, 2)
        yield* save(log, [3, 5])
        yield* withReader(path, (reader) =>
          Effect.gen(function* () {
            expect((yield* reader.latestSnapshot('fold'))?.state).toBe(`{"s":${stateAt(5)}}`)
          }),
        )
      }),
    )
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        expect((yield* log.latestSnapshot('fold'))?.state).toBe(`{"s":${stateAt(5)}}`)
        yield* save(log, [7])
        expect((yield* log.snapshotBefore('fold', 6))?.state).toBe(`{"s":${stateAt(5)}}`)
      }),
    )
  }),
)

it.effect('are thinned out when they are an hour old, and leave no gap wider than the spacing', () =>
  Effect.gen(function* () {
    const path = newPath()
    const requests = 3_000
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* appendMinutes(log, requests)
        // One every forty minutes.
        yield* save(log, range(160, 4 * requests, 160))
      }),
    )
    const positions = storedIn(path).map(({ position }) => position)
    expect(positions.length).toBeLessThan(20)
    for (const [index, position] of [...positions, 4 * requests].entries()) {
      expect(position - (positions[index - 1] ?? 0)).toBeLessThanOrEqual(SNAPSHOT_SPACING)
    }
    expect(positions.slice(-2)).toEqual([4 * requests - 320, 4 * requests - 160])
  }),
)

it.effect('stay where events went to an archive', () =>
  Effect.gen(function* () {
    const path = newPath()
    const all = range(40, 1_200, 40)
    yield* withLog(path, (log) => appendMinutes(log, 300))
    doctor(path, 'UPDATE log_head SET archived_to = 600')
    yield* withLog(path, (log) => save(log, all))
    const kept = storedIn(path).map(({ position }) => position)
    expect(kept).toEqual(expect.arrayContaining(all.filter((position) => position <= 600)))
    expect(kept.length).toBeLessThan(all.length)
  }),
)

it.effect('of other folds go, but for the newest two and what these need', () =>
  Effect.gen(function* () {
    const path = newPath()
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* appendMinutes(log, 15)
        yield* save(log, range(1, 31), 'old')
        yield* save(log, range(31, 61), 'new')
      }),
    )
    const of = (version: string) => storedIn(path).filter((row) => row.version === version)
    expect(of('new')).toHaveLength(30)
    expect(
      of('old')
        .map(({ position }) => position)
        .slice(-2),
    ).toEqual([29, 30])
    expect(of('old').length).toBeLessThan(5)
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        expect((yield* log.latestSnapshot('old'))?.state).toBe(`{"s":${stateAt(30)}}`)
      }),
    )
  }),
)

it.effect('of an older schema are carried over, with their times', () =>
  Effect.gen(function* () {
    const path = yield* logOf(3)
    doctor(
      path,
      'DROP TABLE snapshots',
      `CREATE TABLE snapshots (version TEXT NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL,
         CONSTRAINT snapshots_key PRIMARY KEY (version, position)) STRICT`,
      `INSERT INTO snapshots VALUES ('fold', 4, '{"é":"模"}'), ('fold', 99, '{}')`,
      'PRAGMA user_version = 2',
    )
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        const [, , , fourth] = yield* log.read({ after: 0, limit: 4 })
        const occurredAt = fourth?._tag === 'Known' ? fourth.recorded.occurredAt : undefined
        expect(yield* log.snapshotBefore('fold', 50)).toEqual({
          ...{ version: 'fold', position: 4, state: '{"é":"模"}', occurredAt },
        })
        expect(yield* log.snapshotBefore('fold', 99)).toMatchObject({ position: 99, occurredAt: null })
      }),
    )
  }),
)

it.effect('cost a small part of what the events take', () =>
  Effect.gen(function* () {
    const path = newPath()
    const requests = 2_000
    yield* withLog(path, (log) => appendMinutes(log, requests))
    const before = statSync(path).size
    yield* withLog(path, (log) => save(log, range(2_400, 4 * requests, 2_400)))
    expect(statSync(path).size - before).toBeLessThan(before / 10)
  }),
)
