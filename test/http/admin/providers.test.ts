/**
 * /admin/providers and /admin/routing over real sockets: what they show is what the ledger holds, what they change goes to the
 * operator's actions with who did it.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { type AdminActions, ChangeRefused, type Setting } from '#actors/ports.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { ask } from '#test/admin.ts'
import { refusesAll, startBox } from '#test/server.ts'

const providers = { alpha: { url: 'http://127.0.0.1:1' }, beta: { url: 'http://127.0.0.1:1' } }

/** Records what it is asked for, and does it no further. */
const recorder = () => {
  const asked: unknown[] = []
  const actions: AdminActions['Service'] = {
    ...refusesAll,
    ...refusesAll,
    setOverrides: (settings: readonly Setting[], by) => Effect.sync(() => void asked.push({ settings, by })),
    resetBreaker: (provider, by) => Effect.sync(() => void asked.push({ reset: provider, by })),
  }
  return { asked, actions }
}

const BY = 'admin 127.0.0.1'

describe('/admin/providers', () => {
  it.live('lists the providers of the policy, in its order', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {}, providers })
      const { body } = yield* ask(box, '/admin/providers')
      expect(body).toMatchObject({
        data: [
          { id: 'alpha', state: 'healthy', priority: 10, recovery: { _tag: 'None' } },
          { id: 'beta', state: 'healthy', priority: 20 },
        ],
      })
    }),
  )

  it.live('tells why a circuit is open, since when, and what closes it', () =>
    Effect.gen(function* () {
      const box = yield* startBox({
        admin: {},
        providers: { alpha: { ...providers.alpha, breaker: { consecutiveFailures: 1 } } },
      })
      const provider = providerId('alpha')
      const at = Date.now()
      const attempt = { requestId: requestId('req_1'), attempt: 1, provider, model: modelId('m') }
      box.ledger.record({ _tag: 'AttemptStarted', ...attempt }, at)
      const reason = { _tag: 'Overloaded', status: 529 } as const
      box.ledger.record({ _tag: 'AttemptFailed', ...attempt, reason, stage: 'S0', durationMs: 5, draw: 0.5 }, at)
      const { body } = yield* ask(box, '/admin/providers/alpha')
      expect(body).toMatchObject({
        id: 'alpha',
        state: 'openCircuit',
        since: at,
        because: reason,
        trip: 'consecutive',
        level: 1,
        recovery: { _tag: 'Cooldown', until: at + 10_000, next: 'probe' },
        admission: { admit: 'no', reason: 'circuitOpen', until: at + 10_000 },
        health: { attempts: 1, failures: { Overloaded: 1 }, lastFailure: reason },
      })
    }),
  )

  it.live('knows no others', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {}, providers })
      for (const call of [
        ask(box, '/admin/providers/gamma'),
        ask(box, '/admin/providers/gamma/drain', { method: 'POST', json: {} }),
        ask(box, '/admin/providers/gamma/reset', { method: 'POST', json: {} }),
      ]) {
        const answer = yield* call
        expect(answer.status).toBe(404)
        expect(answer.body).toEqual({ error: { type: 'not_found', message: 'There is no provider gamma.' } })
      }
    }),
  )

  it.live('passes drain, enable and reset on, with who asked', () =>
    Effect.gen(function* () {
      const { asked, actions } = recorder()
      const box = yield* startBox({ admin: { actions }, providers })
      for (const action of ['drain', 'enable', 'reset']) {
        const answer = yield* ask(box, `/admin/providers/beta/${action}`, { method: 'POST', json: {} })
        expect(answer.status).toBe(200)
        expect(answer.body).toMatchObject({ id: 'beta' })
      }
      expect(asked).toEqual([
        { settings: [{ path: 'providers.beta.enabled', value: false }], by: BY },
        { settings: [{ path: 'providers.beta.enabled', value: true }], by: BY },
        { reset: 'beta', by: BY },
      ])
    }),
  )
})

describe('/admin/routing', () => {
  it.live('shows the routing of the policy in force', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {}, providers, routing: { strategy: 'availability', limitThreshold: 0.7 } })
      const { body } = yield* ask(box, '/admin/routing')
      expect(body).toEqual({ policyVersion: 1, ...box.ledger.state.policy.routing })
    }),
  )

  it.live('changes what is named, in the words of the configuration, all at once', () =>
    Effect.gen(function* () {
      const { asked, actions } = recorder()
      const box = yield* startBox({ admin: { actions }, providers })
      const weights = { headroom: 1, performance: 0, cost: 0, reliability: 3 }
      const json = { strategy: 'cost', weights, explorationShare: 0.05, queueMs: null }
      expect((yield* ask(box, '/admin/routing', { method: 'PUT', json })).status).toBe(200)
      expect((yield* ask(box, '/admin/routing', { method: 'PUT', json: { weights: null } })).status).toBe(200)
      expect(asked).toEqual([
        {
          settings: [
            { path: 'routing.strategy', value: 'cost' },
            { path: 'routing.exploration', value: 0.05 },
            { path: 'routing.queue', value: null },
            { path: 'routing.weights.headroom', value: 1 },
            { path: 'routing.weights.performance', value: 0 },
            { path: 'routing.weights.cost', value: 0 },
            { path: 'routing.weights.reliability', value: 3 },
          ],
          by: BY,
        },
        {
          settings: ['headroom', 'performance', 'cost', 'reliability'].map((name) => ({
            path: `routing.weights.${name}`,
            value: null,
          })),
          by: BY,
        },
      ])
    }),
  )

  it.live.each([
    [{ strategy: 'fastest' }, /strategy/],
    [{ strategy: 'performance' }, /switched off/],
    [{ weights: { headroom: 1 } }, /weights/],
    [{ weights: { headroom: -1, performance: 0, cost: 0, reliability: 1 } }, /headroom/],
    [{ weights: { headroom: 0, performance: 0, cost: 0, reliability: 0 } }, /above 0/],
    [{ limitThreshold: 1.5 }, /limitThreshold/],
    [{ maxFallbacks: 0.5 }, /maxFallbacks/],
    [{}, /[Nn]othing/],
    [[], /payload/],
  ] as const)('does not take %j', ([json, message]) =>
    Effect.gen(function* () {
      const { asked, actions } = recorder()
      const box = yield* startBox({ admin: { actions }, providers, server: { strategies: () => ['cost', 'priority'] } })
      const answer = yield* ask(box, '/admin/routing', { method: 'PUT', json })
      expect(answer.status).toBe(400)
      expect(answer.body).toMatchObject({ error: { type: 'invalid_request', message: expect.stringMatching(message) } })
      expect(asked).toEqual([])
    }),
  )

  it.live.each([
    ['notFound', 404, 'not_found'],
    ['invalid', 400, 'invalid_request'],
    ['conflict', 409, 'conflict'],
  ] as const)('tells of a change that is refused as %s', ([reason, status, type]) =>
    Effect.gen(function* () {
      const refused = Effect.fail(new ChangeRefused({ reason, message: 'as things stand' }))
      const actions = { ...refusesAll, setOverrides: () => refused, resetBreaker: () => refused }
      const box = yield* startBox({ admin: { actions }, providers })
      const answer = yield* ask(box, '/admin/routing', { method: 'PUT', json: { strategy: 'cost' } })
      expect(answer.status).toBe(status)
      expect(answer.body).toEqual({ error: { type, message: 'as things stand' } })
    }),
  )
})
