/**
 * Time travel: the state at a past moment is the fold of the log up to it, from wherever the fold began.
 */
import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import { applyRecorded, encodeState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog } from '#actors/ports.ts'
import { pastState } from '#actors/views/past-state.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { envelopes, histories, servedRequest } from '#test/recorded-events.ts'

const fold = (events: readonly NewEvent[]): string => {
  const state = initialState()
  for (const event of events) applyRecorded(state, event)
  return encodeState(state)
}

/** As they come back from the log, whose members have another order. */
const logOf = (events: readonly NewEvent[]) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    yield* log.append(events)
    const rows = yield* log.read({ after: 0, limit: 10_000 })
    return { log, stored: rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : [])) }
  }).pipe(Effect.provide(layerMemory()))

/** A history and a moment before, in, or after it. */
const moments = histories()
  .filter((events) => events.length > 0)
  .chain((events) => {
    const [first, last] = [events[0]?.occurredAt ?? 0, events.at(-1)?.occurredAt ?? 0]
    return fc.tuple(fc.constant(events), fc.integer({ min: first - 10, max: last + 10 }), fc.nat())
  })

const upTo = (events: readonly NewEvent[], at: number): readonly NewEvent[] =>
  events.slice(0, events.findLastIndex(({ occurredAt }) => occurredAt <= at) + 1)

describe('the state at a past moment', () => {
  it('is the fold of the log up to the last event that had occurred by then', () =>
    fc.assert(
      fc.asyncProperty(moments, ([events, at]) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const { log, stored } = yield* logOf(events)
            const { state, position } = yield* pastState(log, at)
            const past = upTo(stored, at)
            assert.strictEqual(encodeState(state), fold(past))
            assert.strictEqual(position, past.length)
          }),
        ),
      ),
      { numRuns: 200 },
    ))

  it('is the same whether a snapshot lies before it, after it, or nowhere', () =>
    fc.assert(
      fc.asyncProperty(moments, ([events, at, place]) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const { log, stored } = yield* logOf(events)
            const position = place % (stored.length + 1)
            yield* log.saveSnapshot({ version: STATE_VERSION, position, state: fold(stored.slice(0, position)) })
            const { state } = yield* pastState(log, at)
            assert.strictEqual(encodeState(state), fold(upTo(stored, at)))
          }),
        ),
      ),
      { numRuns: 200 },
    ))

  it.effect('reads no more of the log than the tail behind its snapshot', () =>
    Effect.gen(function* () {
      const { log, stored } = yield* logOf(envelopes()([0, 1, 2].flatMap(servedRequest)))
      const position = stored.length - 3
      yield* log.saveSnapshot({ version: STATE_VERSION, position, state: fold(stored.slice(0, position)) })
      let read = 0
      const counting = {
        ...log,
        read: (query: Parameters<typeof log.read>[0]) =>
          Effect.tap(log.read(query), (rows) =>
            Effect.sync(() => {
              read += rows.length
            }),
          ),
      }
      yield* pastState(counting, Number.MAX_SAFE_INTEGER)
      // The one that says where to stop, and the tail.
      assert.strictEqual(read, 1 + 3)
    }),
  )

  it.effect('lets the event loop turn between its pages', () =>
    Effect.gen(function* () {
      const { log, stored } = yield* logOf(envelopes()(Array.from({ length: 400 }, (_, n) => servedRequest(n)).flat()))
      let turns = 0
      let next: NodeJS.Immediate | undefined
      const turn = (): void => {
        turns += 1
        next = setImmediate(turn)
      }
      turn()
      yield* Effect.addFinalizer(() => Effect.sync(() => clearImmediate(next)))
      yield* pastState(log, Number.MAX_SAFE_INTEGER)
      assert.isAtLeast(turns, Math.floor(stored.length / 500))
    }),
  )
})
