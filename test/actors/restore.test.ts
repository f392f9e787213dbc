import { assert, describe, it } from '@effect/vitest'
import { Effect, References } from 'effect'
import fc from 'fast-check'
import { applyRecorded, encodeState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog, type ReadEvent, type ReadQuery } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { envelopes, histories, servedRequest } from '#test/recorded-events.ts'

const fold = (events: readonly NewEvent[]): string => {
  const state = initialState()
  for (const event of events) applyRecorded(state, event)
  return encodeState(state)
}

/** A log that holds these events, as the port returns them. */
const logOf = (events: readonly NewEvent[]) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    yield* log.append(events)
    return log
  }).pipe(Effect.provide(layerMemory()))

const stored = (log: EventLog['Service']) =>
  Effect.map(log.read({ after: 0, limit: 10_000 }), (rows) =>
    rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : [])),
  )

describe('restoring', () => {
  it.effect('an empty log gives the first state', () =>
    Effect.gen(function* () {
      const log = yield* logOf([])
      const { state, position, snapshotPosition } = yield* restore(log)
      assert.strictEqual(encodeState(state), encodeState(initialState()))
      assert.deepStrictEqual([position, snapshotPosition], [0, 0])
    }),
  )

  it('from a snapshot anywhere and the tail after it is restoring from the log alone', () =>
    fc.assert(
      fc.asyncProperty(histories(), fc.nat(), (events, at) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const log = yield* logOf(events)
            const rows = yield* stored(log)
            const position = at % (events.length + 1)
            yield* log.saveSnapshot({ version: STATE_VERSION, position, state: fold(rows.slice(0, position)) })
            const restored = yield* restore(log)
            assert.strictEqual(encodeState(restored.state), fold(rows))
            assert.strictEqual(restored.position, events.length)
            assert.strictEqual(restored.snapshotPosition, position)
          }),
        ),
      ),
      { numRuns: 100 },
    ))

  it.effect('never loads the snapshot of another fold', () =>
    Effect.gen(function* () {
      const events = envelopes()(servedRequest(1))
      const log = yield* logOf(events)
      yield* log.saveSnapshot({ version: `${STATE_VERSION} older`, position: 4, state: '{"what":"is this"}' })
      const restored = yield* restore(log)
      assert.strictEqual(restored.snapshotPosition, 0)
      assert.strictEqual(encodeState(restored.state), fold(yield* stored(log)))
    }),
  )

  it.effect('reads a long log page by page, each event once', () =>
    Effect.gen(function* () {
      const wrap = envelopes()
      const log = yield* logOf(Array.from({ length: 3_000 }, (_, n) => wrap(servedRequest(n))).flat())
      const asked: ReadQuery[] = []
      const watched: EventLog['Service'] = {
        ...log,
        read: (query) => {
          asked.push(query)
          return log.read(query)
        },
      }
      const { state, position } = yield* restore(watched)
      assert.strictEqual(position, 12_000)
      assert.strictEqual(state.projections.traffic.totals.succeeded, 3_000)
      assert.isAbove(asked.length, 1)
      assert.deepStrictEqual(
        asked.map(({ after }) => after).toSorted((x, y) => x - y),
        asked.map(({ after }) => after),
      )
    }),
  )

  it.effect('skips and counts what a newer release has written', () =>
    Effect.gen(function* () {
      const log = yield* logOf(envelopes()(servedRequest(1)))
      const future: ReadEvent = {
        _tag: 'Foreign',
        position: 5,
        upcast: { _tag: 'FromTheFuture', type: 'TeapotFilled', schemaVersion: 1 },
      }
      const newer: EventLog['Service'] = {
        ...log,
        read: (query) => Effect.map(log.read(query), (rows) => (query.after < 5 ? [...rows, future] : [])),
      }
      const { position, foreign, state } = yield* restore(newer)
      assert.deepStrictEqual([position, foreign], [5, 1])
      assert.strictEqual(encodeState(state), fold(yield* stored(log)))
    }).pipe(Effect.provideService(References.MinimumLogLevel, 'None')),
  )
})
