/**
 * Several instances on one log, in the time of the test clock.
 */
import { assert, describe, expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { TestClock } from 'effect/testing'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import { LOST_MS } from '#actors/membership.ts'
import { defaultBreaker, defaultPolicy } from '#domain/policy.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { answers } from '#test/box.ts'
import { openInstances } from '#test/instances.ts'

const names = (events: readonly RecordedEvent[]) => events.map(({ event }) => event._tag)
const of = <T extends RecordedEvent['event']['_tag']>(events: readonly RecordedEvent[], tag: T) =>
  events.flatMap((recorded) =>
    recorded.event._tag === tag
      ? [{ ...recorded, event: recorded.event as Extract<RecordedEvent['event'], { readonly _tag: T }> }]
      : [],
  )

const stateOf = (life: { readonly ledger: { readonly state: { readonly machines: ReadonlyMap<string, unknown> } } }) =>
  (life.ledger.state.machines.get('a') as { readonly state: string } | undefined)?.state

const intelligent = { ...defaultPolicy.routing, strategy: 'intelligent' as const }
const price = { input: 100, output: 1_000, cacheRead: 10, cacheWrite5m: 100, cacheWrite1h: 100 }

describe('instances on one log', () => {
  it.effect('hear within a second that a provider is broken, also without a hint', () =>
    Effect.gen(function* () {
      for (const hints of [true, false]) {
        const all = yield* openInstances({
          scripts: { a: () => answers.error(500, 'api_error'), b: () => answers.stream('yes') },
          hints,
        })
        const [one, two] = [yield* all.start('one'), yield* all.start('two')]
        for (let n = 0; n < 5; n++) yield* one.send()
        yield* TestClock.adjust(50)
        assert.strictEqual(stateOf(one), 'openCircuit')
        yield* TestClock.adjust(1_000)
        assert.strictEqual(stateOf(two), 'openCircuit')
        const { seen } = yield* two.send()
        yield* TestClock.adjust(1_000)
        assert.strictEqual(seen.status, 200)
        const events = yield* all.events
        assert.lengthOf(of(events, 'CircuitOpened'), 1)
        assert.deepStrictEqual(
          of(events, 'AttemptStarted')
            .filter(({ writer }) => writer === 'two')
            .map(({ event }) => event.provider),
          ['b'],
        )
      }
    }),
  )

  it.effect('conclude together what none of them would alone, and a replay concludes it again', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({
        scripts: { a: () => answers.error(500, 'api_error'), b: () => answers.stream('yes') },
      })
      const [one, two] = [yield* all.start('one'), yield* all.start('two')]
      for (let n = 0; n < 3; n++) yield* one.send()
      yield* TestClock.adjust(1_000)
      assert.strictEqual(stateOf(one), 'healthy')
      for (let n = 0; n < 2; n++) yield* two.send()
      yield* TestClock.adjust(1_000)
      assert.strictEqual(stateOf(one), 'openCircuit')
      assert.strictEqual(stateOf(two), 'openCircuit')
      const { difference, counts } = yield* all.replayed
      assert.isUndefined(difference)
      assert.strictEqual(counts.unchecked, 0)
    }),
  )

  it.effect('leave what a past route knew to the replay, however their events lie between each other', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({
        scripts: {
          a: (n) => (n % 7 < 3 ? answers.error(n % 2 === 0 ? 529 : 500, 'overloaded_error') : answers.stream('a')),
          b: (n) =>
            n % 11 === 0 ? answers.error(429, 'rate_limit_error', [['retry-after', '2']]) : answers.stream('b'),
          c: () => answers.stream('c'),
        },
        policy: { routing: intelligent },
      })
      const lives = yield* Effect.forEach(['one', 'two', 'three'], all.start)
      for (let n = 0; n < 240; n++) {
        yield* lives[n % 3]!.send({ sessionId: `s${n % 5}` })
        yield* TestClock.adjust(37 + (n % 13) * 20)
      }
      yield* TestClock.adjust('20 seconds')
      const { difference, counts } = yield* all.replayed
      assert.isUndefined(difference)
      expect(counts.decisions).toBeGreaterThan(240)
      // Otherwise this shows nothing.
      expect(names(yield* all.events).filter((tag) => tag === 'PeersHeard').length).toBeGreaterThan(50)
    }),
  )

  it.effect('send at most one probe among them', () =>
    Effect.gen(function* () {
      let broken = true
      const all = yield* openInstances({
        scripts: {
          a: () => (broken ? answers.error(500, 'api_error') : answers.stream('a', { firstMs: 3_000 })),
          b: () => answers.stream('b'),
        },
        // Nobody hears of the other's probe but by asking.
        hints: false,
        storeMs: 20,
      })
      const lives = yield* Effect.forEach(['one', 'two', 'three', 'four', 'five'], all.start)
      for (let n = 0; n < 5; n++) yield* lives[0]!.send()
      yield* TestClock.adjust(1_000)
      broken = false
      yield* TestClock.adjust('12 seconds')
      for (const life of lives) assert.strictEqual(stateOf(life), 'halfOpen')
      // All at once, before anybody can hear of the other's.
      for (const life of lives) for (let n = 0; n < 3; n++) yield* life.send()
      yield* TestClock.adjust(100)
      // Nor while the first is under way, before the others can have heard of it.
      for (const life of lives) yield* life.send()
      yield* TestClock.adjust(1_900)
      const probes = of(yield* all.events, 'AttemptStarted').filter(({ event }) => event.probe !== undefined)
      assert.lengthOf(probes, 1)
      yield* TestClock.adjust('1 minute')
      assert.isUndefined((yield* all.replayed).difference)
    }),
  )

  it.effect('probe again after a client that left while the lease of its probe was on its way', () =>
    Effect.gen(function* () {
      let broken = true
      const all = yield* openInstances({
        scripts: { a: () => (broken ? answers.error(500, 'api_error') : answers.stream('a')) },
        provider: { breaker: { ...defaultBreaker, probeLeaseMs: 10_000 } },
        storeMs: 50,
      })
      const one = yield* all.start('one')
      for (let n = 0; n < 5; n++) yield* one.send()
      yield* TestClock.adjust(1_000)
      broken = false
      yield* TestClock.adjust('15 seconds')
      assert.strictEqual(stateOf(one), 'halfOpen')
      const { fiber } = yield* one.send()
      yield* TestClock.adjust(20)
      const left = yield* Effect.forkScoped(Fiber.interrupt(fiber))
      yield* TestClock.adjust(200)
      yield* Fiber.join(left)
      const { seen } = yield* one.send()
      yield* TestClock.adjust(2_000)
      assert.strictEqual(seen.status, 200)
      assert.lengthOf(of(yield* all.events, 'RequestCancelled'), 1)
    }),
  )

  it.effect('ask a provider that may be well again while the store is away, if nobody else is left', () =>
    Effect.gen(function* () {
      let broken = true
      const all = yield* openInstances({
        scripts: { a: () => (broken ? answers.error(500, 'api_error') : answers.stream('a')) },
        spool: true,
      })
      const one = yield* all.start('one')
      yield* TestClock.adjust(1_000)
      all.store.away = true
      for (let n = 0; n < 5; n++) yield* one.send()
      yield* TestClock.adjust(1_000)
      assert.strictEqual(stateOf(one), 'openCircuit')
      // The last resort of an open circuit, then the probe of one that is half open.
      const resort = yield* one.send()
      yield* TestClock.adjust('20 seconds')
      assert.strictEqual(resort.seen.status, 500)
      assert.strictEqual(stateOf(one), 'halfOpen')
      broken = false
      const { seen } = yield* one.send()
      yield* TestClock.adjust(2_000)
      assert.strictEqual(seen.status, 200)
      all.store.away = false
      yield* TestClock.adjust(5_000)
      const probes = of(yield* all.events, 'AttemptStarted').filter(({ event }) => event.probe !== undefined)
      assert.deepStrictEqual(
        probes.map(({ event }) => event.lastResort),
        [true, true],
      )
      assert.isUndefined((yield* all.replayed).difference)
    }),
  )

  it.effect('spend no more of a hard budget together than it holds', () =>
    Effect.gen(function* () {
      const limitNanoUsd = 200_000_000
      const all = yield* openInstances({
        scripts: { a: () => answers.stream('yes') },
        policy: { budgets: [{ name: 'daily', period: 'day', limitNanoUsd, hard: {} }] },
        provider: { prices: { '*': price } },
        hints: false,
      })
      const lives = yield* Effect.forEach(['one', 'two', 'three', 'four'], all.start)
      for (let n = 0; n < 1_000; n++) yield* lives[n % 4]!.send({ maxTokens: 10 })
      yield* TestClock.adjust('1 minute')
      const events = yield* all.events
      const spent = of(events, 'AttemptSucceeded').reduce((sum, { event }) => sum + (event.costNanoUsd ?? 0), 0)
      // Each may cost 12.6 million at most, so that fifteen fit at once, and each costs 8.05 in the end.
      expect(of(events, 'AttemptSucceeded')).toHaveLength(15)
      expect(spent).toBeLessThanOrEqual(limitNanoUsd)
      // What was held back and not needed is there for all of them again.
      for (let n = 0; n < 100; n++) {
        yield* lives[n % 4]!.send({ maxTokens: 10 })
        yield* TestClock.adjust('3 seconds')
      }
      const after = of(yield* all.events, 'AttemptSucceeded').reduce(
        (sum, { event }) => sum + (event.costNanoUsd ?? 0),
        0,
      )
      expect(after).toBeLessThanOrEqual(limitNanoUsd)
      expect(after).toBeGreaterThan(limitNanoUsd - 12_600_000)
    }),
  )

  it.effect('keep a common limit', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({
        scripts: { a: () => answers.stream('yes') },
        provider: { limits: { requestsPerMinute: 60 } },
        hints: false,
      })
      const lives = yield* Effect.forEach(['one', 'two', 'three'], all.start)
      const start = all.now()
      for (let n = 0; n < 600; n++) {
        yield* lives[n % 3]!.send()
        yield* TestClock.adjust(100)
      }
      const started = of(yield* all.events, 'AttemptStarted').map(({ occurredAt }) => occurredAt)
      for (const [index, at] of started.entries()) expect(index + 1).toBeLessThanOrEqual(60 + (at - start) / 1_000 + 1)
      expect(started.length).toBeGreaterThan(100)
    }),
  )

  it.effect('hold what the store takes to answer against no provider', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({
        scripts: { a: () => answers.stream('yes') },
        provider: { limits: { requestsPerMinute: 60 } },
        storeMs: 300,
      })
      const one = yield* all.start('one')
      yield* one.send()
      yield* TestClock.adjust(2_000)
      const events = yield* all.events
      const [[admitted], [started], [ended]] = [
        of(events, 'RequestAdmitted'),
        of(events, 'AttemptStarted'),
        of(events, 'AttemptSucceeded'),
      ]
      assert.strictEqual((started?.occurredAt ?? 0) - (admitted?.occurredAt ?? 0), 300)
      assert.strictEqual(ended?.event.ttftMs, 110)
    }),
  )

  it.effect('close the requests of one that died, once', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({ scripts: { a: () => answers.stream('slow', { firstMs: 120_000 }) } })
      const [one, two, three] = [yield* all.start('one'), yield* all.start('two'), yield* all.start('three')]
      yield* one.send()
      yield* two.send()
      yield* TestClock.adjust(2_000)
      yield* one.kill
      yield* TestClock.adjust(LOST_MS - 3_000)
      assert.lengthOf(of(yield* all.events, 'InstanceLost'), 0)
      yield* TestClock.adjust(LOST_MS)
      const events = yield* all.events
      assert.deepStrictEqual(
        of(events, 'InstanceLost').map(({ event }) => event.instance),
        ['one'],
      )
      assert.deepStrictEqual(
        of(events, 'RequestAbandoned').map(({ event }) => event.requestId as string),
        ['req_0001'],
      )
      assert.strictEqual(two.ledger.state.projections.requests.inFlight.size, 1)
      assert.strictEqual(three.membership?.present(), 2)
      assert.isUndefined((yield* all.replayed).difference)
    }),
  )

  it.effect('go on while the database is away, and bring everything to the log in its order when it is back', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({ scripts: { a: () => answers.stream('yes') }, spool: true })
      const lives = yield* Effect.forEach(['one', 'two', 'three'], all.start)
      yield* TestClock.adjust(1_000)
      all.store.away = true
      const sent = []
      for (let n = 0; n < 90; n++) {
        sent.push(yield* lives[n % 3]!.send())
        yield* TestClock.adjust(666)
      }
      for (const { seen } of sent) assert.isTrue(seen.ended && seen.status === 200)
      expect(lives[0]!.ledger.health().spooled).toBeGreaterThan(100)
      all.store.away = false
      yield* TestClock.adjust(5_000)
      const events = yield* all.events
      assert.lengthOf(of(events, 'AttemptSucceeded'), 90)
      for (const life of lives) {
        const own = events.filter(({ writer }) => writer === life.ledger.writer).map(({ writerSeq }) => writerSeq)
        assert.deepStrictEqual(
          own,
          Array.from(own, (_, index) => index + 1),
        )
        assert.strictEqual(life.ledger.health().spooled, 0)
        assert.isUndefined(life.ledger.health().failingSince)
      }
      assert.lengthOf(of(events, 'InstanceLost'), 0)
      assert.isUndefined((yield* all.replayed).difference)
    }),
  )

  it.effect('go on when what they do beside the requests meets a bug', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({ scripts: { a: () => answers.stream('yes') } })
      const [one, two] = [yield* all.start('one'), yield* all.start('two')]
      yield* TestClock.adjust(2_000)
      all.store.hasBug = true
      yield* TestClock.adjust(8_000)
      all.store.hasBug = false
      yield* one.send()
      yield* TestClock.adjust(70_000)
      assert.strictEqual(two.ledger.state.projections.traffic.totals.succeeded, 1)
      assert.strictEqual(two.membership?.present(), 2)
      assert.isTrue(one.membership?.isLeader() === true || two.membership?.isLeader() === true)
      expect((yield* all.log.latestSnapshot(STATE_VERSION))?.position).toBeGreaterThan(0)
    }),
  )

  it.effect('serve a session where its cache is warm, whoever of them is asked', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({
        scripts: { a: () => answers.stream('a'), b: () => answers.stream('b') },
        policy: { routing: intelligent },
        provider: { prices: { '*': price } },
      })
      const lives = yield* Effect.forEach(['one', 'two', 'three'], all.start)
      yield* lives[0]!.send({ sessionId: 's' })
      yield* TestClock.adjust(2_000)
      for (let n = 0; n < 12; n++) {
        yield* lives[n % 3]!.send({ sessionId: 's' })
        yield* TestClock.adjust(2_000)
      }
      const served = new Set(of(yield* all.events, 'AttemptSucceeded').map(({ event }) => event.provider))
      assert.strictEqual(served.size, 1)
    }),
  )

  it.effect('take a start as the fold of the log, from the snapshot that their leader stored', () =>
    Effect.gen(function* () {
      const all = yield* openInstances({ scripts: { a: () => answers.stream('yes') } })
      const [one, two] = [yield* all.start('one'), yield* all.start('two')]
      for (let n = 0; n < 20; n++) {
        yield* (n % 2 === 0 ? one : two).send()
        yield* TestClock.adjust(4_000)
      }
      const snapshot = yield* all.log.latestSnapshot(STATE_VERSION)
      expect(snapshot?.position).toBeGreaterThan(50)
      const three = yield* all.start('three')
      expect(three.ledger.state.projections.traffic.totals).toEqual(one.ledger.state.projections.traffic.totals)
      yield* one.stop
      yield* TestClock.adjust(7_000)
      assert.isTrue(two.membership?.isLeader() === true || three.membership?.isLeader() === true)
    }),
  )
})
