/**
 * The shadow policy over real sockets: set while the box runs, compared from the next request on, acted by never.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { ShadowView } from '#actors/views/shadow-view.ts'
import { ask } from '#test/admin.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../../e2e/http-client.ts'

const price = (input: number) => ({
  '*': { input, output: 5 * input, cacheRead: input / 10, cacheWrite5m: 1.25 * input, cacheWrite1h: 2 * input },
})

/** The live policy prefers `dear`, which costs ten times as much. */
const start = Effect.gen(function* () {
  const { dear, cheap } = yield* startProviders({ dear: {}, cheap: {} })
  const box = yield* startBox({
    admin: {},
    operator: true,
    routing: { strategy: 'priority' },
    providers: {
      dear: { url: dear.url, policy: { prices: price(10) } },
      cheap: { url: cheap.url, policy: { prices: price(1) } },
    },
  })
  const put = (json: object) => ask(box, '/admin/routing', { method: 'PUT', json })
  const servedBy = Effect.map(
    send(box.port, { body: callBody({ stream: true }) }),
    ({ headers }) => headers.find(([name]) => name === 'x-signalbox-provider')?.[1],
  )
  const comparison = Effect.map(ask(box, '/admin/routing/shadow'), ({ body }) => body as ShadowView)
  return { box, put, servedBy, comparison }
})

describe('the shadow policy', () => {
  it.live('decides on every request, is compared, and serves none', () =>
    Effect.gen(function* () {
      const { box, put, servedBy, comparison } = yield* start
      const off = yield* ask(box, '/admin/routing/shadow')
      expect(off).toMatchObject({ status: 404, body: { error: { type: 'not_found' } } })
      yield* servedBy
      const set = yield* put({ shadow: { strategy: 'cost' } })
      expect(set.body).toMatchObject({ strategy: 'priority', shadow: { strategy: 'cost' } })
      expect([yield* servedBy, yield* servedBy]).toEqual(['dear', 'dear'])
      const view = yield* comparison
      expect(view).toMatchObject({
        otherwise: { strategy: 'cost' },
        ...{ requests: 2, agreed: 0, agreedShare: 0 },
        pairs: [{ live: 'dear', shadow: 'cheap', requests: 2 }],
        foretold: { costNanoUsd: null, ttftMs: null },
      })
      const routes = (yield* box.events).flatMap(({ event }) => (event._tag === 'RouteChosen' ? [event] : []))
      expect(routes.map(({ order, shadow }) => [order[0], shadow?.order])).toEqual([
        ['dear', undefined],
        ['dear', ['cheap', 'dear']],
        ['dear', ['cheap', 'dear']],
      ])
      const live = routes.slice(1).reduce((sum, { factors }) => sum + (factors.costNanoUsd?.[0] ?? 0), 0)
      expect(view.costNanoUsd?.live).toBe(live)
      expect(live / (view.costNanoUsd?.shadow ?? 0)).toBeCloseTo(10, 1)
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )

  it.live('holds expectations against what came where both agree, and begins anew when it is changed', () =>
    Effect.gen(function* () {
      const { box, put, servedBy, comparison } = yield* start
      yield* put({ shadow: { maxFallbacks: 0 } })
      yield* servedBy
      yield* servedBy
      const succeeded = (yield* box.events).flatMap(({ event }) => (event._tag === 'AttemptSucceeded' ? [event] : []))
      expect(yield* comparison).toMatchObject({
        ...{ requests: 2, agreedShare: 1 },
        foretold: {
          costNanoUsd: {
            requests: 2,
            actual: succeeded.reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0),
          },
          // Nothing was known of its speed when the first came.
          ttftMs: { requests: 1, actual: succeeded[1]?.ttftMs },
        },
      })
      yield* put({ shadow: { strategy: 'cost' } })
      expect(yield* comparison).toMatchObject({
        otherwise: { maxFallbacks: 0, strategy: 'cost' },
        ...{ requests: 0, agreedShare: null, pairs: [] },
      })
    }),
  )

  it.live('is taken out with false, and as configured with null', () =>
    Effect.gen(function* () {
      const { box, put, servedBy } = yield* start
      const shadow = () => box.ledger.state.policy.routing.shadow
      yield* put({ shadow: { strategy: 'cost', weights: { cost: 1, headroom: null } } }).pipe(
        Effect.map(({ status }) => expect(status).toBe(400)),
      )
      yield* put({ shadow: { strategy: 'cost', weights: { cost: 1 }, explorationShare: 0.1 } })
      expect(shadow()).toEqual({ strategy: 'cost', weights: { cost: 1 }, explorationShare: 0.1 })
      yield* put({ shadow: { weights: null } })
      expect(shadow()).toEqual({ strategy: 'cost', explorationShare: 0.1 })
      yield* put({ shadow: false })
      expect(shadow()).toBeUndefined()
      yield* servedBy
      const last = (yield* box.events).findLast(({ event }) => event._tag === 'RouteChosen')
      expect(last?.event).not.toHaveProperty('shadow')
      yield* put({ shadow: { substitutes: 'equal' } })
      expect(shadow()).toEqual({ substitutes: 'equal' })
      yield* put({ shadow: null })
      expect(shadow()).toBeUndefined()
      expect((yield* ask(box, '/admin/overrides')).body).toEqual({ data: [] })
    }),
  )

  it.live('is told of with a dry run, and with the explanation of a request', () =>
    Effect.gen(function* () {
      const { box, put } = yield* start
      yield* put({ shadow: { strategy: 'cost' } })
      const dry = yield* ask(box, '/admin/route', { method: 'POST', json: callBody() })
      expect(dry.body).toMatchObject({ route: { shadow: { order: ['cheap', 'dear'], isSame: false } } })
      const answer = yield* send(box.port, { body: callBody() })
      const id = answer.headers.find(([name]) => name === 'x-signalbox-request-id')?.[1]
      const explained = yield* ask(box, `/admin/requests/${id}`)
      expect(explained.body).toMatchObject({ explanation: { route: { shadow: { order: ['cheap', 'dear'] } } } })
      expect((yield* ask(box, '/admin/state')).body).toMatchObject({ shadow: { requests: 1, agreed: 0 } })
    }),
  )

  it.live('cannot decide by a strategy that is switched off', () =>
    Effect.gen(function* () {
      const box = yield* startBox({
        admin: {},
        operator: true,
        server: { strategies: () => ['priority'] },
        providers: { alpha: { url: 'http://127.0.0.1:1' } },
      })
      const answer = yield* ask(box, '/admin/routing', { method: 'PUT', json: { shadow: { strategy: 'cost' } } })
      expect(answer).toMatchObject({
        status: 400,
        body: { error: { message: 'cost is switched off; there are priority.' } },
      })
    }),
  )
})
