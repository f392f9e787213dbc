/** Time travel on a real file, before and after old requests went to an archive. */
import { dirname, join } from 'node:path'
import { expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import { applyRecorded, encodeState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'
import { pastState } from '#actors/views/past-state.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { archiveLog } from '#infra/retention.ts'
import { known, readAll } from '#test/event-log-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { newPath } from './log-file.ts'

const OLD = 1_780_000_000_000
const DAY_MS = 86_400_000
const CUT = OLD + 30 * DAY_MS

/** The moment of every 373rd event is looked at. */
const STEP = 373

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

const foldOf = (events: readonly RecordedEvent[]): string => {
  const state = initialState()
  for (const event of events) applyRecorded(state, event)
  return encodeState(state)
}

const OLD_REQUESTS = 1_600
/** Of the last event of an old request. */
const LAST_OLD = 1 + 4 * OLD_REQUESTS

/** Old requests, then 20 young ones; a snapshot after every 500 events and at the end. */
const makeLog = (path: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const versions = new Map<string, number>()
    const old = envelopes('box_old', OLD, versions)
    const young = envelopes('box_young', CUT + DAY_MS, versions)
    yield* log.append(old([{ _tag: 'BoxStarted', instance: 'box_old', version: '1.0.0' }]))
    yield* log.append(old(range(0, OLD_REQUESTS).flatMap(servedRequest)))
    yield* log.append(young(range(2_000, 2_020).flatMap(servedRequest)))
    const events = known(yield* readAll(log))
    for (const position of positionsOf(events)) {
      yield* log.saveSnapshot({ version: STATE_VERSION, position, state: foldOf(events.slice(0, position)) })
    }
    return events
  }).pipe(Effect.provide(layerSqlite({ path }), { local: true }))

const positionsOf = (events: readonly RecordedEvent[]) => [...range(1, 13).map((n) => n * 500), events.length]

const keptOf = (log: EventLog['Service'], positions: readonly number[]) =>
  Effect.filter(positions, (position) =>
    Effect.map(log.snapshotBefore(STATE_VERSION, position), (found) => found?.position === position),
  )

const archive = (path: string) =>
  archiveLog({ before: CUT, folder: join(dirname(path), 'archive'), by: 'test', pauseMs: 0 }).pipe(
    Effect.provide(ledgerLayer.layer({ writer: 'box_archives' }).pipe(Layer.provideMerge(layerSqlite({ path }))), {
      local: true,
    }),
  )

it.effect('shows any moment of a whole log as the fold up to it', () =>
  Effect.gen(function* () {
    const path = newPath()
    const events = yield* makeLog(path)
    yield* Effect.gen(function* () {
      const log = yield* EventLog
      for (const { occurredAt } of events.filter((_, n) => n % STEP === 0)) {
        const last = events.findLastIndex((event) => event.occurredAt <= occurredAt)
        const { state, position, at } = yield* pastState(log, occurredAt)
        expect({ position, at }).toEqual({ position: last + 1, at: occurredAt })
        expect(encodeState(state)).toBe(foldOf(events.slice(0, last + 1)))
      }
    }).pipe(Effect.provide(layerSqlite({ path }), { local: true }))
  }),
)

it.effect('shows of an archived stretch the moments of its snapshots, and all after it as they were', () =>
  Effect.gen(function* () {
    const path = newPath()
    const events = yield* makeLog(path)
    yield* TestClock.setTime(CUT + 2 * DAY_MS)
    expect((yield* archive(path))?.requests).toBe(OLD_REQUESTS)
    yield* Effect.gen(function* () {
      const log = yield* EventLog
      const { archivedTo } = yield* log.placeAt(0)
      expect(archivedTo).toBe(LAST_OLD)
      // Those that had been needless before were thinned out, so some are left and some not.
      const kept = yield* keptOf(log, positionsOf(events))
      expect(kept.filter((position) => position < archivedTo).length).toBeGreaterThan(1)
      expect(kept.at(-1)).toBe(events.length)
      for (const [index, { occurredAt }] of events.entries()) {
        if (index % STEP !== 0) continue
        const { state, position, at } = yield* pastState(log, occurredAt)
        const end = events.findLastIndex((event) => event.occurredAt <= occurredAt) + 1
        const before = kept.findLast((one) => one <= end)
        if (before === undefined) continue
        expect(encodeState(state)).toBe(foldOf(events.slice(0, position)))
        expect(position).toBe(before < archivedTo ? before : end)
        expect(at).toBe(before < archivedTo ? events[position - 1]?.occurredAt : occurredAt)
      }
    }).pipe(Effect.provide(layerSqlite({ path }), { local: true }))
  }),
)
