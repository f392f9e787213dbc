/**
 * /admin/budgets and /admin/overrides over real sockets: figures from the log, changes that are facts with who made them.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Redacted } from 'effect'
import type { BudgetView } from '#actors/views/budget-view.ts'
import type { Budget } from '#domain/policy.ts'
import { ask } from '#test/admin.ts'
import { ADMIN_TOKEN, type RunningBox, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../../e2e/http-client.ts'

const price = { input: 2, output: 10, cacheRead: 0.2, cacheWrite5m: 2.5, cacheWrite1h: 4 }
const daily: Budget = { name: 'daily', period: 'day', limitNanoUsd: 1_000_000_000 }
const READ_TOKEN = 'a-token-that-only-reads'
const WHO = 'admin 127.0.0.1'

const start = (budgets: readonly Budget[] = [daily]) =>
  Effect.gen(function* () {
    const { alpha } = yield* startProviders({ alpha: {} })
    return yield* startBox({
      budgets,
      operator: true,
      admin: { tokens: { admin: Redacted.make(ADMIN_TOKEN), read: Redacted.make(READ_TOKEN) } },
      providers: { alpha: { url: alpha.url, policy: { prices: { '*': price } } } },
    })
  })

const listed = (box: RunningBox) =>
  Effect.map(ask(box, '/admin/budgets'), ({ body }) => (body as { readonly data: readonly BudgetView[] }).data)
const put = (box: RunningBox, name: string, json: object) => ask(box, `/admin/budgets/${name}`, { method: 'PUT', json })
const remove = (box: RunningBox, path: string) => ask(box, path, { method: 'DELETE', json: {} })
const overrides = (box: RunningBox) => Effect.map(ask(box, '/admin/overrides'), ({ body }) => body)

const spentIn = (box: RunningBox) =>
  Effect.map(box.events, (events) =>
    events.reduce((sum, { event }) => sum + (event._tag === 'AttemptSucceeded' ? (event.costNanoUsd ?? 0) : 0), 0),
  )

describe('/admin/budgets', () => {
  it.live('shows what was spent, as the events of the log say', () =>
    Effect.gen(function* () {
      const box = yield* start()
      for (let n = 0; n < 2; n++) yield* send(box.port, { body: callBody() })
      const spentNanoUsd = yield* spentIn(box)
      expect(spentNanoUsd).toBeGreaterThan(0)
      const [row, ...others] = yield* listed(box)
      expect(others).toEqual([])
      const usedShare = spentNanoUsd / daily.limitNanoUsd
      expect(row).toMatchObject({
        budget: daily,
        subject: '',
        spentNanoUsd,
        reservedNanoUsd: 0,
        usedShare,
        unpriced: 0,
      })
      expect(row?.leftNanoUsd).toBe(daily.limitNanoUsd - spentNanoUsd)
      const today = Math.floor(Date.now() / 86_400_000) * 86_400_000
      expect(row?.period).toEqual({ start: today, end: today + 86_400_000 })
    }),
  )

  it.live('makes one, which begins with what the period has cost, and refuses the request beyond it', () =>
    Effect.gen(function* () {
      const box = yield* start([])
      yield* send(box.port, { body: callBody() })
      const spentNanoUsd = yield* spentIn(box)
      const wanted = { period: 'month', limitNanoUsd: spentNanoUsd, hard: {} } as const
      const made = yield* put(box, 'tight', wanted)
      expect(made.status).toBe(200)
      expect(made.body).toMatchObject({
        data: [{ budget: { name: 'tight', ...wanted }, spentNanoUsd, leftNanoUsd: 0, usedShare: 1 }],
      })
      expect((yield* send(box.port, { body: callBody() })).status).not.toBe(200)
      expect(yield* overrides(box)).toMatchObject({ data: [{ path: 'budgets.tight', value: wanted, by: WHO }] })

      expect((yield* remove(box, '/admin/budgets/tight')).body).toEqual({ data: [] })
      expect((yield* send(box.port, { body: callBody() })).status).toBe(200)
      expect(yield* overrides(box)).toEqual({ data: [] })
    }),
  )

  it.live('takes one of the configuration out, and back with its override', () =>
    Effect.gen(function* () {
      const box = yield* start()
      expect((yield* remove(box, '/admin/budgets/daily')).body).toEqual({ data: [] })
      expect(yield* overrides(box)).toMatchObject({ data: [{ path: 'budgets.daily', value: false, by: WHO }] })
      expect((yield* remove(box, '/admin/budgets/daily')).status).toBe(404)
      expect((yield* remove(box, '/admin/overrides/budgets.daily')).body).toEqual({ data: [] })
      expect(yield* listed(box)).toMatchObject([{ budget: daily }])
      const changes = (yield* box.events).flatMap(({ event }) => (event._tag === 'SettingOverridden' ? [event] : []))
      expect(changes).toMatchObject([
        { path: 'budgets.daily', value: false, by: WHO },
        { path: 'budgets.daily', value: null, by: WHO },
      ])
    }),
  )

  it.live('refuses what is no budget, and changes by the read token', () =>
    Effect.gen(function* () {
      const box = yield* start()
      const before = (yield* box.events).length
      for (const [name, json] of [
        ['daily', { period: 'year', limitNanoUsd: 1 }],
        ['daily', { period: 'day', limitNanoUsd: -1 }],
        ['daily', { period: 'day' }],
        ['no%20name', { period: 'day', limitNanoUsd: 1 }],
      ] as const) {
        const { status, body } = yield* put(box, name, json)
        expect(status).toBe(400)
        expect(body).toMatchObject({ error: { type: 'invalid_request' } })
      }
      for (const path of ['/admin/budgets/nobody', '/admin/overrides/budgets.nobody']) {
        expect((yield* remove(box, path)).status).toBe(404)
      }
      const read = { method: 'DELETE', json: {}, token: READ_TOKEN }
      expect((yield* ask(box, '/admin/budgets/daily', read)).status).toBe(403)
      expect((yield* ask(box, '/admin/overrides/budgets.daily', read)).status).toBe(403)
      expect((yield* box.events).length).toBe(before)
    }),
  )
})

describe('/admin/overrides', () => {
  it.live('lists what operators changed, and takes one back', () =>
    Effect.gen(function* () {
      const box = yield* start()
      const before = box.ledger.state.policy.routing
      const change = { strategy: 'cost', maxFallbacks: 1 }
      yield* ask(box, '/admin/routing', { method: 'PUT', json: change })
      const at = (yield* box.events).find(({ event }) => event._tag === 'SettingOverridden')?.occurredAt
      expect(yield* overrides(box)).toEqual({
        data: [
          { path: 'routing.strategy', value: 'cost', by: WHO, at },
          { path: 'routing.maxFallbacks', value: 1, by: WHO, at: expect.any(Number) },
        ],
      })
      const left = yield* remove(box, '/admin/overrides/routing.strategy')
      expect(left.body).toMatchObject({ data: [{ path: 'routing.maxFallbacks' }] })
      expect(box.ledger.state.policy.routing).toEqual({ ...before, maxFallbacks: 1 })
    }),
  )
})
