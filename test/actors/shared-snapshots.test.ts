/**
 * Snapshots of a log that others write too.
 */
import { assert, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledger from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog, type ReadEvent } from '#actors/ports.ts'
import { keepSnapshots } from '#actors/shared-snapshots.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { note } from '#test/recording-log.ts'

/** The position of the snapshot after ten minutes with twenty events, of which this release cannot read some. */
const storedWhen = (isForeign: (position: number) => boolean) =>
  Effect.gen(function* () {
    const log = yield* Effect.provide(EventLog, layerMemory(), { local: true })
    const upcast = { _tag: 'FromTheFuture', type: 'TeapotFilled', schemaVersion: 1 } as const
    const seen = (row: ReadEvent): ReadEvent =>
      row._tag === 'Known' && isForeign(row.recorded.position)
        ? { _tag: 'Foreign', position: row.recorded.position, upcast }
        : row
    const older = EventLog.of({ ...log, read: (query) => Effect.map(log.read(query), (rows) => rows.map(seen)) })
    const own = ledger.layer({ writer: 'one', shared: { version: 'test', spool: undefined } })
    yield* Effect.gen(function* () {
      const one = yield* Ledger
      yield* keepSnapshots(() => true)
      for (let n = 0; n < 20; n++) {
        one.record(note(n), n)
        yield* TestClock.adjust('30 seconds')
        yield* one.hear(yield* older.read({ after: one.heard().position, limit: 100 }), 0)
      }
    }).pipe(Effect.provide(Layer.provideMerge(own, Layer.succeed(EventLog, older)), { local: true }), Effect.scoped)
    return (yield* log.latestSnapshot(STATE_VERSION))?.position ?? 0
  })

it.effect('are stored by the leader, but not by one that had to skip events of a newer release', () =>
  Effect.gen(function* () {
    assert.isAbove(yield* storedWhen(() => false), 15)
    assert.isBelow(yield* storedWhen((position) => position === 10), 10)
  }),
)
