/** Archiving old requests out of a real SQLite log: what goes, what stays, and what must never be lost. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { vi } from 'vitest'
import { encodeState, STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { Books, EventLog } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import type { DomainEvent } from '#domain/events.ts'
import { providerId } from '#domain/ids.ts'
import { LogArchive } from '#infra/event-log/log-archive.ts'
import { layerSqlite, layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { type ArchiveOrder, archiveLog } from '#infra/retention.ts'
import { known, readAll } from '#test/event-log-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { doctor, newPath, WITHOUT_TRIGGERS } from './log-file.ts'

// Each test opens the log several times, threads and all.
vi.setConfig({ testTimeout: 120_000 })

const OLD = 1_780_000_000_000
const DAY_MS = 86_400_000
/** Everything in `old` is before this, everything in `young` after it. */
const CUT = OLD + 30 * DAY_MS
const OLD_REQUESTS = 250
const LAST_OLD = 4 + 4 * OLD_REQUESTS
const FILE = `signalbox-1-${LAST_OLD}.ndjson.gz`

type Needed = EventLog | Books | LogArchive
const open = <A, E>(path: string, use: Effect.Effect<A, E, Needed>) =>
  Effect.provide(use, layerSqlite({ path }), { local: true })
const withLedger = <A, E>(path: string, writer: string, use: Effect.Effect<A, E, Needed | Ledger>) =>
  Effect.provide(use, ledgerLayer.layer({ writer }).pipe(Layer.provideMerge(layerSqlite({ path }))), { local: true })

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

/** 250 old requests and 20 young ones, with events of the box and of a provider among them, and a snapshot at the end. */
const oldAndYoung = Effect.fnUntraced(function* () {
  made ??= yield* makeOldAndYoung
  const path = newPath()
  mkdirSync(dirname(path))
  copyFileSync(made, path)
  return { path, folder: join(dirname(path), 'archive') }
})
let made: string | undefined

const makeOldAndYoung = Effect.gen(function* () {
  const path = newPath()
  const versions = new Map<string, number>()
  const started: DomainEvent = { _tag: 'BoxStarted', instance: 'box_old', version: '1.0.0' }
  const recovered: DomainEvent = { _tag: 'ProviderRecovered', provider: providerId('vertex') }
  const old = envelopes('box_old', OLD, versions)
  const young = envelopes('box_young', CUT + DAY_MS, versions)
  const open1 = servedRequest(9_000).slice(0, 3)
  yield* open(
    path,
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(old([started, ...open1]))
      yield* log.append(old(range(0, OLD_REQUESTS).flatMap(servedRequest)))
      yield* log.append(old([recovered]))
      yield* log.append(young(range(1_000, 1_020).flatMap(servedRequest)))
      yield* saveSnapshot
    }),
  )
  return path
})

const saveSnapshot = Effect.gen(function* () {
  const log = yield* EventLog
  const { state, position } = yield* restore(log)
  yield* log.saveSnapshot({ version: STATE_VERSION, position, state: encodeState(state) })
})

const order = (folder: string, before = CUT): ArchiveOrder => ({ before, folder, by: 'test', pauseMs: 0 })

const costs = Effect.flatMap(Books, (books) =>
  Effect.all([
    books.costs({ by: ['day', 'provider'] }),
    books.costs({ by: ['session', 'model'] }),
    books.spent({ to: CUT }),
  ]),
)

it.effect('moves the old requests to a file and keeps the sums, the rest of the log and the state', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    const size = statSync(path).size
    const before = yield* open(path, Effect.all([costs, Effect.flatMap(EventLog, readAll)]))
    const parts: string[] = []
    const archived = yield* withLedger(
      path,
      'box_archives',
      archiveLog({ ...order(folder), progress: (part) => parts.push(part) }),
    )
    expect(archived).toEqual({ file: FILE, requests: OLD_REQUESTS, events: 4 * OLD_REQUESTS })
    expect([...new Set(parts)].slice(0, 2)).toEqual(['writing', 'deleting'])
    expect(statSync(path).size).toBeLessThan(size / 3)

    yield* open(
      path,
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        expect(yield* costs).toEqual(before[0])
        const left = known(yield* log.read({ after: 0, limit: 10_000 }))
        const last = left.at(-1)?.event
        expect(last).toEqual({
          ...{ _tag: 'LogArchived', upTo: LAST_OLD - 3, events: 4 * OLD_REQUESTS, file: archived?.file, by: 'test' },
        })
        // What stays: of the box and of providers everything, the open request, the young ones.
        const kept = known(before[1]).filter(
          ({ stream, position }) => position <= 4 || position > LAST_OLD || !stream.startsWith('request:'),
        )
        expect(left.slice(0, -1)).toEqual(kept)
        expect(kept).toHaveLength(4 + 1 + 80)
        expect((yield* books.requests({ limit: 500 })).rows).toHaveLength(21)
        expect((yield* log.verify(() => undefined)).problems).toEqual([])
      }),
    )

    const lines = gunzipSync(readFileSync(join(folder, archived?.file ?? '')))
      .toString()
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text))
    const gone = known(before[1]).filter(({ position }) => position === 1 || (position > 4 && position <= LAST_OLD))
    expect(lines.slice(0, gone.length)).toEqual(
      gone.map(({ event: { _tag, ...data }, ...envelope }) => ({ ...envelope, type: _tag, data })),
    )
    expect(statSync(join(folder, archived?.file ?? '')).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual([archived?.file])
  }),
)

it.effect('lets a start have the same state, from the snapshot alone', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    const state = Effect.flatMap(EventLog, (log) => Effect.map(restore(log), (restored) => encodeState(restored.state)))
    const first = yield* open(path, state)
    const archives = Effect.gen(function* () {
      yield* archiveLog(order(folder))
      return encodeState((yield* Ledger).state)
    })
    const after = yield* withLedger(path, 'box_archives', archives)
    expect(yield* open(path, state)).toBe(after)
    // The ledger has added what it recorded itself, and nothing else.
    expect(JSON.parse(after).projections.traffic.totals).toEqual(JSON.parse(first).projections.traffic.totals)
  }),
)

it.effect('goes on where the archived part ends, for the same writer too', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    const wrap = envelopes('box_goes_on', OLD + DAY_MS)
    yield* open(
      path,
      Effect.gen(function* () {
        const log = yield* EventLog
        yield* log.append(wrap(servedRequest(5_000)))
        yield* saveSnapshot
      }),
    )
    yield* withLedger(path, 'box_archives', archiveLog(order(folder)))
    yield* open(
      path,
      Effect.gen(function* () {
        const log = yield* EventLog
        const head = yield* log.head
        expect(yield* log.append(wrap(servedRequest(5_001)))).toBe(head + 4)
        expect((yield* log.verify(() => undefined)).problems).toEqual([])
      }),
    )
  }),
)

it.effect('archives again what has become old since, and the request that was open', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    const wrap = envelopes('box_ends_it', CUT + 2 * DAY_MS, new Map([[`request:${openId}`, 3]]))
    yield* withLedger(path, 'box_first', archiveLog(order(folder)))
    const before = yield* open(
      path,
      Effect.gen(function* () {
        const log = yield* EventLog
        yield* log.append(wrap(servedRequest(9_000).slice(3)))
        yield* saveSnapshot
        return yield* costs
      }),
    )
    const second = yield* withLedger(path, 'box_second', archiveLog(order(folder, CUT + 3 * DAY_MS)))
    expect(second?.requests).toBe(21)
    expect(readdirSync(folder)).toHaveLength(2)
    yield* open(
      path,
      Effect.gen(function* () {
        expect(yield* costs).toEqual(before)
        expect((yield* (yield* Books).requests({ limit: 10 })).rows).toEqual([])
        expect((yield* (yield* EventLog).verify(() => undefined)).problems).toEqual([])
      }),
    )
  }),
)

it.effect('has its sums made anew without losing the archived ones', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    yield* withLedger(path, 'box_archives', archiveLog(order(folder)))
    const before = yield* open(path, costs)
    doctor(path, 'UPDATE books SET version = 0')
    expect(yield* open(path, costs)).toEqual(before)
  }),
)

it.effect('answers that there is nothing to archive, and makes no file', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    expect(yield* withLedger(path, 'box_archives', archiveLog(order(folder, OLD)))).toBeUndefined()
    expect(readdirSync(dirname(path))).not.toContain('archive')
  }),
)

it.effect('never archives what a start would need: nothing beyond the newest snapshot of this release', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    doctor(path, "UPDATE snapshots SET version = 'other'")
    const use = Effect.gen(function* () {
      const log = yield* EventLog
      const refused = yield* Effect.flip(archiveLog(order(folder)))
      expect(refused._tag).toBe('NotCovered')
      // A snapshot in the middle of the old ones: only what had ended by then may go.
      yield* log.saveSnapshot({ version: STATE_VERSION, position: 500, state: encodeState((yield* Ledger).state) })
      return yield* archiveLog(order(folder))
    })
    const archived = yield* withLedger(path, 'box_archives', use)
    expect(archived?.requests).toBe(124)
  }),
)

it.effect('deletes nothing when the file cannot be written', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    writeFileSync(folder, 'a file where the folder should be')
    const before = yield* open(path, Effect.flatMap(EventLog, readAll))
    const error = yield* Effect.flip(withLedger(path, 'box_archives', archiveLog(order(folder))))
    expect(error.message).toMatch(
      /the archive cannot be written to .* \(EEXIST\): check the folder.*nothing was deleted/,
    )
    const after = yield* open(path, Effect.flatMap(EventLog, readAll))
    expect(known(after)).toEqual(known(before))
  }),
)

it.effect('overwrites no file of an archive that was interrupted', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    mkdirSync(folder)
    chmodSync(folder, 0o700)
    writeFileSync(join(folder, FILE), 'first')
    const archived = yield* withLedger(path, 'box_archives', archiveLog(order(folder)))
    expect(archived?.file).toBe(`signalbox-1-${LAST_OLD}-2.ndjson.gz`)
    expect(readFileSync(join(folder, FILE), 'utf8')).toBe('first')
  }),
)

it.effect('keeps the log append-only for everybody else, between the slices and after', () =>
  Effect.gen(function* () {
    const { path, folder } = yield* oldAndYoung()
    const tries = () => expect(() => doctor(path, 'DELETE FROM events WHERE position = 2')).toThrow(/append-only/)
    const use = Effect.gen(function* () {
      const archive = yield* LogArchive
      const plan = yield* archive.plan({ before: CUT, covered: 10_000 })
      yield* archive.write(plan!, folder, () => undefined)
      expect((yield* archive.remove(plan!)).requests).toBe(100)
      tries()
      // Appends go on between the slices.
      const log = yield* EventLog
      const head = yield* log.head
      expect(yield* log.append(envelopes('box_meanwhile')(servedRequest(7_777)))).toBe(head + 4)
      let removed = 100
      for (let slice = yield* archive.remove(plan!); slice.requests > 0; slice = yield* archive.remove(plan!)) {
        removed += slice.requests
      }
      expect(removed).toBe(OLD_REQUESTS)
      expect(yield* archive.plan({ before: CUT, covered: LAST_OLD + 81 })).toBeUndefined()
    })
    yield* open(path, use)
    tries()
  }),
)

const holes: readonly (readonly [what: string, statement: string, problem: RegExp])[] = [
  ['a young event', 'DELETE FROM events WHERE position = 1020', /position 1020 is missing/],
  [
    'a kept event of the archived part',
    'DELETE FROM events WHERE position = 2',
    /1 events are missing beside the 1000/,
  ],
  ['the count', 'UPDATE log_head SET archived_events = 1001', /-1 events are missing/],
]
for (const [what, statement, problem] of holes) {
  it.effect(`still finds a real hole: ${what}`, () =>
    Effect.gen(function* () {
      const { path, folder } = yield* oldAndYoung()
      yield* withLedger(path, 'box_archives', archiveLog(order(folder)))
      doctor(path, WITHOUT_TRIGGERS, statement)
      // Opened for reading alone: a start refuses such a log.
      const report = yield* Effect.provide(
        Effect.flatMap(EventLog, (log) => log.verify(() => undefined)),
        layerSqliteReadOnly({ path }),
        { local: true },
      )
      expect(report.problems.map((one) => one.problem).join('\n')).toMatch(problem)
    }),
  )
}

const openId = (servedRequest(9_000)[0] as Extract<DomainEvent, { readonly _tag: 'RequestAdmitted' }>).requestId
