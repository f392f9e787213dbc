/**
 * A ledger on a log that others write too.
 */
import { assert, describe, it } from '@effect/vitest'
import { Effect, Layer, References, Scope } from 'effect'
import { TestClock } from 'effect/testing'
import fc from 'fast-check'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLogError, type ReadEvent } from '#actors/ports.ts'
import { startReplay } from '#actors/replay.ts'
import type { Spool } from '#actors/spool.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { policyOf, provider } from '#test/box.ts'
import { admit, fail, note, recordingLog, unavailable } from '#test/recording-log.ts'

const memorySpool = (): Spool['Service'] & { readonly kept: NewEvent[] } => {
  const kept: NewEvent[] = []
  return {
    kept,
    waiting: () => kept.length,
    append: (events) => Effect.sync(() => void kept.push(...events)),
    oldest: (limit) => Effect.sync(() => kept.slice(0, limit)),
    drop: (count) => Effect.sync(() => void kept.splice(0, count)),
  }
}

const given = Effect.gen(function* () {
  const { control, layer, shared } = yield* recordingLog
  const spool = memorySpool()
  const scope = yield* Effect.scope
  const open = (writer: string, kept: Spool['Service'] | undefined = spool) =>
    Effect.gen(function* () {
      const opened = ledgerLayer.layer({ writer, shared: { version: 'test', spool: kept } })
      const services = yield* Scope.provide(Layer.build(opened.pipe(Layer.provide(layer))), scope)
      return yield* Effect.provideContext(Ledger, services)
    })
  const rows = shared.read({ after: 0, limit: 10_000 })
  /** What has come to the log since this one listened last. */
  const hear = (ledger: Ledger['Service']) =>
    Effect.gen(function* () {
      yield* ledger.hear(yield* shared.read({ after: ledger.heard().position, limit: 10_000 }), 0)
    })
  return { control, open, spool, rows, hear }
})

const tags = (rows: readonly ReadEvent[]) => rows.map((row) => (row._tag === 'Known' ? row.recorded.event._tag : ''))
const known = (rows: readonly ReadEvent[]) => rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))

describe('a ledger that shares its log', () => {
  it.effect('joins with its own start, from which on the others are heard', () =>
    Effect.gen(function* () {
      const { open, rows } = yield* given
      const one = yield* open('one')
      one.record({ _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('a')]) }, 1)
      yield* TestClock.adjust(100)
      const two = yield* open('two')
      assert.deepStrictEqual(tags(yield* rows), ['BoxStarted', 'PolicyChanged', 'BoxStarted'])
      assert.strictEqual(two.heard().position, 3)
      assert.strictEqual(two.state.policyVersion, 1)
    }),
  )

  it.effect('notes how far it has heard, once for whatever came, and never because of notes alone', () =>
    Effect.gen(function* () {
      const { open, rows, hear } = yield* given
      const [one, two] = [yield* open('one'), yield* open('two')]
      for (let n = 0; n < 10; n++) one.record(note(n), n)
      yield* TestClock.adjust(100)
      yield* hear(two)
      yield* TestClock.adjust(100)
      const heard = known(yield* rows).filter(({ event }) => event._tag === 'PeersHeard')
      assert.deepStrictEqual(
        heard.map(({ writer, event }) => [writer, event._tag === 'PeersHeard' && event.upTo]),
        [['two', 12]],
      )
      // They answer each other's notes with nothing.
      for (let n = 0; n < 5; n++) {
        yield* hear(one)
        yield* hear(two)
        yield* TestClock.adjust(100)
      }
      const notes = tags(yield* rows).filter((tag) => tag === 'PeersHeard')
      // One of `one` for the start of `two`, and its own ten are no news to it.
      assert.lengthOf(notes, 2)
    }),
  )

  it.effect('agrees with the others on what was set for all at the same time: the last word is that of the log', () =>
    Effect.gen(function* () {
      const { open, rows, hear } = yield* given
      const [one, two] = [yield* open('one'), yield* open('two')]
      const set = (ledger: typeof one, only: string) => {
        const policy = policyOf([provider(only)])
        ledger.record({ _tag: 'SettingOverridden', path: 'routing.strategy', value: only, by: 'test' }, 1)
        ledger.record({ _tag: 'AlertsSilenced', until: only === 'a' ? 10 : 20, by: 'test' }, 1)
        ledger.record({ _tag: 'PolicyChanged', version: 1, policy }, 1)
      }
      set(one, 'a')
      set(two, 'b')
      yield* TestClock.adjust(100)
      for (let n = 0; n < 10; n++) {
        yield* hear(one)
        yield* hear(two)
        yield* TestClock.adjust(100)
      }
      const all = known(yield* rows)
      const last = all.findLast(({ event }) => event._tag === 'PolicyChanged')
      for (const { state } of [one, two]) {
        const { overrides, alerts } = state.projections
        assert.deepStrictEqual(
          state.policy.providers.map(({ id }) => id as string),
          [last?.writer === 'one' ? 'a' : 'b'],
        )
        assert.strictEqual(overrides.get('routing.strategy')?.value, last?.writer === 'one' ? 'a' : 'b')
        assert.deepStrictEqual(
          [...alerts.silences.values()],
          [{ kind: null, subject: null, until: last?.writer === 'one' ? 10 : 20 }],
        )
      }
      // And then nobody says anything any more.
      assert.isAtMost(tags(yield* rows).filter((tag) => tag === 'PeersHeard').length, 4)
      const replay = startReplay()
      for (const recorded of all) replay.next({ _tag: 'Known', recorded })
      replay.finish()
      assert.isUndefined(replay.difference())
    }),
  )

  it.effect('tells followers of everybody, in the order of the log, and observers of its own', () =>
    Effect.gen(function* () {
      const { open, hear, rows } = yield* given
      const [one, two] = [yield* open('one'), yield* open('two')]
      const own: string[] = []
      const all: number[] = []
      yield* two.subscribe((events) => void own.push(...events.map(({ writer }) => writer)))
      yield* two.follow((events) => void all.push(...events.map(({ position }) => position)))
      for (let n = 0; n < 5; n++) {
        one.record(note(n), n)
        two.record(note(100 + n), n)
        yield* TestClock.adjust(50)
      }
      yield* hear(two)
      assert.isTrue(own.length === 5 && own.every((writer) => writer === 'two'))
      assert.deepStrictEqual(
        all,
        known(yield* rows)
          .map(({ position }) => position)
          .slice(2, 2 + all.length),
      )
      assert.lengthOf(all, 10)
    }),
  )

  it.effect('keeps what the log does not take, tells nobody to wait for it, and brings it there in its order', () =>
    Effect.gen(function* () {
      const { control, open, rows, spool } = yield* given
      const one = yield* open('one')
      control.fail = unavailable
      one.record(note(1), 1)
      let done = false
      yield* Effect.forkScoped(
        Effect.andThen(
          one.committed,
          Effect.sync(() => (done = true)),
        ),
      )
      yield* TestClock.adjust(50)
      assert.isTrue(done)
      for (let n = 2; n < 6; n++) one.record(note(n), n)
      yield* TestClock.adjust(50)
      assert.lengthOf(spool.kept, 5)
      assert.strictEqual(one.health().spooled, 5)
      assert.isDefined(one.health().failingSince)
      control.fail = () => undefined
      one.record(note(6), 6)
      yield* TestClock.adjust(2_000)
      assert.deepStrictEqual(
        known(yield* rows).map(({ writerSeq }) => writerSeq),
        [1, 2, 3, 4, 5, 6, 7],
      )
      assert.strictEqual(one.health().spooled, 0)
      assert.isUndefined(one.health().failingSince)
    }),
  )

  it.effect('does not let answers wait for a log that is silent', () =>
    Effect.gen(function* () {
      const { control, open, rows, spool } = yield* given
      const one = yield* open('one')
      control.appendMs = 60_000
      one.record(note(1), 1)
      let done = false
      yield* Effect.forkScoped(
        Effect.andThen(
          one.committed,
          Effect.sync(() => (done = true)),
        ),
      )
      yield* TestClock.adjust(1_900)
      assert.isFalse(done)
      yield* TestClock.adjust(200)
      assert.isTrue(done)
      assert.lengthOf(spool.kept, 1)
      control.appendMs = 0
      yield* TestClock.adjust(120_000)
      assert.deepStrictEqual(
        known(yield* rows).map(({ writerSeq }) => writerSeq),
        [1, 2],
      )
    }),
  )

  it.effect('brings everything to the log once and in its order, whatever log and spool do', () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ log: fc.constantFrom('well', 'away', 'deaf', 'slow'), full: fc.boolean() })),
          (weather) =>
            Effect.gen(function* () {
              const { control, open, rows, spool } = yield* given
              const disk = { isFull: false }
              const full = Effect.fail(new EventLogError({ reason: { _tag: 'Unavailable', detail: 'full' } }))
              const one = yield* open('one', {
                ...spool,
                append: (events) => (disk.isFull ? full : Effect.delay(spool.append(events), 3)),
                drop: (count) => Effect.delay(spool.drop(count), 3),
              })
              let n = 0
              for (const { log, full: isFull } of [...weather, { log: 'well', full: false }]) {
                disk.isFull = isFull
                control.fail = () => (log === 'away' ? unavailable() : undefined)
                control.loseAnswer = () => log === 'deaf'
                control.appendMs = log === 'slow' ? 2_500 : 2
                for (let more = 0; more < 3; more++) {
                  one.record(note(++n), n)
                  yield* TestClock.adjust(40 + 61 * more)
                }
              }
              yield* TestClock.adjust('1 minute')
              assert.deepStrictEqual(
                known(yield* rows).map(({ writerSeq }) => writerSeq),
                Array.from({ length: n + 1 }, (_, index) => index + 1),
              )
              assert.strictEqual(one.health().spooled, 0)
              assert.isUndefined(one.health().failingSince)
            }).pipe(
              Effect.scoped,
              Effect.provide(TestClock.layer()),
              Effect.provideService(References.MinimumLogLevel, 'None'),
              Effect.runPromise,
            ),
        ),
        { numRuns: 100 },
      ),
    ),
  )

  it.effect('says a thing once whose commit it did not hear of', () =>
    Effect.gen(function* () {
      const { control, open, rows } = yield* given
      const one = yield* open('one')
      control.loseAnswer = () => true
      one.record(note(1), 1)
      yield* TestClock.adjust(50)
      control.loseAnswer = () => false
      one.record(note(2), 2)
      yield* TestClock.adjust(2_000)
      assert.deepStrictEqual(
        known(yield* rows).map(({ writerSeq }) => writerSeq),
        [1, 2, 3],
      )
    }),
  )
})

describe('the replay of a shared log', () => {
  it.effect('finds a decision that its instance could not have made by what it knew', () =>
    Effect.gen(function* () {
      const { open, rows, hear } = yield* given
      const [one, two] = [yield* open('one'), yield* open('two')]
      one.record({ _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('a'), provider('b')]) }, 1)
      yield* TestClock.adjust(100)
      yield* hear(two)
      one.record(admit(1), 2)
      one.record(fail(1), 3)
      yield* TestClock.adjust(100)
      // It has not heard that `a` is at its limit.
      two.record(admit(2), 4)
      yield* TestClock.adjust(100)
      yield* hear(two)
      two.record(admit(3), 5)
      yield* TestClock.adjust(100)
      const all = known(yield* rows)
      const orders = all.flatMap(({ event, writer }) =>
        event._tag === 'RouteChosen' && writer === 'two' ? [event.order] : [],
      )
      assert.deepStrictEqual(orders as readonly unknown[], [['a', 'b'], ['b']])
      const differs = (events: typeof all) => {
        const replay = startReplay()
        for (const recorded of events) replay.next({ _tag: 'Known', recorded })
        replay.finish()
        return replay.difference()
      }
      assert.isUndefined(differs(all))
      // Had it not heard of the limit, its second route would have been like its first.
      const deaf = all.map((recorded) =>
        recorded.event._tag === 'PeersHeard' && recorded.event.upTo > 4
          ? { ...recorded, event: { ...recorded.event, upTo: 4 } }
          : recorded,
      )
      assert.strictEqual(differs(deaf)?.what, 'decision')
    }),
  )

  it.effect('remembers only so much for one that hears nothing, and then knows no more what it knew', () =>
    Effect.gen(function* () {
      const { open, rows, hear } = yield* given
      const [one, two, deaf] = [yield* open('one'), yield* open('two'), yield* open('deaf')]
      one.record({ _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('a')]) }, 1)
      yield* TestClock.adjust(100)
      for (let n = 0; n < 60; n++) {
        one.record(note(n), n)
        if (n % 30 !== 29) continue
        yield* TestClock.adjust(100)
        yield* hear(two)
      }
      two.record(admit(1), 2)
      deaf.record(admit(2), 2)
      yield* TestClock.adjust(100)
      const all = known(yield* rows)
      const uncheckedOf = (mostUnheard: number) => {
        const replay = startReplay({ mostUnheard })
        for (const recorded of all) replay.next({ _tag: 'Known', recorded })
        replay.finish()
        assert.isUndefined(replay.difference())
        return replay.counts().unchecked
      }
      assert.deepStrictEqual([uncheckedOf(100), uncheckedOf(50), uncheckedOf(20)], [0, 1, 2])
    }),
  )

  it.effect('says of how many decisions it cannot know what was known', () =>
    Effect.gen(function* () {
      const { open, rows } = yield* given
      const one = yield* open('one')
      one.record({ _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('a')]) }, 1)
      yield* TestClock.adjust(100)
      const two = yield* open('two')
      two.record({ _tag: 'InstanceLost', instance: 'one' }, 2)
      yield* TestClock.adjust(100)
      one.record(admit(1), 3)
      yield* TestClock.adjust(100)
      const replay = startReplay()
      for (const recorded of known(yield* rows)) replay.next({ _tag: 'Known', recorded })
      replay.finish()
      assert.isUndefined(replay.difference())
      assert.strictEqual(replay.counts().unchecked, 1)
    }),
  )
})
