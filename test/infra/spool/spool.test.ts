/**
 * The spool on a real disk.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, describe, it } from '@effect/vitest'
import { Effect, Exit, Result, Scope } from 'effect'
import { EventLog, EventLogError } from '#actors/ports.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { drainLeftovers, makeSpool } from '#infra/spool/spool.ts'
import { note } from '#test/recording-log.ts'

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), 'signalbox-spool-'))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** Events of a writer, numbered from `first` on. */
const events = (count: number, { writer = 'w1', first = 1 } = {}): readonly NewEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    event: note(first + index),
    stream: 'box',
    occurredAt: 1_000 + index,
    writer,
    writerSeq: first + index,
  }))

const databases = (path: string): readonly string[] => readdirSync(path).filter((name) => name.endsWith('.db'))

describe('a spool', () => {
  it.live('gives events back as they came, in their order, and forgets them as it is told', () =>
    Effect.gen(function* () {
      const path = yield* folder
      const spool = yield* makeSpool({ folder: path, writer: 'w1' })
      yield* spool.append(events(30))
      yield* spool.append(events(20, { first: 31 }))
      assert.strictEqual(spool.waiting(), 50)
      assert.deepStrictEqual(
        yield* spool.oldest(40),
        events(50)
          .slice(0, 40)
          .map((one, n) => ({ ...one, occurredAt: 1_000 + (n < 30 ? n : n - 30) })),
      )
      yield* spool.drop(40)
      assert.strictEqual(spool.waiting(), 10)
      assert.deepStrictEqual(
        (yield* spool.oldest(100)).map(({ writerSeq }) => writerSeq),
        [41, 42, 43, 44, 45, 46, 47, 48, 49, 50],
      )
    }),
  )

  it.live('leaves no file when nothing waits, and begins a new one with the next outage', () =>
    Effect.gen(function* () {
      const path = yield* folder
      const spool = yield* makeSpool({ folder: path, writer: 'w1' })
      assert.lengthOf(readdirSync(path), 0)
      for (const first of [1, 4]) {
        yield* spool.append(events(3, { first }))
        assert.lengthOf(databases(path), 1)
        yield* spool.drop(3)
        assert.lengthOf(readdirSync(path), 0)
        assert.strictEqual(spool.waiting(), 0)
      }
    }),
  )

  it.live('says that it is full before it fills the disk', () =>
    Effect.gen(function* () {
      const spool = yield* makeSpool({ folder: yield* folder, writer: 'w1', mostEvents: 5 })
      yield* spool.append(events(5))
      const refused = yield* Effect.result(spool.append(events(1, { first: 6 })))
      assert.isTrue(Result.isFailure(refused) && refused.failure.reason._tag === 'Unavailable')
      assert.strictEqual(spool.waiting(), 5)
    }),
  )

  it.live('keeps what waits over the end of the process, and the next start brings it to the log once', () =>
    Effect.gen(function* () {
      const path = yield* folder
      const first = yield* Scope.make()
      const spool = yield* Scope.provide(makeSpool({ folder: path, writer: 'w1' }), first)
      yield* spool.append(events(1_200))
      // Some had reached the log before the process ended, which the file does not know.
      const log = yield* Effect.provide(EventLog, layerMemory())
      yield* log.append(events(700))
      yield* spool.drop(600)
      yield* Scope.close(first, Exit.void)
      assert.strictEqual(yield* drainLeftovers(path, log), 1_200)
      assert.strictEqual(yield* log.head, 1_200)
      const rows = yield* log.read({ after: 0, limit: 10_000 })
      assert.deepStrictEqual(
        rows.map((row) => (row._tag === 'Known' ? row.recorded.writerSeq : 0)),
        Array.from({ length: 1_200 }, (_, n) => n + 1),
      )
      assert.lengthOf(readdirSync(path), 0)
      assert.strictEqual(yield* drainLeftovers(path, log), 0)
    }),
  )

  it.live('leaves the file of a process that runs alone, and keeps a file whose events the log does not take', () =>
    Effect.gen(function* () {
      const path = yield* folder
      const spool = yield* makeSpool({ folder: path, writer: 'w1' })
      yield* spool.append(events(3))
      const log = yield* Effect.provide(EventLog, layerMemory())
      assert.strictEqual(yield* drainLeftovers(path, log), 0)
      assert.strictEqual(spool.waiting(), 3)
      const other = yield* folder
      const scope = yield* Scope.make()
      const gone = yield* Scope.provide(makeSpool({ folder: other, writer: 'w2' }), scope)
      yield* gone.append(events(3, { writer: 'w2' }))
      yield* Scope.close(scope, Exit.void)
      const away = {
        ...log,
        append: () => Effect.fail(new EventLogError({ reason: { _tag: 'Unavailable', detail: 'away' } })),
      }
      assert.isTrue(Result.isFailure(yield* Effect.result(drainLeftovers(other, away))))
      assert.isTrue(existsSync(join(other, databases(other)[0] ?? '')))
      assert.strictEqual(yield* drainLeftovers(other, log), 3)
    }),
  )

  it.live('takes the next events after it could not take some, which went another way', () =>
    Effect.gen(function* () {
      const path = yield* folder
      const spool = yield* makeSpool({ folder: path, writer: 'w1' })
      const [fifth, , seventh] = events(3, { first: 5 })
      const failed = yield* Effect.result(spool.append([fifth!, seventh!]))
      assert.isTrue(Result.isFailure(failed))
      assert.strictEqual(spool.waiting(), 0)
      assert.lengthOf(readdirSync(path), 0)
      yield* spool.append(events(3, { first: 20 }))
      assert.deepStrictEqual(
        (yield* spool.oldest(100)).map(({ writerSeq }) => writerSeq),
        [20, 21, 22],
      )
    }),
  )

  it.live('of an earlier process that the log refuses is kept, and holds up neither the start nor the others', () =>
    Effect.gen(function* () {
      const path = yield* folder
      for (const writer of ['w1', 'w2', 'w3']) {
        const scope = yield* Scope.make()
        const spool = yield* Scope.provide(makeSpool({ folder: path, writer }), scope)
        yield* spool.append(events(3, { writer, first: 11 }))
        yield* Scope.close(scope, Exit.void)
      }
      const log = yield* Effect.provide(EventLog, layerMemory())
      for (const writer of ['w1', 'w2', 'w3']) {
        // Of the second the log lacks some that it had once: a failover has lost them.
        yield* log.append(events(writer === 'w2' ? 8 : 10, { writer }))
      }
      assert.strictEqual(yield* drainLeftovers(path, log), 6)
      assert.deepStrictEqual(databases(path), ['spool-w2-11.db'])
    }),
  )
})
