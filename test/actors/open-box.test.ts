import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { encodeState } from '#actors/gateway-state.ts'
import { Ledger } from '#actors/ledger.ts'
import { changePolicy, closeBox, openBox } from '#actors/open-box.ts'
import { startReplay } from '#actors/replay.ts'
import { isTerminal } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, providerId } from '#domain/ids.ts'
import { defaultBreaker, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import { known, policyOf, provider } from '#test/box.ts'
import { admit, recordingLog } from '#test/recording-log.ts'

const policy = policyOf([provider('a'), provider('b')])
const model = modelId('claude-sonnet-5-5')
const a = providerId('a')

/** A log on which one box after the other is opened. */
const given = Effect.gen(function* () {
  const log = yield* recordingLog
  const open = (writer: string, inForce: Policy = policy) =>
    Effect.gen(function* () {
      const ledger = yield* log.open(writer)
      const opened = yield* settle(
        openBox({ policy: inForce, version: 'test' }).pipe(Effect.provideService(Ledger, ledger)),
      )
      return { ledger, opened }
    })
  const rows = Effect.map(log.shared.read({ after: 0, limit: 10_000 }), known)
  return { ...log, open, rows }
})

/** Time goes on while the effect runs. */
const settle = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust(200)
    return yield* Effect.flatten(Effect.sync(() => fiber.pollUnsafe() ?? assert.fail('it does not end')))
  })

describe('opening a box', () => {
  it.effect('records the start and the policy, durably', () =>
    Effect.gen(function* () {
      const { open, rows } = yield* given
      const { opened, ledger } = yield* open('w1')
      assert.deepStrictEqual(opened, { abandoned: 0, policyChanged: true })
      const events = (yield* rows).map(({ event }) => event)
      assert.deepStrictEqual(events[0], { _tag: 'BoxStarted', instance: 'w1', version: 'test' })
      assert.deepStrictEqual(events[1], { _tag: 'PolicyChanged', version: 1, policy })
      assert.strictEqual(events.length, 2)
      assert.strictEqual(ledger.health().committedPosition, 2)
    }),
  )

  it.effect('records no policy that is in force already, and a changed one under the next version', () =>
    Effect.gen(function* () {
      const { open, rows } = yield* given
      yield* open('w1')
      assert.isFalse((yield* open('w2')).opened.policyChanged)
      const other = policyOf([provider('b'), provider('a')])
      const { opened, ledger } = yield* open('w3', other)
      assert.isTrue(opened.policyChanged)
      assert.strictEqual(ledger.state.policyVersion, 2)
      const changes = (yield* rows).flatMap(({ event }) => (event._tag === 'PolicyChanged' ? [event.version] : []))
      assert.deepStrictEqual(changes, [1, 2])
    }),
  )

  it.effect('takes a policy with its members in another order for the same', () =>
    Effect.gen(function* () {
      const { open } = yield* given
      yield* open('w1')
      const turned = Object.fromEntries(Object.entries(policy).toReversed()) as unknown as Policy
      assert.isFalse((yield* open('w2', turned)).opened.policyChanged)
    }),
  )

  it.effect('closes each request of the dead by one RequestAbandoned, once', () =>
    Effect.gen(function* () {
      const { open, rows, now } = yield* given
      const { ledger } = yield* open('w1')
      for (const n of [1, 2, 3]) ledger.record(admit(n), now())
      ledger.record({ _tag: 'AttemptStarted', requestId: admit(2).requestId, attempt: 1, provider: a, model }, now())
      ledger.record({ _tag: 'RequestCancelled', requestId: admit(3).requestId, attempts: 0, by: 'client' }, now())
      yield* TestClock.adjust(100)
      const second = yield* open('w2')
      assert.strictEqual(second.opened.abandoned, 2)
      assert.strictEqual(second.ledger.state.projections.requests.inFlight.size, 0)
      assert.strictEqual((yield* open('w3')).opened.abandoned, 0)
      const abandoned = (yield* rows).flatMap(({ event }) => (event._tag === 'RequestAbandoned' ? [event] : []))
      assert.deepStrictEqual(abandoned, [
        { _tag: 'RequestAbandoned', requestId: admit(1).requestId, attempts: 0 },
        { _tag: 'RequestAbandoned', requestId: admit(2).requestId, attempts: 1, provider: a },
      ])
      const terminals = (yield* rows).filter(({ event }) => isTerminal(event)).map(({ correlation }) => correlation)
      assert.strictEqual(new Set(terminals).size, terminals.length)
    }),
  )

  it.effect('frees the probe lease of a dead request', () =>
    Effect.gen(function* () {
      const { open, now } = yield* given
      const quick = policyOf([
        provider('a', { breaker: { ...defaultBreaker, consecutiveConnectFailures: 1, openJitterShare: 0 } }),
      ])
      const { ledger } = yield* open('w1', quick)
      ledger.record(admit(1), now())
      ledger.record({ _tag: 'AttemptStarted', requestId: admit(1).requestId, attempt: 1, provider: a, model }, now())
      const reason = { _tag: 'Transport', code: 'ECONNREFUSED', connect: true } as const
      ledger.record(
        {
          ...{ _tag: 'AttemptFailed', requestId: admit(1).requestId, attempt: 1, provider: a, model, reason },
          ...{ stage: 'S0', durationMs: 0, draw: 0.5 },
        },
        now(),
      )
      yield* TestClock.adjust(20_000)
      ledger.record({ _tag: 'CooldownElapsed', provider: a }, now())
      ledger.record(admit(2), now())
      const probe = { leaseUntil: now() + 120_000 }
      ledger.record(
        { _tag: 'AttemptStarted', requestId: admit(2).requestId, attempt: 1, provider: a, model, probe },
        now(),
      )
      assert.strictEqual(ledger.state.machines.get(a)?.context.probe?.requestId, admit(2).requestId)
      yield* TestClock.adjust(100)
      const { ledger: next } = yield* open('w2', quick)
      assert.strictEqual(next.state.machines.get(a)?.state, 'halfOpen')
      assert.isNull(next.state.machines.get(a)?.context.probe)
    }),
  )
})

describe('changing the policy of an open box', () => {
  it.effect('takes effect at once and keeps the machines of providers that stay', () =>
    Effect.gen(function* () {
      const { open, rows } = yield* given
      const { ledger } = yield* open('w1')
      const before = ledger.state.machines.get(a)
      const next = policyOf([provider('a'), provider('c')])
      const change = (to: Policy) => changePolicy(to).pipe(Effect.provideService(Ledger, ledger))
      assert.isTrue(yield* change(next))
      assert.isFalse(yield* change(next))
      assert.deepStrictEqual([...ledger.state.machines.keys()], ['a', 'c'])
      assert.strictEqual(ledger.state.machines.get(a), before)
      yield* TestClock.adjust(100)
      assert.strictEqual((yield* rows).length, 3)
    }),
  )
})

describe('a provider that is gone for good', () => {
  /** Opens a box whose first provider has said so, with `late` attempts under way. */
  const retired = Effect.gen(function* () {
    const box = yield* given
    const { ledger } = yield* box.open('w1')
    yield* TestClock.adjust(1_000)
    const start = (n: number) => {
      const named = { requestId: admit(n).requestId, attempt: 1, provider: a, model }
      const startedAt = box.now()
      ledger.record({ _tag: 'AttemptStarted', ...named }, startedAt)
      return (reason: FailureReason) =>
        ledger.record(
          { _tag: 'AttemptFailed', ...named, reason, stage: 'S0', durationMs: box.now() - startedAt, draw: 0.5 },
          box.now(),
        )
    }
    const late = start(1)
    const decided = start(2)(gone)
    assert.deepStrictEqual(decided, [{ _tag: 'ProviderRetired', provider: a, because: gone }])
    yield* TestClock.adjust(1_000)
    const change = (to: Policy) => changePolicy(to).pipe(Effect.provideService(Ledger, ledger))
    const state = () => ledger.state.machines.get(a)?.state
    return { ...box, ledger, start, late, change, state }
  })
  const gone: FailureReason = { _tag: 'Retired', status: 410 }

  it.effect('stays gone when the entry of another changes, and after a restart', () =>
    Effect.gen(function* () {
      const { change, state, open } = yield* retired
      assert.isTrue(yield* change(policyOf([provider('a'), provider('b', { priority: 9 })])))
      assert.strictEqual(state(), 'retired')
      yield* TestClock.adjust(100)
      const { ledger: next } = yield* open('w2')
      assert.strictEqual(next.state.machines.get(a)?.state, 'retired')
    }),
  )

  it.effect('stays gone when its entry is the same with its members in another order', () =>
    Effect.gen(function* () {
      const { ledger, state, now } = yield* retired
      const turned = Object.fromEntries(Object.entries(provider('a')).toReversed()) as unknown as ProviderPolicy
      ledger.record({ _tag: 'PolicyChanged', version: 2, policy: policyOf([turned, provider('b')]) }, now())
      assert.strictEqual(state(), 'retired')
    }),
  )

  for (const [what, entry] of [
    ['its endpoint', { endpoint: 'elsewhere' }],
    ['anything', { models: { '*': 'successor' } }],
  ] as const) {
    it.effect(
      `is asked again when ${what} in its entry changes, and an answer to the old entry does not change that`,
      () =>
        Effect.gen(function* () {
          const { change, state, late, start, ledger, rows } = yield* retired
          yield* change(policyOf([provider('a', entry), provider('b')]))
          assert.strictEqual(state(), 'healthy')
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(late(gone), [])
          assert.strictEqual(state(), 'healthy')
          assert.strictEqual(start(3)(gone).at(0)?._tag, 'ProviderRetired')
          yield* TestClock.adjust(100)
          const replay = startReplay()
          for (const recorded of yield* rows) replay.next({ _tag: 'Known', recorded })
          replay.finish()
          assert.isUndefined(replay.difference())
          assert.strictEqual(encodeState(replay.state), encodeState(ledger.state))
        }),
    )
  }

  it.effect('only its endpoint makes another server of a provider that is not', () =>
    Effect.gen(function* () {
      const { open } = yield* given
      const { ledger } = yield* open('w1')
      const change = (to: Policy) => changePolicy(to).pipe(Effect.provideService(Ledger, ledger))
      const before = ledger.state.machines.get(a)
      yield* change(policyOf([provider('a', { priority: 7 }), provider('b')]))
      assert.strictEqual(ledger.state.machines.get(a), before)
      yield* change(policyOf([provider('a', { priority: 7, endpoint: 'elsewhere' }), provider('b')]))
      assert.notStrictEqual(ledger.state.machines.get(a), before)
    }),
  )
})

describe('closing a box', () => {
  it.effect('is the last fact, durable when it returns', () =>
    Effect.gen(function* () {
      const { open, rows } = yield* given
      const { ledger } = yield* open('w1')
      yield* settle(closeBox('SIGTERM').pipe(Effect.provideService(Ledger, ledger)))
      assert.deepStrictEqual((yield* rows).at(-1)?.event, { _tag: 'BoxStopped', instance: 'w1', signal: 'SIGTERM' })
    }),
  )
})
