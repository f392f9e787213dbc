import { assert, describe, it } from '@effect/vitest'
import { Effect, Exit, Fiber, References, Scope } from 'effect'
import { TestClock } from 'effect/testing'
import { applyRecorded, decodeState, encodeState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import { canonicalState } from '#actors/replay.ts'
import { defaultPolicy } from '#domain/policy.ts'
import type { CommittedEvent, RecordedEvent } from '#domain/recorded-event.ts'
import { known, policyOf, provider } from '#test/box.ts'
import { admit, fail, labels, note, recordingLog, unavailable } from '#test/recording-log.ts'

/** A ledger whose log is in the test's hands; expected errors are not printed. */
const given = Effect.gen(function* () {
  const log = yield* recordingLog
  const ledger = yield* log.open('w1')
  const record = (n: number) => ledger.record(note(n), log.now())
  const rows = Effect.map(log.shared.read({ after: 0, limit: 10_000 }), known)
  const close = Scope.close(log.scope, Exit.void)
  return { ...log, ledger, record, rows, close }
}).pipe(Effect.provideService(References.MinimumLogLevel, 'None'))

const silent = Effect.provideService(References.MinimumLogLevel, 'None')

/** The fold of the log up to a position. */
const foldOf = (rows: readonly RecordedEvent[], position: number): string => {
  const state = initialState()
  for (const row of rows) if (row.position <= position) applyRecorded(state, row)
  return canonicalState(encodeState(state))
}

/** By then a batch for which nobody waits is on its way: 20 ms and what it takes to gather waiters. */
const LINGERED = 24

describe('the group commit of the ledger', () => {
  it.effect('writes what came within 20 ms as one batch', () =>
    Effect.gen(function* () {
      const { appends, record } = yield* given
      record(1)
      yield* TestClock.adjust(10)
      record(2)
      yield* TestClock.adjust(9)
      assert.strictEqual(appends.length, 0)
      yield* TestClock.adjust(LINGERED - 19)
      assert.deepStrictEqual(
        appends.map(({ events }) => labels(events)),
        [['key1', 'key2']],
      )
      record(3)
      yield* TestClock.adjust(LINGERED)
      assert.strictEqual(appends.length, 2)
    }),
  )

  it.effect('writes at once when 64 events wait', () =>
    Effect.gen(function* () {
      const { appends, record } = yield* given
      for (let n = 0; n < 63; n++) record(n)
      yield* TestClock.adjust(1)
      assert.strictEqual(appends.length, 0)
      record(63)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(
        appends.map(({ events }) => events.length),
        [64],
      )
    }),
  )

  it.effect('writes at once when somebody waits, and lets the waiter go after the commit', () =>
    Effect.gen(function* () {
      const { appends, control, ledger, record } = yield* given
      control.appendMs = 8
      record(1)
      const waiter = yield* Effect.forkChild(ledger.committed)
      yield* TestClock.adjust(7)
      assert.strictEqual(appends.length, 1)
      assert.isUndefined(waiter.pollUnsafe())
      yield* TestClock.adjust(5)
      assert.isDefined(waiter.pollUnsafe())
      assert.strictEqual(ledger.health().committedPosition, 1)
    }),
  )

  it.effect('lets nobody wait when everything is durable already', () =>
    Effect.gen(function* () {
      const { ledger, record } = yield* given
      yield* ledger.committed
      record(1)
      yield* TestClock.adjust(LINGERED)
      yield* ledger.committed
    }),
  )

  it.effect('keeps waiting for what was recorded after the batch under way', () =>
    Effect.gen(function* () {
      const { control, ledger, record } = yield* given
      control.appendMs = 50
      record(1)
      yield* TestClock.adjust(LINGERED)
      record(2)
      const waiter = yield* Effect.forkChild(ledger.committed)
      yield* TestClock.adjust(50)
      assert.isUndefined(waiter.pollUnsafe())
      yield* TestClock.adjust(60)
      assert.isDefined(waiter.pollUnsafe())
    }),
  )

  it.effect('forgets a waiter that was interrupted', () =>
    Effect.gen(function* () {
      const { control, ledger, record } = yield* given
      control.appendMs = 50
      record(1)
      const waiter = yield* Effect.forkChild(ledger.committed)
      yield* TestClock.adjust(1)
      yield* Fiber.interrupt(waiter)
      yield* TestClock.adjust(100)
      assert.strictEqual(ledger.health().committedPosition, 1)
    }),
  )

  it.effect('keeps the order of recording, facts followed by their decisions, from any number of fibers', () =>
    Effect.gen(function* () {
      const { appends, control, ledger, record, rows, now } = yield* given
      control.appendMs = 3
      const expected: string[] = []
      yield* Effect.forEach(
        Array.from({ length: 40 }, (_, n) => n),
        (n) =>
          Effect.gen(function* () {
            for (let k = 0; k < 5; k++) {
              yield* Effect.sleep((n * 7 + k * 13) % 40)
              if (k === 2) {
                ledger.record(admit(n), now())
                expected.push('RequestAdmitted', '→RouteChosen')
              } else {
                record(n * 10 + k)
                expected.push(`key${n * 10 + k}`)
              }
              if (k % 2 === 0) yield* ledger.committed
            }
          }),
        { concurrency: 'unbounded', discard: true },
      ).pipe(Effect.forkChild)
      yield* TestClock.adjust(2_000)
      const written = yield* rows
      assert.deepStrictEqual(labels(written), expected)
      assert.deepStrictEqual(
        written.map(({ writerSeq }) => writerSeq),
        expected.map((_, index) => index + 1),
      )
      assert.isBelow(appends.length, expected.length)
      for (const row of written.filter(({ event }) => event._tag === 'RouteChosen'))
        assert.strictEqual(row.causation, row.writerSeq - 1)
    }),
  )
})

describe('the observers of the ledger', () => {
  it.effect('hear every event after its commit, in order, with its position', () =>
    Effect.gen(function* () {
      const { control, ledger, record, rows } = yield* given
      const heard: CommittedEvent[] = []
      yield* ledger.subscribe((events) => void heard.push(...events))
      control.appendMs = 30
      for (let n = 0; n < 100; n++) record(n)
      yield* TestClock.adjust(29)
      assert.strictEqual(heard.length, 0)
      record(100)
      yield* TestClock.adjust(100)
      const written = yield* rows
      assert.strictEqual(written.length, 101)
      assert.deepStrictEqual(
        heard.map(({ position, writerSeq, schemaVersion }) => [position, writerSeq, schemaVersion]),
        written.map(({ position, writerSeq, schemaVersion }) => [position, writerSeq, schemaVersion]),
      )
    }),
  )

  it.effect('do not stop the log when one of them throws, nor each other at the next commit', () =>
    Effect.gen(function* () {
      const { ledger, record, rows } = yield* given
      let heard = 0
      yield* ledger.subscribe((events) => {
        if (events.some(({ position }) => position === 1)) throw new Error('a bug of an observer')
        heard += events.length
      })
      record(1)
      yield* TestClock.adjust(LINGERED)
      record(2)
      yield* TestClock.adjust(LINGERED)
      assert.strictEqual(heard, 1)
      assert.strictEqual((yield* rows).length, 2)
      yield* ledger.committed
    }).pipe(silent),
  )

  it.effect('hear every commit even when another one throws', () =>
    Effect.gen(function* () {
      const { ledger, record } = yield* given
      let heard = 0
      yield* ledger.subscribe(() => {
        throw new Error('a bug of an observer')
      })
      yield* ledger.subscribe((events) => {
        heard += events.length
      })
      record(1)
      yield* TestClock.adjust(LINGERED)
      assert.strictEqual(heard, 1)
    }).pipe(silent),
  )

  it.effect('hear nothing after their scope has closed', () =>
    Effect.gen(function* () {
      const { ledger, record } = yield* given
      let heard = 0
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* ledger.subscribe((events) => {
            heard += events.length
          })
          record(1)
          yield* TestClock.adjust(LINGERED)
        }),
      )
      record(2)
      yield* TestClock.adjust(LINGERED)
      assert.strictEqual(heard, 1)
    }),
  )
})

describe('the ledger over a failing log', () => {
  it.effect('lets waiters go after a second, not before, and new ones after another', () =>
    Effect.gen(function* () {
      const { control, ledger, record } = yield* given
      control.fail = unavailable
      record(1)
      const first = yield* Effect.forkChild(ledger.committed)
      yield* TestClock.adjust(990)
      assert.isUndefined(first.pollUnsafe())
      const second = yield* Effect.forkChild(ledger.committed)
      // Looked at with every attempt to write, and those are at most a second apart then.
      yield* TestClock.adjust(1_000)
      assert.isDefined(first.pollUnsafe())
      assert.isDefined(second.pollUnsafe())
    }).pipe(silent),
  )

  it.effect('keeps waiters through a short failure until their events are durable', () =>
    Effect.gen(function* () {
      const { control, ledger, record, rows } = yield* given
      let failures = 0
      control.fail = () => (failures++ < 3 ? unavailable() : undefined)
      record(1)
      let durable: number | undefined
      yield* Effect.forkChild(
        Effect.andThen(
          ledger.committed,
          Effect.map(rows, ({ length }) => {
            durable = length
          }),
        ),
      )
      yield* TestClock.adjust(5_000)
      assert.strictEqual(durable, 1)
    }).pipe(silent),
  )

  it.effect('tries again at growing distances, at most five seconds, and says so in its health', () =>
    Effect.gen(function* () {
      const { appends, control, ledger, record } = yield* given
      control.fail = unavailable
      record(1)
      yield* TestClock.adjust(LINGERED)
      record(2)
      yield* TestClock.adjust(30_000)
      const gaps = appends.slice(1).map(({ at }, index) => at - (appends[index]?.at ?? 0))
      assert.deepStrictEqual(gaps.slice(0, 6), [100, 200, 400, 800, 1_600, 3_200])
      assert.isTrue(gaps.slice(6).every((gap) => gap === 5_000))
      assert.deepInclude(ledger.health(), {
        failingSince: appends[0]?.at,
        failure: 'the disk is full',
        committedPosition: 0,
        pending: 1,
      })
      control.fail = () => undefined
      yield* TestClock.adjust(5_000)
      assert.deepStrictEqual(ledger.health(), {
        failingSince: undefined,
        failure: undefined,
        committedPosition: 2,
        pending: 0,
        overflowing: false,
        spooled: 0,
      })
    }).pipe(silent),
  )

  it.effect('loses and repeats nothing, also when only the answers of the log were lost', () =>
    Effect.gen(function* () {
      const { control, record, rows } = yield* given
      let n = 0
      control.fail = () => (n++ % 3 === 1 ? unavailable() : undefined)
      control.loseAnswer = () => n % 4 === 2
      for (let k = 0; k < 50; k++) {
        record(k)
        yield* TestClock.adjust(37)
      }
      control.fail = () => undefined
      control.loseAnswer = () => false
      yield* TestClock.adjust(20_000)
      assert.deepStrictEqual(
        labels(yield* rows),
        Array.from({ length: 50 }, (_, k) => `key${k}`),
      )
    }).pipe(silent),
  )

  it.effect('says when it can take no more', () =>
    Effect.gen(function* () {
      const { control, ledger, record } = yield* given
      control.fail = unavailable
      record(0)
      yield* TestClock.adjust(LINGERED)
      for (let n = 1; n < 99_999; n++) record(n)
      assert.isFalse(ledger.health().overflowing)
      record(99_999)
      record(100_000)
      assert.isTrue(ledger.health().overflowing)
    }).pipe(silent),
  )
})

describe('a ledger whose log contradicts it', () => {
  const contradicted = Effect.gen(function* () {
    const box = yield* given
    box.record(1)
    yield* TestClock.adjust(LINGERED)
    box.control.fail = () => ({ _tag: 'Conflict', detail: 'another writer was here' })
    box.record(2)
    return box
  })

  it.effect('dies loudly', () =>
    Effect.gen(function* () {
      const { ledger } = yield* contradicted
      const running = yield* Effect.forkChild(Effect.exit(ledger.running))
      yield* TestClock.adjust(LINGERED)
      const exit = yield* Fiber.join(running)
      assert(Exit.isFailure(exit))
      assert.include(String(exit.cause), 'another writer was here')
    }).pipe(silent),
  )

  it.effect('writes nothing more and leaves no snapshot that is ahead of the log', () =>
    Effect.gen(function* () {
      const { appends, close, control, record, rows, shared } = yield* contradicted
      yield* TestClock.adjust(LINGERED)
      control.fail = () => undefined
      record(3)
      const before = appends.length
      yield* Effect.exit(close)
      assert.strictEqual(appends.length, before)
      assert.deepStrictEqual(labels(yield* rows), ['key1'])
      assert.isAtMost((yield* shared.latestSnapshot(STATE_VERSION))?.position ?? 0, 1)
    }).pipe(silent),
  )
})

describe('the end of a ledger', () => {
  it.effect('writes what waits and stores the state as a snapshot', () =>
    Effect.gen(function* () {
      const { close, ledger, record, rows, shared } = yield* given
      ledger.record({ _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('a')]) }, 0)
      record(1)
      yield* close
      const written = yield* rows
      assert.strictEqual(written.length, 2)
      const snapshot = yield* shared.latestSnapshot(STATE_VERSION)
      assert.strictEqual(snapshot?.position, 2)
      assert.strictEqual(canonicalState(snapshot?.state ?? ''), foldOf(written, 2))
    }),
  )

  it.effect('stores no second snapshot of the same position', () =>
    Effect.gen(function* () {
      const { close, ledger, record, shared } = yield* given
      record(1)
      yield* ledger.close
      const first = yield* shared.latestSnapshot(STATE_VERSION)
      yield* close
      assert.deepStrictEqual(yield* shared.latestSnapshot(STATE_VERSION), first)
    }),
  )

  it.effect('waits for the batch under way, so that its snapshot is the fold at its position', () =>
    Effect.gen(function* () {
      const { close, control, record, rows, shared } = yield* given
      record(1)
      yield* TestClock.adjust(LINGERED)
      control.appendMs = 50
      record(2)
      yield* TestClock.adjust(LINGERED + 2)
      record(3)
      const closing = yield* Effect.forkChild(close)
      yield* TestClock.adjust(200)
      yield* Fiber.join(closing)
      const written = yield* rows
      assert.deepStrictEqual(labels(written), ['key1', 'key2', 'key3'])
      const snapshot = yield* shared.latestSnapshot(STATE_VERSION)
      assert.strictEqual(snapshot?.position, 3)
      assert.strictEqual(canonicalState(snapshot?.state ?? ''), foldOf(written, 3))
    }),
  )

  it.effect('includes what is recorded while it writes', () =>
    Effect.gen(function* () {
      const { close, control, record, rows, shared } = yield* given
      control.appendMs = 50
      record(1)
      const closing = yield* Effect.forkChild(close)
      yield* TestClock.adjust(40)
      record(2)
      yield* TestClock.adjust(200)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(labels(yield* rows), ['key1', 'key2'])
      const snapshot = yield* shared.latestSnapshot(STATE_VERSION)
      assert.strictEqual(canonicalState(snapshot?.state ?? ''), foldOf(yield* rows, snapshot?.position ?? 0))
    }),
  )

  it.effect('waits ten seconds for a log that fails, then says what is lost and claims nothing else', () =>
    Effect.gen(function* () {
      const { close, control, ledger, record, rows, shared } = yield* given
      const heard: CommittedEvent[] = []
      yield* ledger.subscribe((events) => void heard.push(...events))
      record(1)
      yield* TestClock.adjust(LINGERED)
      control.fail = unavailable
      record(2)
      const closing = yield* Effect.forkChild(close)
      yield* TestClock.adjust(9_000)
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust(10_000)
      assert.isDefined(closing.pollUnsafe())
      assert.deepStrictEqual(labels(yield* rows), ['key1'])
      assert.deepStrictEqual(labels(heard), ['key1'])
      assert.isAtMost((yield* shared.latestSnapshot(STATE_VERSION))?.position ?? 0, 1)
    }).pipe(silent),
  )

  it.effect('keeps the order when the batch under way has to be tried again', () =>
    Effect.gen(function* () {
      const { close, control, record, rows } = yield* given
      let failures = 0
      control.fail = () => (failures++ < 2 ? unavailable() : undefined)
      record(1)
      yield* TestClock.adjust(LINGERED + 2)
      record(2)
      const closing = yield* Effect.forkChild(close)
      yield* TestClock.adjust(10_000)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(labels(yield* rows), ['key1', 'key2'])
    }).pipe(silent),
  )
})

describe('the snapshots of the ledger', () => {
  it.effect('come every 2,500 events at the latest and are exactly the fold at their position', () =>
    Effect.gen(function* () {
      const { control, ledger, now, record, shared } = yield* given
      control.appendMs = 3
      ledger.record({ _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('a'), provider('b')]) }, now())
      const snapshots = new Map<number, string>()
      for (let n = 0; n < 9_000; n++) {
        if (n % 1_000 === 0) {
          ledger.record(admit(n), now())
          ledger.record(fail(n), now())
        } else record(n)
        if (n % 100 !== 0) continue
        yield* TestClock.adjust(9)
        const snapshot = yield* shared.latestSnapshot(STATE_VERSION)
        if (snapshot !== undefined) snapshots.set(snapshot.position, snapshot.state)
      }
      const rows = known(yield* shared.read({ after: 0, limit: 10_000 }))
      const positions = [...snapshots.keys()]
      assert.isAtLeast(positions.length, 3)
      // Those that fall due and the batch under way.
      assert.isBelow(Math.max(...positions.map((position, index) => position - (positions[index - 1] ?? 0))), 2_600)
      for (const [position, text] of snapshots) assert.strictEqual(canonicalState(text), foldOf(rows, position))
    }),
  )

  it.effect('are of one moment, whatever happens while their text is made', () =>
    Effect.gen(function* () {
      const { ledger, record, rows, shared, now } = yield* given
      // Some texts' worth of open requests: their snapshot takes several turns.
      for (let n = 0; n < 1_500; n++) ledger.record(admit(n), now())
      yield* Effect.forkChild(
        Effect.gen(function* () {
          for (let n = 0; n < 400; n++) {
            ledger.record(fail(n), now())
            record(n)
            yield* Effect.yieldNow
          }
        }),
      )
      yield* TestClock.adjust(100)
      const snapshot = yield* shared.latestSnapshot(STATE_VERSION)
      const written = yield* rows
      assert.isAtLeast(snapshot?.position ?? 0, 3_000)
      assert.isBelow(snapshot?.position ?? 0, written.length)
      assert.strictEqual(canonicalState(snapshot?.state ?? ''), foldOf(written, snapshot?.position ?? 0))
    }),
  )

  it.effect('are missed by nobody when they cannot be stored', () =>
    Effect.gen(function* () {
      const { record, rows, shared, close } = yield* given
      Object.assign(shared, { saveSnapshot: () => Effect.fail(new Error('no room')) })
      record(1)
      yield* close
      assert.strictEqual((yield* rows).length, 1)
    }).pipe(silent),
  )
})

describe('a ledger at its start', () => {
  it.effect('goes on where the log ends, with stream versions and its own numbers', () =>
    Effect.gen(function* () {
      const { ledger, open, rows, now } = yield* given
      ledger.record({ _tag: 'PolicyChanged', version: 1, policy: defaultPolicy }, now())
      ledger.record(admit(1), now())
      yield* TestClock.adjust(LINGERED)
      const next = yield* open('w2')
      assert.strictEqual(encodeState(next.state), encodeState(decodeState(encodeState(next.state))))
      assert.strictEqual(canonicalState(encodeState(next.state)), canonicalState(encodeState(ledger.state)))
      next.record({ _tag: 'RequestCancelled', requestId: admit(1).requestId, attempts: 0, by: 'client' }, now())
      yield* TestClock.adjust(LINGERED)
      const last = (yield* rows).at(-1)
      assert.deepInclude(last, { stream: 'request:req_1', streamVersion: 3, writer: 'w2', writerSeq: 1, position: 4 })
    }),
  )
})
