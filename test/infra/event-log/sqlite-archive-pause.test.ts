/**
 * Taking old requests out of a log while others are appended: nobody waits long for a slice of it. SIGNALBOX_TEST_REQUESTS=50000 makes
 * it 200,000 events, and prints the waits with and without an archive. A busy machine has pauses of its own, so the bounds here are wider than the figures in docs/reliability.md.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { encodeState, STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { archiveLog } from '#infra/retention.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { newPath } from './log-file.ts'

const REQUESTS = Number(process.env.SIGNALBOX_TEST_REQUESTS ?? 2_500)
/** All but one append in fifty, and the longest. */
const USUAL_MS = 150
const LONGEST_MS = 2_000
const OLD = 1_780_000_000_000
const LATER = OLD + 100 * 86_400_000

it.live(
  `an archive of ${REQUESTS} requests holds no append up for long`,
  () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const versions = new Map<string, number>()
      const old = envelopes('box_old', OLD, versions)
      for (let n = 0; n < REQUESTS; n += 500) {
        const batch = Array.from({ length: Math.min(500, REQUESTS - n) }, (_, k) => servedRequest(n + k)).flat()
        yield* log.append(old(batch))
      }
      const { state, position } = yield* restore(log)
      yield* log.saveSnapshot({ version: STATE_VERSION, position, state: encodeState(state) })

      const young = envelopes('box_young', LATER, versions)
      let appended = 0
      /** What appends waited, in ms, the longest last, while something else is done. */
      const waitsDuring = Effect.fnUntraced(function* <A, E, R>(what: Effect.Effect<A, E, R>) {
        const waits: number[] = []
        const appending = yield* Effect.forkChild(
          Effect.forever(
            Effect.gen(function* () {
              const from = performance.now()
              yield* log.append(young(servedRequest(10_000_000 + appended++)))
              waits.push(performance.now() - from)
              yield* Effect.sleep(2)
            }),
          ),
        )
        const done = yield* what
        yield* Fiber.interrupt(appending)
        return { waits: waits.toSorted((one, other) => one - other), done }
      })
      const { waits: without } = yield* waitsDuring(Effect.sleep(REQUESTS / 5))
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-archive-'))
      const { waits, done: archived } = yield* waitsDuring(
        archiveLog({ before: LATER - 1, folder, by: 'test', pauseMs: 20 }).pipe(
          Effect.provide(ledgerLayer.layer({ writer: 'archiver' })),
        ),
      )
      if (process.env.SIGNALBOX_TEST_REQUESTS !== undefined) {
        console.log(`waits in ms, without an archive: ${summary(without)}\nbeside it: ${summary(waits)}`)
      }
      expect(archived?.events).toBe(4 * REQUESTS)
      expect(waits.length).toBeGreaterThan(20)
      expect(waits[Math.floor(waits.length * 0.98)]).toBeLessThan(USUAL_MS)
      expect(waits.at(-1)).toBeLessThan(LONGEST_MS)
      expect((yield* log.verify(() => {})).problems).toEqual([])
    }).pipe(Effect.provide(layerSqlite({ path: newPath() }))),
  300_000,
)

const summary = (sorted: readonly number[]): string => {
  const at = (share: number): string => sorted[Math.floor((sorted.length - 1) * share)]?.toFixed(1) ?? '-'
  return `half ${at(0.5)}, 98 of 100 ${at(0.98)}, 999 of 1,000 ${at(0.999)}, the longest of ${sorted.length} ${at(1)}`
}
