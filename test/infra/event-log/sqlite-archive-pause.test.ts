/**
 * Taking old requests out of a log while others are appended: nobody waits long for a slice of it. SIGNALBOX_TEST_REQUESTS=50000 makes
 * it 200,000 events. A busy machine has pauses of its own, so the bounds here are wider than the figures in docs/reliability.md.
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
      const waits: number[] = []
      const appending = yield* Effect.forkChild(
        Effect.forever(
          Effect.gen(function* () {
            const from = performance.now()
            yield* log.append(young(servedRequest(10_000_000 + waits.length)))
            waits.push(performance.now() - from)
            yield* Effect.sleep(2)
          }),
        ),
      )
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-archive-'))
      const archived = yield* archiveLog({ before: LATER - 1, folder, by: 'test', pauseMs: 20 }).pipe(
        Effect.provide(ledgerLayer.layer({ writer: 'archiver' })),
      )
      yield* Fiber.interrupt(appending)
      expect(archived?.events).toBe(4 * REQUESTS)
      expect(waits.length).toBeGreaterThan(20)
      const sorted = waits.toSorted((a, b) => a - b)
      expect(sorted[Math.floor(sorted.length * 0.98)]).toBeLessThan(USUAL_MS)
      expect(sorted.at(-1)).toBeLessThan(LONGEST_MS)
      expect((yield* log.verify(() => {})).problems).toEqual([])
    }).pipe(Effect.provide(layerSqlite({ path: newPath() }))),
  300_000,
)
