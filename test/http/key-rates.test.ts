/**
 * The buckets of client keys: of one instance, and of several that count together.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import fc from 'fast-check'
import { Cluster } from '#actors/cluster.ts'
import { ownRates, type RatedKind, sharedRates } from '#http/key-rates.ts'
import { layerMemory as clusterMemory, makeClusterStore } from '#infra/cluster/memory.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { EPOCH } from '#test/generators.ts'

/** Of one instance, which never waits. */
const own = () => {
  const rates = ownRates().messages
  return {
    take: (keyId: string, perMinute: number, now: number) => Effect.runSync(rates.take(keyId, perMinute, now)),
  }
}

describe('the bucket of a key', () => {
  it('holds a minute’s requests, and tells how long it takes until there is another', () => {
    const rates = own()
    for (let n = 0; n < 6; n++) expect(rates.take('key_1', 6, EPOCH)).toBeUndefined()
    expect(rates.take('key_1', 6, EPOCH)).toBe(10_000)
    expect(rates.take('key_1', 6, EPOCH + 4_000)).toBeCloseTo(6_000)
    expect(rates.take('key_1', 6, EPOCH + 10_000)).toBeUndefined()
    expect(rates.take('key_1', 6, EPOCH + 10_000)).toBeCloseTo(10_000)
  })

  it('is its own', () => {
    const rates = own()
    expect(rates.take('key_1', 1, EPOCH)).toBeUndefined()
    expect(rates.take('key_1', 1, EPOCH)).toBe(60_000)
    expect(rates.take('key_2', 1, EPOCH)).toBeUndefined()
  })

  it('is never fuller than full, and gains nothing from a clock that is set back', () => {
    const rates = own()
    expect(rates.take('key_1', 2, EPOCH)).toBeUndefined()
    const later = EPOCH + 3_600_000
    expect([1, 2, 3].map(() => rates.take('key_1', 2, later) === undefined)).toEqual([true, true, false])
    expect(rates.take('key_1', 2, EPOCH)).toBeDefined()
  })

  it('lets through what it says, and no more than a full bucket and what flowed in since', () => {
    const steps = fc.array(fc.nat(20_000), { minLength: 1, maxLength: 80 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), steps, (perMinute, waits) => {
        const rates = own()
        let at = EPOCH
        let passed = 0
        for (const wait of waits) {
          at += wait
          const left = rates.take('key_1', perMinute, at)
          if (left === undefined) passed++
          else expect(left).toBeGreaterThan(0)
        }
        expect(passed).toBeLessThanOrEqual(perMinute + ((at - EPOCH) * perMinute) / 60_000 + 1e-6)
      }),
    )
  })

  it('has a token when it said that it would', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), (perMinute) => {
        const rates = own()
        let left: number | undefined
        while (left === undefined) left = rates.take('key_1', perMinute, EPOCH)
        expect(rates.take('key_1', perMinute, EPOCH + Math.ceil(left))).toBeUndefined()
      }),
    )
  })
})

/** Instances at one store, in virtual time. `asked`: how often the store was. */
const instances = (count: number) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(EPOCH)
    const store = { isAway: false, asked: 0 }
    const shared = makeClusterStore({
      fail: () => {
        store.asked += 1
        return store.isAway ? { _tag: 'Unavailable', detail: 'the database is away' } : undefined
      },
    })
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const all = yield* Effect.forEach(Array.from({ length: count }), () =>
      Effect.map(
        Effect.provide(Cluster, clusterMemory(shared).pipe(Layer.provide(layerMemory())), { local: true }),
        (cluster) => sharedRates(cluster, now),
      ),
    )
    const take = (instance: number, perMinute: number, kind: RatedKind = 'messages', keyId = 'key_1') =>
      Effect.suspend(() => all[instance % count]![kind].take(keyId, perMinute, now()))
    return { store, take }
  })

describe('instances that share a log', () => {
  it.effect('count the requests of a key together, each kind apart', () =>
    Effect.gen(function* () {
      const { take } = yield* instances(3)
      for (let n = 0; n < 6; n++) expect(yield* take(n, 6)).toBeUndefined()
      for (let n = 0; n < 3; n++) expect(yield* take(n, 6)).toBe(10_000)
      expect(yield* take(0, 6, 'tokenCounts')).toBeUndefined()
      expect(yield* take(0, 6, 'messages', 'key_2')).toBeUndefined()
      yield* TestClock.adjust(10_000)
      expect(yield* take(1, 6)).toBeUndefined()
      expect(yield* take(2, 6)).toBe(10_000)
    }),
  )

  it.effect('let together no more through than one would, whichever is asked when', () =>
    Effect.gen(function* () {
      const steps = fc.array(fc.record({ wait: fc.nat(20_000), instance: fc.nat(3) }), { minLength: 1, maxLength: 80 })
      const drawn = fc.record({ perMinute: fc.integer({ min: 1, max: 60 }), steps })
      for (const { perMinute, steps } of fc.sample(drawn, 60)) {
        const { take } = yield* instances(4)
        const alone = own()
        let at = EPOCH
        for (const { wait, instance } of steps) {
          at += wait
          yield* TestClock.setTime(at)
          const waitMs = yield* take(instance, perMinute)
          // The store reckons in whole microseconds, rounded up.
          const expected = alone.take('key', perMinute, at)
          if (waitMs === undefined) expect(expected).toBeUndefined()
          else expect(Math.abs(waitMs - (expected ?? 0))).toBeLessThanOrEqual(1)
          if (waitMs !== undefined && expected === undefined) break
        }
      }
    }),
  )

  it.effect('do not ask the store for a client that has used up its share of it by itself', () =>
    Effect.gen(function* () {
      const { store, take } = yield* instances(2)
      for (let n = 0; n < 2; n++) yield* take(0, 2)
      expect(store.asked).toBe(2)
      for (let n = 0; n < 50; n++) expect(yield* take(0, 2)).toBe(30_000)
      expect(store.asked).toBe(2)
      // The other has let nothing through: what it was refused is not held against the key.
      for (let n = 0; n < 50; n++) expect(yield* take(1, 2)).toBe(30_000)
      yield* TestClock.adjust(60_000)
      expect(yield* take(1, 2)).toBeUndefined()
      expect(yield* take(1, 2)).toBeUndefined()
    }),
  )

  it.effect('count each for itself while the store is away, and together again when it is back', () =>
    Effect.gen(function* () {
      const { store, take } = yield* instances(2)
      expect(yield* take(0, 3)).toBeUndefined()
      store.isAway = true
      // What it has taken by itself counts.
      expect([yield* take(0, 3), yield* take(0, 3), yield* take(0, 3)]).toEqual([undefined, undefined, 20_000])
      for (let n = 0; n < 3; n++) expect(yield* take(1, 3)).toBeUndefined()
      expect(yield* take(1, 3)).toBe(20_000)
      // Each has asked once, and then left it in peace.
      expect(store.asked).toBe(3)
      store.isAway = false
      yield* TestClock.adjust(60_000)
      for (let n = 0; n < 3; n++) expect(yield* take(n, 3)).toBeUndefined()
      expect(yield* take(0, 3)).toBe(20_000)
    }),
  )
})
