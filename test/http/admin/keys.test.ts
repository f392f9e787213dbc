/**
 * /admin/keys over real sockets: a key is told once, works, is listed without itself, and ends when it is revoked.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Redacted } from 'effect'
import { createKey, revokeKey } from '#actors/client-keys.ts'
import { Ledger } from '#actors/ledger.ts'
import type { AdminActions } from '#actors/ports.ts'
import { newClientKey } from '#infra/new-client-key.ts'
import { ask } from '#test/admin.ts'
import { ADMIN_TOKEN, type RunningBox, refusesAll, startBox } from '#test/server.ts'

const BY = 'admin 127.0.0.1'
const READ_TOKEN = 'a-token-that-only-reads'

/** A box whose operator may make and revoke keys. */
const start = Effect.gen(function* () {
  let box: RunningBox | undefined
  const onBox = <A, E>(change: Effect.Effect<A, E, Ledger>) =>
    Effect.suspend(() =>
      box === undefined ? Effect.die(new Error('not started')) : Effect.provideService(change, Ledger, box.ledger),
    )
  const actions: AdminActions['Service'] = {
    ...refusesAll,
    createKey: (wanted, by) => onBox(createKey(newClientKey, wanted, by)),
    revokeKey: (keyId, by) => onBox(revokeKey(keyId, by)),
  }
  const tokens = { admin: Redacted.make(ADMIN_TOKEN), read: Redacted.make(READ_TOKEN) }
  box = yield* startBox({ admin: { actions, tokens }, providers: { alpha: { url: 'http://127.0.0.1:1' } } })
  return box
})

const post = (box: RunningBox, json: object) => ask(box, '/admin/keys', { method: 'POST', json })
const remove = (box: RunningBox, id: string) => ask(box, `/admin/keys/${id}`, { method: 'DELETE', json: {} })
interface Created {
  readonly secret: string
  readonly key: { readonly keyId: string }
}
const statusWith = (box: RunningBox, secret: string) =>
  Effect.map(ask(box, '/v1/models', { token: null, headers: { 'x-signalbox-key': secret } }), ({ status }) => status)

describe('/admin/keys', () => {
  it.live('makes a key that works until it is revoked', () =>
    Effect.gen(function* () {
      const box = yield* start
      const made = yield* post(box, { name: 'ci', models: ['claude-haiku-*'], requestsPerMinute: 60 })
      expect(made.status).toBe(200)
      expect(made.headers['cache-control']).toBe('no-store')
      const { secret, key } = made.body as Created
      expect(secret).toMatch(/^sbx_[0-9A-Za-z]{32}$/)
      expect(key).toMatchObject({
        ...{ name: 'ci', state: 'active', models: ['claude-haiku-*'], requestsPerMinute: 60 },
        ...{ expiresAt: null, revokedAt: null, createdBy: BY },
      })
      expect(yield* statusWith(box, secret)).toBe(200)

      expect((yield* remove(box, key.keyId)).body).toMatchObject({ keyId: key.keyId, state: 'revoked' })
      expect(yield* statusWith(box, secret)).toBe(401)
      const again = yield* remove(box, key.keyId)
      expect(again.status).toBe(200)
      const events = (yield* box.events).flatMap(({ event }) => (event._tag.startsWith('ClientKey') ? [event] : []))
      expect(events).toMatchObject([
        { _tag: 'ClientKeyCreated', name: 'ci', by: BY },
        { _tag: 'ClientKeyRevoked', keyId: key.keyId, by: BY },
      ])
    }),
  )

  it.live('lists what is known of them, which is neither key nor digest', () =>
    Effect.gen(function* () {
      const box = yield* start
      const made = [yield* post(box, { name: 'one' }), yield* post(box, { name: 'two', expiresAt: Date.now() + 20 })]
      yield* Effect.sleep(25)
      const { body, text } = yield* ask(box, '/admin/keys', { token: READ_TOKEN })
      expect(body).toMatchObject({
        data: [
          { name: 'one', state: 'active', models: null, requestsPerMinute: null },
          { name: 'two', state: 'expired' },
        ],
      })
      for (const answer of made) expect(text).not.toContain((answer.body as Created).secret)
      expect(text).not.toMatch(/digest/)
    }),
  )

  it.live('gives a name once at a time', () =>
    Effect.gen(function* () {
      const box = yield* start
      const { key } = (yield* post(box, { name: 'ci' })).body as Created
      const second = yield* post(box, { name: 'ci' })
      expect(second.status).toBe(409)
      expect(second.body).toMatchObject({ error: { type: 'conflict', message: expect.stringMatching(/ci already/) } })
      yield* remove(box, key.keyId)
      expect((yield* post(box, { name: 'ci' })).status).toBe(200)
    }),
  )

  it.live.each([
    [{}, /name/],
    [{ name: 'two words' }, /name/],
    [{ name: 'ci', models: [] }, /models/],
    [{ name: 'ci', requestsPerMinute: 0 }, /requestsPerMinute/],
    [{ name: 'ci', requestsPerMinute: 1.5 }, /requestsPerMinute/],
    [{ name: 'ci', expiresAt: 1 }, /expiresAt/],
  ] as const)('makes none of %j', ([json, message]) =>
    Effect.gen(function* () {
      const box = yield* start
      const answer = yield* post(box, json)
      expect(answer.status).toBe(400)
      expect(answer.body).toMatchObject({ error: { type: 'invalid_request', message: expect.stringMatching(message) } })
      expect((yield* box.events).some(({ event }) => event._tag === 'ClientKeyCreated')).toBe(false)
    }),
  )

  it.live('knows no others, and changes nothing for whoever may only read', () =>
    Effect.gen(function* () {
      const box = yield* start
      expect((yield* remove(box, 'key_none')).status).toBe(404)
      const reader = { token: READ_TOKEN, json: { name: 'ci' } }
      expect((yield* ask(box, '/admin/keys', { ...reader, method: 'POST' })).status).toBe(403)
      expect((yield* ask(box, '/admin/keys/key_none', { ...reader, method: 'DELETE' })).status).toBe(403)
    }),
  )
})
