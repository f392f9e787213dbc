/**
 * What every store of what instances share must do, whichever database it is. The whole suite runs on one store: each test has
 * names of its own in it. Limits and money have files of their own.
 */
import { expect, layer } from '@effect/vitest'
import { Effect, Fiber, type Layer } from 'effect'
import fc from 'fast-check'
import type { InstanceBeat } from '#actors/cluster.ts'
import type { EventLogError } from '#actors/ports.ts'
import { moneyContract } from '#test/cluster-money-contract.ts'
import { rateContract } from '#test/cluster-rate-contract.ts'
import {
  always,
  freshName,
  INSTANCES,
  instanceOf,
  MINUTE_MS,
  SharedStore,
  type StoreTests,
} from '#test/shared-store.ts'

/** Runs the contract; `makeLayer` gives an empty store. `isLive`: the store's clock is a real one. */
export const clusterContract = (
  name: string,
  makeLayer: () => Layer.Layer<SharedStore, EventLogError>,
  { isLive }: { readonly isLive: boolean },
): void => {
  layer(makeLayer(), { excludeTestServices: isLive })(`${name} cluster`, (it) => {
    presenceContract(it)
    leaseContract(it)
    hintContract(it)
    rateContract(it)
    moneyContract(it)
  })
}

const presenceContract = (it: StoreTests): void => {
  const beatOf = (writer: string, startedAt: number): InstanceBeat => ({
    ...{ writer, name: `host of ${writer}`, version: '1.2.3', startedAt, heardTo: 7 },
  })

  it.effect('tells who is there, since when each is silent, and what each said last', () =>
    Effect.gen(function* () {
      const { instances, pass } = yield* SharedStore
      const [older, younger] = [beatOf(freshName('box'), 2_000), beatOf(freshName('box'), 1_000)]
      yield* instances[0]!.beat(older)
      yield* instances[0]!.beat({ ...older, heardTo: 8 })
      yield* pass(5 * MINUTE_MS)
      const seen = (yield* instances[1]!.beat(younger)).filter(({ writer }) => isOneOf(writer, older, younger))
      expect(seen).toEqual([
        { ...younger, silentForMs: 0 },
        { ...older, heardTo: 8, silentForMs: expect.toSatisfy(isAbout(5 * MINUTE_MS)) },
      ])
    }),
  )

  it.effect('tells no more of those who left, and of those who were silent for a day', () =>
    Effect.gen(function* () {
      const { instances, pass } = yield* SharedStore
      const [gone, silent, self] = ['box', 'box', 'box'].map((of, at) => beatOf(freshName(of), at))
      yield* instances[0]!.beat(gone!)
      yield* instances[1]!.beat(silent!)
      yield* instances[0]!.leave(gone!.writer)
      yield* pass(23 * 60 * MINUTE_MS)
      const others = Effect.map(instances[2]!.beat(self!), (seen) =>
        seen.map(({ writer }) => writer).filter((writer) => isOneOf(writer, gone!, silent!)),
      )
      expect(yield* others).toEqual([silent!.writer])
      yield* pass(61 * MINUTE_MS)
      expect(yield* others).toEqual([])
      // As after a long sleep of its machine.
      yield* instances[1]!.beat(silent!)
      expect(yield* others).toEqual([silent!.writer])
    }),
  )
}

const isOneOf = (writer: string, ...beats: readonly InstanceBeat[]): boolean =>
  beats.some((beat) => beat.writer === writer)

/** A real clock goes on while a test runs, but not for half a minute. */
const isAbout = (ms: number) => (actual: number) => actual >= ms && actual < ms + MINUTE_MS / 2

const leaseContract = (it: StoreTests): void => {
  it.effect('gives a lease to one of all who ask at once', () =>
    Effect.gen(function* () {
      const { instances } = yield* SharedStore
      const name = freshName('lease')
      const asked = yield* Effect.forEach(instances, (one, n) => one.lease(name, `box ${n}`, MINUTE_MS), {
        concurrency: 'unbounded',
      })
      expect(asked.filter((held) => held !== undefined)).toHaveLength(1)
    }),
  )

  it.effect('never lets two hold a lease while all take it from each other, and counts the holders', () =>
    Effect.gen(function* () {
      const { instances } = yield* SharedStore
      const name = freshName('lease')
      const tokens: number[] = []
      let holders = 0
      const turn = Effect.fnUntraced(function* (n: number) {
        const held = yield* instanceOf(instances, n).lease(name, `box ${n}`, 10 * MINUTE_MS)
        if (held === undefined) return
        expect(++holders).toBe(1)
        tokens.push(held.token)
        expect((yield* instanceOf(instances, n).lease(name, `box ${n}`, 10 * MINUTE_MS))?.token).toBe(held.token)
        expect(holders--).toBe(1)
        yield* instanceOf(instances, n).release(name, `box ${n}`)
      })
      const turns = Array.from({ length: 15 * INSTANCES }, (_, n) => turn(n))
      yield* Effect.all(turns, { concurrency: INSTANCES })
      expect(tokens.length).toBeGreaterThan(1)
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
    }),
  )

  it.effect('hands a lease over when its time is up or it is given up, and to nobody before', () =>
    Effect.gen(function* () {
      const { instances, pass } = yield* SharedStore
      const steps = fc.array(
        fc.oneof(
          fc.record({ _tag: fc.constant('Lease' as const), n: fc.nat(2), minutes: fc.integer({ min: 1, max: 6 }) }),
          fc.record({ _tag: fc.constant('Release' as const), n: fc.nat(2) }),
          fc.record({ _tag: fc.constant('Leave' as const), n: fc.nat(2) }),
          fc.record({ _tag: fc.constant('Pass' as const), minutes: fc.integer({ min: 1, max: 4 }) }),
        ),
        { maxLength: 16 },
      )
      yield* always(steps, 25, (drawn) =>
        Effect.gen(function* () {
          const name = freshName('lease')
          const holderOf = (n: number) => `box ${n} of ${name}`
          let held = { holder: '', token: 0, ends: 0 }
          let now = 0
          for (const step of drawn) {
            if (step._tag === 'Pass') {
              now += step.minutes
              yield* pass(step.minutes * MINUTE_MS)
              continue
            }
            const [instance, holder] = [instanceOf(instances, step.n), holderOf(step.n)]
            if (step._tag !== 'Lease') {
              if (step._tag === 'Release') yield* instance.release(name, holder)
              else yield* instance.leave(holder)
              if (held.holder === holder) held = { ...held, holder: '' }
              continue
            }
            // Half a minute beside the minutes that pass, so that a real clock's own seconds decide nothing.
            const forMs = (step.minutes - 0.5) * MINUTE_MS
            const answer = yield* instance.lease(name, holder, forMs)
            if (held.holder !== '' && held.holder !== holder && held.ends > now) {
              expect(answer).toBeUndefined()
              continue
            }
            held = { holder, token: held.token + (held.holder === holder ? 0 : 1), ends: now + step.minutes - 0.5 }
            expect(answer).toEqual({ name, token: held.token, leftMs: expect.toSatisfy(isNearly(forMs)) })
          }
        }),
      )
    }),
  )
}

/** What is left of a time when the answer comes: not more, and not much less. */
const isNearly = (ms: number) => (actual: number) => actual <= ms && actual > ms - MINUTE_MS / 2

const hintContract = (it: StoreTests): void => {
  /** How long a wait of an instance for the log takes while `meanwhile` happens, in ms. */
  const waited = Effect.fnUntraced(function* <E, R>(
    position: number,
    pollMs: number,
    meanwhile: Effect.Effect<void, E, R>,
  ) {
    const { instances, nowMs } = yield* SharedStore
    const from = yield* nowMs
    const wait = Effect.andThen(instances[1]!.waitBeyond(position, pollMs), nowMs)
    const fiber = yield* Effect.forkChild(wait, { startImmediately: true })
    yield* meanwhile
    return (yield* Fiber.join(fiber)) - from
  })

  it.effect('wakes who waits for the log by a hint, before they would look', () =>
    Effect.gen(function* () {
      const { instances, append } = yield* SharedStore
      yield* Effect.sleep(0).pipe(Effect.repeat({ until: () => instances[1]!.counts().listening }))
      const before = yield* append
      const heard = instances[1]!.counts().hintsHeard
      const told = Effect.map(append, (position) => instances[0]!.grew(position))
      expect(yield* waited(before, 2_000, told)).toBeLessThan(1_900)
      expect(instances[1]!.counts().hintsHeard).toBe(heard + 1)
    }),
  )

  it.effect('does not wait when the hint was there before', () =>
    Effect.gen(function* () {
      const { instances, append } = yield* SharedStore
      const before = yield* append
      const heard = instances[1]!.counts().hintsHeard
      instances[0]!.grew(yield* append)
      yield* Effect.yieldNow.pipe(Effect.repeat({ until: () => instances[1]!.counts().hintsHeard > heard }))
      expect(yield* waited(before, 2_000, Effect.void)).toBeLessThan(1_900)
    }),
  )

  it.effect('lets who waits look for themselves, when no hint comes', () =>
    Effect.gen(function* () {
      const { append, waitOut } = yield* SharedStore
      const before = yield* append
      yield* append
      const took = yield* waited(before, 150, waitOut)
      expect(took).toBeGreaterThanOrEqual(149)
      expect(took).toBeLessThan(1_900)
    }),
  )

  it.effect('lets nobody wait for longer than two seconds, and wakes nobody by a hint that is wrong', () =>
    Effect.gen(function* () {
      const { instances, append, waitOut } = yield* SharedStore
      const before = yield* append
      const wrong = Effect.sync(() => instances[0]!.grew(before + 1_000_000))
      expect(yield* waited(before, 60_000, Effect.andThen(wrong, waitOut))).toBeGreaterThanOrEqual(1_990)
      expect(yield* waited(before, 60_000, waitOut)).toBeGreaterThanOrEqual(1_990)
    }),
  )
}
