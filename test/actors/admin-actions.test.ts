import { describe, expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import { makeAdminActions } from '#actors/admin-actions.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { openBox } from '#actors/open-box.ts'
import { EventLog } from '#actors/ports.ts'
import { providerId } from '#domain/ids.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { newClientKey } from '#infra/new-client-key.ts'
import { answers, known, openTestBox, policyOf, provider } from '#test/box.ts'

const configured = policyOf([provider('a'), provider('b')])
const options = { configured: () => configured, afterChange: Effect.void, makeKey: newClientKey }
const WHO = 'admin 127.0.0.1'

const opened = Effect.gen(function* () {
  const services = yield* Layer.build(ledgerLayer.layer({ writer: 'w1' }).pipe(Layer.provideMerge(layerMemory())))
  const run = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, services)
  yield* run(openBox({ policy: configured, version: 'test' }))
  const ledger = yield* run(Ledger)
  const actions = yield* run(makeAdminActions(options))
  const log = yield* run(EventLog)
  const events = Effect.map(log.read({ after: 0, limit: 1_000 }), (rows) => known(rows).map(({ event }) => event))
  return { ledger, actions, events }
})

describe('what an operator changes', () => {
  it.effect('is a fact with who did it, durable when it returns, and the policy that follows', () =>
    Effect.gen(function* () {
      const { ledger, actions, events } = yield* opened
      yield* actions.setOverrides([{ path: 'routing.strategy', value: 'cost' }], WHO)
      expect(ledger.state.policy.routing.strategy).toBe('cost')
      const last = (yield* events).slice(-2)
      expect(last).toMatchObject([
        { _tag: 'SettingOverridden', path: 'routing.strategy', value: 'cost', by: WHO },
        { _tag: 'PolicyChanged', policy: { routing: { strategy: 'cost' } } },
      ])
    }),
  )

  it.effect('goes back to the configuration with null', () =>
    Effect.gen(function* () {
      const { ledger, actions } = yield* opened
      yield* actions.setOverrides([{ path: 'routing.strategy', value: 'cost' }], WHO)
      yield* actions.setOverrides([{ path: 'routing.strategy', value: null }], WHO)
      expect(ledger.state.policy.routing.strategy).toBe(configured.routing.strategy)
    }),
  )

  it.effect('is all or nothing', () =>
    Effect.gen(function* () {
      const { ledger, actions, events } = yield* opened
      const before = (yield* events).length
      const refused = yield* Effect.flip(
        actions.setOverrides(
          [
            { path: 'routing.strategy', value: 'cost' },
            { path: 'routing.limitThreshold', value: 7 },
          ],
          WHO,
        ),
      )
      expect(refused).toMatchObject({ reason: 'invalid' })
      expect((yield* events).length).toBe(before)
      expect(ledger.state.policy.routing.strategy).toBe(configured.routing.strategy)
    }),
  )

  it.effect('never leaves all weights at nothing', () =>
    Effect.gen(function* () {
      const { actions } = yield* opened
      const nothing = ['headroom', 'performance', 'cost', 'reliability'].map((name) => ({
        path: `routing.weights.${name}`,
        value: 0,
      }))
      expect(yield* Effect.flip(actions.setOverrides(nothing, WHO))).toMatchObject({ reason: 'conflict' })
    }),
  )

  it.effect('declares a provider well: the next request goes there at once', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({
        only: (n) => (n < 5 ? answers.error(500, 'api_error') : answers.stream('well')),
      })
      for (let n = 0; n < 5; n++) {
        const { done } = yield* box.send()
        yield* TestClock.adjust('1 second')
        yield* done
      }
      expect(box.ledger.state.machines.get(providerId('only'))?.state).toBe('openCircuit')
      const actions = yield* box.run(Effect.provide(makeAdminActions(options), layerMemory()))
      yield* actions.resetBreaker(providerId('only'), WHO)
      expect(box.ledger.state.machines.get(providerId('only'))).toMatchObject({ state: 'healthy' })
      const { seen, done } = yield* box.send()
      yield* TestClock.adjust('1 second')
      yield* done
      expect(seen.status).toBe(200)
      const tags = known(yield* box.events).map(({ event }) => event._tag)
      expect(tags.slice(tags.indexOf('BreakerReset'))).toEqual([
        ...['BreakerReset', 'CircuitClosed', 'RequestAdmitted', 'RouteChosen', 'AttemptStarted', 'AttemptSucceeded'],
      ])
      expect(yield* Effect.flip(actions.resetBreaker(providerId('nobody'), WHO))).toMatchObject({ reason: 'notFound' })
    }),
  )
})
