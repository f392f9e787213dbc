/**
 * Time travel: the state at a past moment is the fold of the log up to it, from wherever the fold began.
 */
import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import { applyRecorded, encodeState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog, EventLogError, type ReadEvent } from '#actors/ports.ts'
import { pastState } from '#actors/views/past-state.ts'
import type { DomainEvent } from '#domain/events.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'
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

const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n)

/** More than a page of them at once. */
const longLog = (happened: readonly DomainEvent[]) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    yield* log.append(envelopes()(happened))
    return log
  }).pipe(Effect.provide(layerMemory()))

/** The log without some of its events; the newest snapshot covers them all. */
const archivedLog = (log: EventLog['Service'], gone: ReadonlySet<number>): EventLog['Service'] => {
  const archivedTo = Math.max(0, ...gone)
  const positionOf = (row: ReadEvent) => (row._tag === 'Known' ? row.recorded.position : row.position)
  return {
    ...log,
    read: ({ after, limit, ...query }) =>
      Effect.map(log.read({ ...query, after, limit: 10_000 }), (rows) =>
        rows.filter((row) => !gone.has(positionOf(row))).slice(0, limit),
      ),
    placeAt: (at) => Effect.map(log.placeAt(at), ({ position }) => ({ position, archivedTo })),
  }
}

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

  it('is the same with any ladder of snapshots, and the moment that was asked for', () =>
    fc.assert(
      fc.asyncProperty(moments, fc.array(fc.nat(), { maxLength: 6 }), ([events, at], places) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const { log, stored } = yield* logOf(events)
            for (const place of places) {
              const position = place % (stored.length + 1)
              yield* log.saveSnapshot({ version: STATE_VERSION, position, state: fold(stored.slice(0, position)) })
            }
            const past = yield* pastState(log, at)
            assert.strictEqual(encodeState(past.state), fold(upTo(stored, at)))
            assert.strictEqual(past.at, at)
          }),
        ),
      ),
      { numRuns: 200 },
    ))

  it('is, where events went to an archive, that of the last moment before up to which all is known', () =>
    fc.assert(
      fc.asyncProperty(
        moments,
        fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        ([events, at], places, removals) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const { log, stored } = yield* logOf(events)
              for (const place of places) {
                const position = place % (stored.length + 1)
                yield* log.saveSnapshot({ version: STATE_VERSION, position, state: fold(stored.slice(0, position)) })
              }
              const covered = (yield* log.latestSnapshot(STATE_VERSION))?.position ?? 0
              const gone = new Set(covered === 0 ? [] : removals.map((n) => 1 + (n % covered)))
              const archived = archivedLog(log, gone)
              const { state, position, at: shownAt } = yield* pastState(archived, at)
              const end = upTo(stored, at).length
              const start = yield* archived.snapshotBefore(STATE_VERSION, position)
              const isWhole = (from: number, to: number) => range(from + 1, to).every((n) => !gone.has(n))
              assert.isAtMost(position, end)
              if (start !== undefined && isWhole(start.position, position)) {
                assert.strictEqual(encodeState(state), fold(stored.slice(0, position)))
              }
              // Without any snapshot it is what is left of the log.
              const isAmongArchived = start !== undefined && start.position < Math.max(0, ...gone)
              assert.strictEqual(shownAt, isAmongArchived ? (stored[position - 1]?.occurredAt ?? at) : at)
              if (gone.size === 0 || [...gone].every((n) => n > end)) assert.strictEqual(position, end)
              const last = yield* pastState(archived, Number.MAX_SAFE_INTEGER)
              assert.strictEqual(encodeState(last.state), fold(stored))
            }),
          ),
      ),
      { numRuns: 150 },
    ))

  it.effect('leaves snapshots where there are none, so that the next look is short', () =>
    Effect.gen(function* () {
      const requests = Array.from({ length: 2_000 }, (_, n) => servedRequest(n)).flat()
      const log = yield* longLog(requests)
      const at = Number.MAX_SAFE_INTEGER
      const first = yield* pastState(log, at)
      const checkpoint = yield* log.latestSnapshot(STATE_VERSION)
      assert.isAbove(checkpoint?.position ?? 0, requests.length - SNAPSHOT_SPACING - 500)
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
      const again = yield* pastState(counting, at)
      assert.strictEqual(encodeState(again.state), encodeState(first.state))
      assert.isAtMost(read, SNAPSHOT_SPACING + 500)
    }),
  )

  it.effect('does without them where none can be stored', () =>
    Effect.gen(function* () {
      const requests = Array.from({ length: 1_300 }, (_, n) => servedRequest(n)).flat()
      const log = yield* longLog(requests)
      const reason = { _tag: 'Unusable', detail: 'the event log is open for reading only' } as const
      let asked = 0
      const refusing = {
        ...log,
        saveSnapshot: () =>
          Effect.suspend(() => {
            asked += 1
            return Effect.fail(new EventLogError({ reason }))
          }),
      }
      assert.strictEqual((yield* pastState(refusing, Number.MAX_SAFE_INTEGER)).position, requests.length)
      assert.strictEqual(asked, 1)
    }),
  )

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
      assert.strictEqual(read, 3)
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
