/**
 * The write-ahead log beside readers: it stays small while one reads page by page, grows while one holds it open, and is small
 * again afterwards. SIGNALBOX_TEST_COMMITS=20000 for long.
 */
import { statSync } from 'node:fs'
import { expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect, Fiber } from 'effect'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { newPath, withLog } from './log-file.ts'

const COMMITS = Number(process.env.SIGNALBOX_TEST_COMMITS ?? 2_000)
const MB = 1024 * 1024
/** R10. */
const MOST_BYTES = 64 * MB

const walBytes = (path: string): number => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0

it.live(
  `stays below 64 MiB in ${COMMITS} commits beside a reader that never stops`,
  () =>
    Effect.gen(function* () {
      const path = newPath()
      yield* withLog(path, (log) =>
        Effect.gen(function* () {
          let after = 0
          const reading = yield* Effect.forkChild(
            Effect.forever(
              Effect.gen(function* () {
                const rows = yield* log.read({ after, limit: 1_000 })
                after = rows.length === 0 ? 0 : after + rows.length
                yield* Effect.sleep(2)
              }),
            ),
          )
          const wrap = envelopes()
          let largest = 0
          for (let n = 0; n < COMMITS; n++) {
            yield* log.append(wrap(servedRequest(n)))
            if (n % 50 === 0) largest = Math.max(largest, walBytes(path))
          }
          yield* Fiber.interrupt(reading)
          expect(largest).toBeGreaterThan(0)
          expect(largest).toBeLessThan(MOST_BYTES)
          expect((yield* log.stats).walBytes).toBe(walBytes(path))
        }),
      )
    }),
  30_000 + COMMITS * 20,
)

it.live(
  'that a stranger holds open is cut down again when he lets go',
  () =>
    Effect.gen(function* () {
      const path = newPath()
      yield* withLog(path, (log) =>
        Effect.gen(function* () {
          const wrap = envelopes()
          const append = (from: number, count: number) =>
            Effect.forEach(
              Array.from({ length: count }, (_, n) => wrap(servedRequest(from + n))),
              (events) => log.append(events),
            )
          yield* append(0, 10)
          const stranger = new Database(path, { readonly: true })
          stranger.exec('BEGIN')
          stranger.prepare('SELECT count(*) FROM events').get()
          // Past the size to which it is cut.
          for (let n = 10; walBytes(path) < 18 * MB; n += 200) {
            const batch = Array.from({ length: 200 }, (_, k) => wrap(servedRequest(n + k))).flat()
            yield* log.append(batch)
          }
          const held = walBytes(path)
          stranger.close()
          yield* append(1_000_000, 1_200)
          expect(held).toBeGreaterThan(18 * MB)
          expect(walBytes(path)).toBeLessThanOrEqual(16 * MB)
          expect((yield* log.verify(() => {})).problems).toEqual([])
        }),
      )
    }),
  120_000,
)
