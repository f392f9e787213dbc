/**
 * Whatever an operator changes is in the log, with who did it. The table has a call for every endpoint that changes something:
 * a new one without its row fails here.
 */
import { describe, expect, it } from '@effect/vitest'
import { Context, Effect, Redacted } from 'effect'
import { OnlyReads } from '#http/admin/access.ts'
import { adminApi } from '#http/admin/api.ts'
import { type AdminCall, ask } from '#test/admin.ts'
import { ADMIN_TOKEN, startBox } from '#test/server.ts'

const READ_TOKEN = 'a-token-that-only-reads'

/** In this order: what one makes the next may change. `{id}` is that of the key that was made. */
const CHANGES: readonly (readonly [method: string, path: string, template: string, call: AdminCall, event: string])[] =
  [
    ['POST', '/admin/providers/alpha/drain', '/admin/providers/:id/drain', { json: {} }, 'SettingOverridden'],
    ['POST', '/admin/providers/alpha/enable', '/admin/providers/:id/enable', { json: {} }, 'SettingOverridden'],
    ['POST', '/admin/providers/alpha/reset', '/admin/providers/:id/reset', { json: {} }, 'BreakerReset'],
    ['PUT', '/admin/routing', '/admin/routing', { json: { strategy: 'cost' } }, 'SettingOverridden'],
    [
      'PUT',
      '/admin/budgets/daily',
      '/admin/budgets/:name',
      { json: { period: 'day', limitNanoUsd: 1_000_000_000, action: 'alert' } },
      'SettingOverridden',
    ],
    ['DELETE', '/admin/budgets/daily', '/admin/budgets/:name', { json: {} }, 'SettingOverridden'],
    ['POST', '/admin/alerts/silence', '/admin/alerts/silence', { json: { forMs: 60_000 } }, 'AlertsSilenced'],
    ['DELETE', '/admin/overrides/routing.strategy', '/admin/overrides/:path', { json: {} }, 'SettingOverridden'],
    ['POST', '/admin/keys', '/admin/keys', { json: { name: 'ci' } }, 'ClientKeyCreated'],
    ['DELETE', '/admin/keys/{id}', '/admin/keys/:id', { json: {} }, 'ClientKeyRevoked'],
  ]

const changing = Object.values(adminApi.groups)
  .flatMap((group) => Object.values(group.endpoints))
  .filter((endpoint) => endpoint.method !== 'GET' && !Context.get(endpoint.annotations, OnlyReads))
  .map(({ method, path }) => `${method} ${path}`)

const withOperator = startBox({
  admin: { tokens: { admin: Redacted.make(ADMIN_TOKEN), read: Redacted.make(READ_TOKEN) } },
  operator: true,
  providers: { alpha: { url: 'http://127.0.0.1:1' } },
})

describe('every endpoint that changes something', () => {
  it('stands in the table', () => {
    expect([...new Set(CHANGES.map(([method, , template]) => `${method} ${template}`))].sort()).toEqual(
      [...changing].sort(),
    )
  })

  it.live('leaves an event that says who did it, once it has answered', () =>
    Effect.gen(function* () {
      const box = yield* withOperator
      let keyId = ''
      for (const [method, path, , call, event] of CHANGES) {
        const before = (yield* box.events).length
        const answer = yield* ask(box, path.replace('{id}', keyId), { ...call, method })
        expect(answer.status, `${path}: ${answer.text}`).toBe(200)
        const left = (yield* box.events).slice(before).map((recorded) => recorded.event)
        const found = left.find(({ _tag }) => _tag === event)
        expect([path, found]).toEqual([path, expect.objectContaining({ by: 'admin 127.0.0.1' })])
        if (found?._tag === 'ClientKeyCreated') keyId = found.keyId
      }
    }),
  )

  it.live('does and leaves nothing for a read token, a wrong token and none', () =>
    Effect.gen(function* () {
      const box = yield* withOperator
      const before = (yield* box.events).length
      for (const token of [READ_TOKEN, 'wrong', null]) {
        for (const [method, path, , call] of CHANGES) {
          const answer = yield* ask(box, path, { ...call, method, token })
          expect([path, answer.status]).toEqual([path, token === READ_TOKEN ? 403 : 401])
        }
      }
      expect((yield* box.events).length).toBe(before)
    }),
  )
})
