import { expect, it } from '@effect/vitest'
import { Effect, Fiber, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { EventLog, EventLogError } from '#actors/ports.ts'
import { LogArchive } from '#infra/event-log/log-archive.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { keepFor } from '#infra/retention.ts'
import { known } from '#test/event-log-contract.ts'

const DAY_MS = 86_400_000

/** A log that always has three slices to archive, and notes what it is asked. */
const archiveThatNotes = (asked: string[], fails: () => boolean) => {
  let left = 3
  return Layer.succeed(
    LogArchive,
    LogArchive.of({
      plan: ({ before, covered }) =>
        Effect.suspend(() => {
          asked.push(`plan before day ${before / DAY_MS}, covered to ${covered}`)
          if (fails()) return new EventLogError({ reason: { _tag: 'Unavailable', detail: 'the disk is full' } })
          left = 3
          return Effect.succeed({
            ...{ bounds: { admittedTo: 40, before, endedTo: covered }, requests: 30, events: 120 },
            ...{ firstAt: 0, lastAt: 1 },
          })
        }),
      write: (_plan, folder, progress) =>
        Effect.sync(() => {
          progress(1)
          asked.push(`write to ${folder}`)
          return 'signalbox-1-40.ndjson.gz'
        }),
      remove: () =>
        Effect.succeed(
          Effect.sync(() => {
            asked.push('remove')
            return left-- === 0 ? { requests: 0, events: 0 } : { requests: 10, events: 40 }
          }),
        ),
      shrink: Effect.sync(() => {
        asked.push('shrink')
        return 0
      }),
    }),
  )
}

const ROUND = ['write to /archive', 'remove', 'remove', 'remove', 'remove', 'shrink']

it.effect('archives at the start and every day, records it, and goes on after a day that failed', () => {
  const asked: string[] = []
  let failing = false
  return Effect.gen(function* () {
    const log = yield* EventLog
    yield* log.saveSnapshot({ version: STATE_VERSION, position: 99, state: '{}' })
    yield* TestClock.setTime(100 * DAY_MS)
    const fiber = yield* Effect.forkChild(keepFor({ detailMs: 90 * DAY_MS, folder: '/archive' }))
    yield* TestClock.adjust(1_000)
    expect(asked.splice(0)).toEqual(['plan before day 10, covered to 99', ...ROUND])
    const recorded = known(yield* log.read({ after: 0, limit: 10 })).map(({ event }) => event)
    expect(recorded).toEqual([
      { _tag: 'LogArchived', upTo: 40, events: 120, file: 'signalbox-1-40.ndjson.gz', by: 'retention' },
    ])
    failing = true
    yield* TestClock.adjust(DAY_MS)
    expect(asked.splice(0)).toEqual([expect.stringMatching(/^plan before day 11/)])
    failing = false
    yield* TestClock.adjust(DAY_MS)
    expect(asked.splice(0).slice(1)).toEqual(ROUND)
    yield* Fiber.interrupt(fiber)
  }).pipe(
    Effect.provide(
      Layer.merge(
        ledgerLayer.layer({ writer: 'box_keeps' }).pipe(Layer.provideMerge(emptyLog)),
        archiveThatNotes(asked, () => failing),
      ),
    ),
  )
})

/** The snapshot that stands for what a start needs is no state: nothing starts here. */
const emptyLog = layerMemory()
