import { describe, expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { TestClock } from 'effect/testing'
import { makeAdminActions } from '#actors/admin-actions.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { openBox } from '#actors/open-box.ts'
import { EventLog } from '#actors/ports.ts'
import { providerId } from '#domain/ids.ts'
import type { Budget, Policy } from '#domain/policy.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { newClientKey } from '#infra/new-client-key.ts'
import { answers, known, openTestBox, policyOf, provider } from '#test/box.ts'

const configured = policyOf([provider('a'), provider('b')])
const options = { configured: () => configured, afterChange: Effect.void, makeKey: newClientKey }
const WHO = 'admin 127.0.0.1'

const daily: Budget = { name: 'daily', period: 'day', limitNanoUsd: 1_000 }

const openedWith = Effect.fnUntraced(function* (policy: Policy) {
  const services = yield* Layer.build(ledgerLayer.layer({ writer: 'w1' }).pipe(Layer.provideMerge(layerMemory())))
  const run = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, services)
  yield* run(openBox({ policy, version: 'test' }))
  const ledger = yield* run(Ledger)
  const actions = yield* run(makeAdminActions({ ...options, configured: () => policy }))
  const log = yield* run(EventLog)
  const events = Effect.map(log.read({ after: 0, limit: 1_000 }), (rows) => known(rows).map(({ event }) => event))
  return { ledger, actions, events }
})

const opened = openedWith(configured)

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

  it.effect('never leaves all weights at nothing, also by going back to the configuration', () =>
    Effect.gen(function* () {
      const weights = { headroom: 1, performance: 0, cost: 0, reliability: 0 }
      const { actions, ledger } = yield* openedWith({ ...configured, routing: { ...configured.routing, weights } })
      const weight = (name: keyof typeof weights, value: number | null) => ({ path: `routing.weights.${name}`, value })
      yield* actions.setOverrides([weight('cost', 1), weight('headroom', 0)], WHO)
      expect(yield* Effect.flip(actions.setOverrides([weight('cost', null)], WHO))).toMatchObject({
        reason: 'conflict',
      })
      expect(ledger.state.policy.routing.weights).toEqual({ ...weights, headroom: 0, cost: 1 })
      yield* actions.setOverrides([weight('cost', null), weight('headroom', null)], WHO)
      expect(ledger.state.policy.routing.weights).toEqual(weights)
    }),
  )

  it.effect('takes a budget out of force, whether the configuration has it or not', () =>
    Effect.gen(function* () {
      const { ledger, actions, events } = yield* openedWith({ ...configured, budgets: [daily] })
      const names = () => (ledger.state.policy.budgets ?? []).map(({ name }) => name)
      yield* actions.setOverrides([{ path: 'budgets.own', value: { period: 'week', limitNanoUsd: 5 } }], WHO)
      expect(names()).toEqual(['daily', 'own'])
      yield* actions.removeBudget('daily', WHO)
      yield* actions.removeBudget('own', WHO)
      expect(names()).toEqual([])
      const changes = (yield* events).flatMap((event) => (event._tag === 'SettingOverridden' ? [event] : []))
      expect(changes.slice(1)).toMatchObject([
        { path: 'budgets.daily', value: false, by: WHO },
        { path: 'budgets.own', value: null, by: WHO },
      ])
      expect(yield* Effect.flip(actions.removeBudget('daily', WHO))).toMatchObject({ reason: 'notFound' })
    }),
  )

  it.effect('silences alerts as a fact with who did it, durable when it returns', () =>
    Effect.gen(function* () {
      const { ledger, actions, events } = yield* opened
      yield* TestClock.setTime(1_000)
      yield* actions.silence({ kind: 'budget', until: 5_000 }, WHO)
      expect((yield* events).at(-1)).toEqual({ _tag: 'AlertsSilenced', kind: 'budget', until: 5_000, by: WHO })
      expect([...ledger.state.projections.alerts.silences.values()]).toEqual([
        { kind: 'budget', subject: null, until: 5_000 },
      ])
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
