/**
 * Archiving old requests out of a real log, whichever database it is in: what goes, what stays, and what must never be lost.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { vi } from 'vitest'
import { encodeState, STATE_VERSION } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { Books, EventLog, type EventLogError } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import type { DomainEvent } from '#domain/events.ts'
import { providerId } from '#domain/ids.ts'
import { LogArchive } from '#infra/event-log/log-archive.ts'
import { type ArchiveOrder, archiveLog } from '#infra/retention.ts'
import { known, readAll } from '#test/event-log-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

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

/** A log that an archive can be taken of, and what tests do to it behind its back. */
export interface ArchivableLog {
  /** Opened anew each time, as by another process. */
  readonly layer: Layer.Layer<Needed, EventLogError>
  readonly readOnly: Layer.Layer<EventLog | Books, EventLogError>
  /** Another one with the same content. */
  readonly copy: () => Promise<ArchivableLog>
  /** Runs SQL; \`table\` gives the name of one of ours. */
  readonly doctor: (sql: (table: (name: string) => string) => string) => Promise<void>
  /** The same with nothing that keeps events from being changed. */
  readonly damage: ArchivableLog['doctor']
}

const open = <A, E>({ layer }: ArchivableLog, use: Effect.Effect<A, E, Needed>) =>
  Effect.provide(use, layer, { local: true })
const withLedger = <A, E>({ layer }: ArchivableLog, writer: string, use: Effect.Effect<A, E, Needed | Ledger>) =>
  Effect.provide(use, ledgerLayer.layer({ writer }).pipe(Layer.provideMerge(layer)), { local: true })

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

/** 250 old requests and 20 young ones, with events of the box and of a provider among them, and a snapshot at the end. */
const fillOldAndYoung = Effect.gen(function* () {
  const versions = new Map<string, number>()
  const started: DomainEvent = { _tag: 'BoxStarted', instance: 'box_old', version: '1.0.0' }
  const recovered: DomainEvent = { _tag: 'ProviderRecovered', provider: providerId('vertex') }
  const old = envelopes('box_old', OLD, versions)
  const young = envelopes('box_young', CUT + DAY_MS, versions)
  const open1 = servedRequest(9_000).slice(0, 3)
  const log = yield* EventLog
  yield* log.append(old([started, ...open1]))
  yield* log.append(old(range(0, OLD_REQUESTS).flatMap(servedRequest)))
  yield* log.append(old([recovered]))
  yield* log.append(young(range(1_000, 1_020).flatMap(servedRequest)))
  yield* saveSnapshot
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

/** Runs the contract; `make` gives an empty log. `shrinksTo`: the share of its size that is left when nearly all of it went. */
export const archiveContract = (name: string, make: () => Promise<ArchivableLog>, shrinksTo: number): void => {
  describe(`${name} archive`, () => {
    let made: Promise<ArchivableLog> | undefined
    const oldAndYoung = Effect.promise(async () => {
      made ??= make().then(async (log) => {
        await Effect.runPromise(open(log, fillOldAndYoung))
        return log
      })
      const folder = join(mkdtempSync(join(tmpdir(), 'signalbox-')), 'archive')
      return { log: await (await made).copy(), folder }
    })

    it.effect('moves the old requests to a file and keeps the sums, the rest of the log and the state', () =>
      Effect.gen(function* () {
        const { log: old, folder } = yield* oldAndYoung
        const size = (yield* open(
          old,
          Effect.flatMap(EventLog, ({ stats }) => stats),
        )).databaseBytes
        const before = yield* open(old, Effect.all([costs, Effect.flatMap(EventLog, readAll)]))
        const parts: string[] = []
        const archived = yield* withLedger(
          old,
          'box_archives',
          archiveLog({ ...order(folder), progress: (part) => parts.push(part) }),
        )
        expect(archived).toEqual({ file: FILE, requests: OLD_REQUESTS, events: 4 * OLD_REQUESTS })
        expect([...new Set(parts)].slice(0, 2)).toEqual(['writing', 'deleting'])
        const { databaseBytes } = yield* open(
          old,
          Effect.flatMap(EventLog, ({ stats }) => stats),
        )
        expect(databaseBytes).toBeLessThan(size * shrinksTo)

        yield* open(
          old,
          Effect.gen(function* () {
            const [log, books] = [yield* EventLog, yield* Books]
            expect(yield* costs).toEqual(before[0])
            const left = known(yield* log.read({ after: 0, limit: 10_000 }))
            const last = left.at(-1)?.event
            expect(last).toEqual({
              ...{
                _tag: 'LogArchived',
                upTo: LAST_OLD - 3,
                events: 4 * OLD_REQUESTS,
                file: archived?.file,
                by: 'test',
              },
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
        const { log: old, folder } = yield* oldAndYoung
        const state = Effect.flatMap(EventLog, (log) =>
          Effect.map(restore(log), (restored) => encodeState(restored.state)),
        )
        const first = yield* open(old, state)
        const archives = Effect.gen(function* () {
          yield* archiveLog(order(folder))
          return encodeState((yield* Ledger).state)
        })
        const after = yield* withLedger(old, 'box_archives', archives)
        expect(yield* open(old, state)).toBe(after)
        // The ledger has added what it recorded itself, and nothing else.
        expect(JSON.parse(after).projections.traffic.totals).toEqual(JSON.parse(first).projections.traffic.totals)
      }),
    )

    it.effect('goes on where the archived part ends, for the same writer too', () =>
      Effect.gen(function* () {
        const { log: old, folder } = yield* oldAndYoung
        const wrap = envelopes('box_goes_on', OLD + DAY_MS)
        yield* open(
          old,
          Effect.gen(function* () {
            const log = yield* EventLog
            yield* log.append(wrap(servedRequest(5_000)))
            yield* saveSnapshot
          }),
        )
        yield* withLedger(old, 'box_archives', archiveLog(order(folder)))
        yield* open(
          old,
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
        const { log: old, folder } = yield* oldAndYoung
        const wrap = envelopes('box_ends_it', CUT + 2 * DAY_MS, new Map([[`request:${openId}`, 3]]))
        yield* withLedger(old, 'box_first', archiveLog(order(folder)))
        const before = yield* open(
          old,
          Effect.gen(function* () {
            const log = yield* EventLog
            yield* log.append(wrap(servedRequest(9_000).slice(3)))
            yield* saveSnapshot
            return yield* costs
          }),
        )
        const second = yield* withLedger(old, 'box_second', archiveLog(order(folder, CUT + 3 * DAY_MS)))
        expect(second?.requests).toBe(21)
        expect(readdirSync(folder)).toHaveLength(2)
        yield* open(
          old,
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
        const { log: old, folder } = yield* oldAndYoung
        yield* withLedger(old, 'box_archives', archiveLog(order(folder)))
        const before = yield* open(old, costs)
        yield* Effect.promise(() => old.doctor((table) => `UPDATE ${table('books')} SET version = 0`))
        expect(yield* open(old, costs)).toEqual(before)
      }),
    )

    it.effect('answers that there is nothing to archive, and makes no file', () =>
      Effect.gen(function* () {
        const { log: old, folder } = yield* oldAndYoung
        expect(yield* withLedger(old, 'box_archives', archiveLog(order(folder, OLD)))).toBeUndefined()
        expect(readdirSync(dirname(folder))).toEqual([])
      }),
    )

    it.effect('never archives what a start would need: nothing beyond the newest snapshot of this release', () =>
      Effect.gen(function* () {
        const { log: old, folder } = yield* oldAndYoung
        yield* Effect.promise(() => old.doctor((table) => `UPDATE ${table('snapshots')} SET version = 'other'`))
        const use = Effect.gen(function* () {
          const log = yield* EventLog
          const refused = yield* Effect.flip(archiveLog(order(folder)))
          expect(refused._tag).toBe('NotCovered')
          // A snapshot in the middle of the old ones: only what had ended by then may go.
          yield* log.saveSnapshot({ version: STATE_VERSION, position: 500, state: encodeState((yield* Ledger).state) })
          return yield* archiveLog(order(folder))
        })
        const archived = yield* withLedger(old, 'box_archives', use)
        expect(archived?.requests).toBe(124)
      }),
    )

    it.effect('deletes nothing when the file cannot be written', () =>
      Effect.gen(function* () {
        const { log: old, folder } = yield* oldAndYoung
        writeFileSync(folder, 'a file where the folder should be')
        const before = yield* open(old, Effect.flatMap(EventLog, readAll))
        const error = yield* Effect.flip(withLedger(old, 'box_archives', archiveLog(order(folder))))
        expect(error.message).toMatch(
          /the archive cannot be written to .* \(EEXIST\): check the folder.*nothing was deleted/,
        )
        const after = yield* open(old, Effect.flatMap(EventLog, readAll))
        expect(known(after)).toEqual(known(before))
      }),
    )

    it.effect('overwrites no file of an archive that was interrupted', () =>
      Effect.gen(function* () {
        const { log: old, folder } = yield* oldAndYoung
        mkdirSync(folder)
        chmodSync(folder, 0o700)
        writeFileSync(join(folder, FILE), 'first')
        const archived = yield* withLedger(old, 'box_archives', archiveLog(order(folder)))
        expect(archived?.file).toBe(`signalbox-1-${LAST_OLD}-2.ndjson.gz`)
        expect(readFileSync(join(folder, FILE), 'utf8')).toBe('first')
      }),
    )

    it.effect('keeps the log append-only for everybody else, between the slices and after', () =>
      Effect.gen(function* () {
        const { log: old, folder } = yield* oldAndYoung
        const tries = Effect.promise(() =>
          expect(old.doctor((table) => `DELETE FROM ${table('events')} WHERE position = 2`)).rejects.toThrow(
            /append-only/,
          ),
        )
        const use = Effect.gen(function* () {
          const archive = yield* LogArchive
          const plan = yield* archive.plan({ before: CUT, covered: 10_000 })
          yield* archive.write(plan!, folder, () => undefined)
          const remove = yield* archive.remove(plan!)
          let removed = (yield* remove).requests
          expect(removed).toBeGreaterThan(0)
          expect(removed).toBeLessThan(OLD_REQUESTS)
          yield* tries
          // Appends go on between the slices.
          const log = yield* EventLog
          const head = yield* log.head
          expect(yield* log.append(envelopes('box_meanwhile')(servedRequest(7_777)))).toBe(head + 4)
          for (let slice = yield* remove; slice.requests > 0; slice = yield* remove) removed += slice.requests
          expect(removed).toBe(OLD_REQUESTS)
          expect(yield* archive.plan({ before: CUT, covered: LAST_OLD + 81 })).toBeUndefined()
        })
        yield* open(old, Effect.scoped(use))
        yield* tries
      }),
    )

    for (const [what, statement, problem] of HOLES) {
      it.effect(`still finds a real hole: ${what}`, () =>
        Effect.gen(function* () {
          const { log: old, folder } = yield* oldAndYoung
          yield* withLedger(old, 'box_archives', archiveLog(order(folder)))
          yield* Effect.promise(() => old.damage(statement))
          // Opened for reading alone: a start refuses such a log.
          const report = yield* Effect.provide(
            Effect.flatMap(EventLog, (log) => log.verify(() => undefined)),
            old.readOnly,
            { local: true },
          )
          expect(report.problems.map((one) => one.problem).join('\n')).toMatch(problem)
        }),
      )
    }
  })
}

type Statement = (table: (name: string) => string) => string
const HOLES: readonly (readonly [what: string, statement: Statement, problem: RegExp])[] = [
  ['a young event', (table) => `DELETE FROM ${table('events')} WHERE position = 1020`, /position 1020 is missing/],
  [
    'a kept event of the archived part',
    (table) => `DELETE FROM ${table('events')} WHERE position = 2`,
    /1 events are missing beside the 1000/,
  ],
  ['the count', (table) => `UPDATE ${table('log_head')} SET archived_events = 1001`, /-1 events are missing/],
]

const openId = (servedRequest(9_000)[0] as Extract<DomainEvent, { readonly _tag: 'RequestAdmitted' }>).requestId
