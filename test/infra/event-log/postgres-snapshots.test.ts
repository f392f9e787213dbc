/** Snapshots on PostgreSQL: packed by each other and thinned out, by several instances at once. */
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { vi } from 'vitest'
import { EventLog } from '#actors/ports.ts'
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { freshDatabase, onDatabase } from '#test/postgres.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Some 100 kB that do not compress well; two neighbours differ in one part of a hundred. */
const stateAt = (n: number, salt = 0): string =>
  JSON.stringify({
    s: Array.from({ length: 100 }, (_, part) => noise(salt + part + 100 * Math.floor((n + part) / 100))),
  })
const noise = (seed: number): readonly number[] => Array.from({ length: 50 }, (_, n) => Math.sin(seed * 100 + n))

const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, n) => from + n * step)

const save = (log: EventLog['Service'], positions: readonly number[], version = 'fold') =>
  Effect.forEach(positions, (position) => log.saveSnapshot({ version, position, state: stateAt(position) }))

const withLog = <A, E>(url: string, use: (log: EventLog['Service']) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(EventLog, use), layerPostgres({ url }), { local: true })

/** So many requests, a minute apart; each of four events. */
const appendMinutes = (log: EventLog['Service'], requests: number) => {
  const wrap = envelopes()
  return Effect.forEach(range(0, requests, 500), (from) =>
    log.append(
      range(from, Math.min(requests, from + 500)).flatMap((n) =>
        wrap(servedRequest(n)).map((event) => ({ ...event, occurredAt: 1_780_000_000_000 + n * 60_000 })),
      ),
    ),
  )
}

const storedIn = (url: string) =>
  Effect.promise(() =>
    onDatabase(
      url,
      'SELECT version, position::int, base::int, length(state) AS bytes FROM signalbox.snapshots ORDER BY version, position',
    ),
  )

it.live('are packed by an older one while they are like it, and every one comes back as it was', () =>
  Effect.gen(function* () {
    const url = yield* Effect.promise(() => freshDatabase())
    yield* withLog(url, (log) =>
      Effect.gen(function* () {
        yield* appendMinutes(log, 15)
        yield* save(log, range(1, 41))
        for (const position of [1, 2, 30, 40]) {
          expect(yield* log.snapshotBefore('fold', position)).toMatchObject({ position, state: stateAt(position) })
        }
        const stored = yield* storedIn(url)
        expect(stored).toHaveLength(40)
        const whole = stored.filter(({ base }) => base === null)
        expect(whole.length).toBeLessThan(6)
        for (const { bytes } of stored.filter(({ base }) => base !== null)) {
          expect(Number(bytes)).toBeLessThan(Number(whole[0]?.bytes) * 0.25)
        }
        // One that is stored anew takes those with it that were packed by it.
        const first = Number(whole[0]?.position)
        yield* log.saveSnapshot({ version: 'fold', position: first, state: '{"other":1}' })
        const next = yield* log.snapshotBefore('fold', Number(whole[1]?.position) - 1)
        expect(next).toMatchObject({ position: first, state: '{"other":1}' })
      }),
    )
  }),
)

it.live('are thinned out when they are an hour old, and leave no gap wider than the spacing', () =>
  Effect.gen(function* () {
    const url = yield* Effect.promise(() => freshDatabase())
    yield* withLog(url, (log) =>
      Effect.gen(function* () {
        yield* appendMinutes(log, 2_000)
        const saved = range(100, 8_001, 100)
        yield* Effect.forEach(saved, (position) =>
          log.saveSnapshot({ version: 'fold', position, state: `{"p":${position}}` }),
        )
        const kept = (yield* storedIn(url)).map(({ position }) => Number(position))
        expect(kept.length).toBeLessThan(saved.length / 3)
        const gaps = kept.map((position, index) => position - (kept[index - 1] ?? 0))
        expect(Math.max(...gaps)).toBeLessThanOrEqual(SNAPSHOT_SPACING)
        // The last hour: 60 requests of four events.
        expect(kept.filter((position) => position > 8_000 - 240)).toEqual([7_800, 7_900, 8_000])
        // Of other folds the newest two stay.
        yield* log.saveSnapshot({ version: 'next', position: 8_000, state: '{}' })
        const others = (yield* storedIn(url)).filter(({ version }) => version === 'fold')
        expect(others.slice(-2).map(({ position }) => position)).toEqual([7_900, 8_000])
        expect((yield* log.latestSnapshot('fold'))?.state).toBe('{"p":8000}')
      }),
    )
  }),
)

it.live('come back as they were, whoever of several stores and replaces them', () =>
  Effect.gen(function* () {
    const url = yield* Effect.promise(() => freshDatabase())
    yield* withLog(url, (one) =>
      withLog(url, (other) =>
        Effect.gen(function* () {
          yield* appendMinutes(one, 15)
          yield* save(one, [1, 2])
          // Its base is replaced behind its back by one with another text.
          yield* other.saveSnapshot({ version: 'fold', position: 1, state: stateAt(1, 7) })
          yield* save(one, [3])
          expect((yield* other.latestSnapshot('fold'))?.state).toBe(stateAt(3))
          yield* Effect.all([save(one, range(4, 20, 2)), save(other, range(5, 20, 2))], { concurrency: 2 })
          for (const position of range(4, 20)) {
            expect((yield* one.snapshotBefore('fold', position))?.state).toBe(stateAt(position))
          }
          expect((yield* one.snapshotBefore('fold', 1))?.state).toBe(stateAt(1, 7))
        }),
      ),
    )
  }),
)
