/**
 * Who may call the admin API, over real sockets.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Logger, Redacted } from 'effect'
import { MOST_GUESSES } from '#http/failed-attempts.ts'
import { ask } from '#test/admin.ts'
import { ADMIN_TOKEN, refusesAll, startBox } from '#test/server.ts'

const READ_TOKEN = 'a-token-that-only-reads'

const withReader = startBox({
  admin: { tokens: { admin: Redacted.make(ADMIN_TOKEN), read: Redacted.make(READ_TOKEN) } },
  providers: { alpha: { url: 'http://127.0.0.1:1' } },
})

const errorType = (answer: { readonly body: unknown }) => (answer.body as { error: { type: string } }).error.type

describe('the admin API', () => {
  it.live('answers whoever has its token, and nobody else', () =>
    Effect.gen(function* () {
      const box = yield* withReader
      expect((yield* ask(box, '/admin/providers')).status).toBe(200)
      for (const token of [null, '', 'wrong', ADMIN_TOKEN.slice(0, -1), `${ADMIN_TOKEN}x`]) {
        const answer = yield* ask(box, '/admin/providers', { token })
        expect(answer.status).toBe(401)
        expect(errorType(answer)).toBe('unauthorized')
        expect(answer.headers['www-authenticate']).toBe('Bearer')
      }
    }),
  )

  it.live('takes the token from its header alone', () =>
    Effect.gen(function* () {
      const box = yield* withReader
      const elsewhere = [
        ask(box, `/admin/providers?token=${ADMIN_TOKEN}`, { token: null }),
        ask(box, '/admin/providers', { token: null, headers: { cookie: `token=${ADMIN_TOKEN}` } }),
        ask(box, '/admin/providers', { token: null, headers: { 'x-api-key': ADMIN_TOKEN } }),
        ask(box, '/admin/providers', { token: null, headers: { authorization: `Basic ${ADMIN_TOKEN}` } }),
      ]
      for (const call of elsewhere) expect((yield* call).status).toBe(401)
    }),
  )

  it.live('lets the read token look at everything and change nothing', () =>
    Effect.gen(function* () {
      const box = yield* withReader
      const token = READ_TOKEN
      expect((yield* ask(box, '/admin/providers', { token })).status).toBe(200)
      const question = { model: 'claude-sonnet-5-5', max_tokens: 1, messages: [] }
      expect((yield* ask(box, '/admin/route', { token, method: 'POST', json: question })).status).toBe(200)
      const changes = [
        ask(box, '/admin/routing', { token, method: 'PUT', json: { strategy: 'cost' } }),
        ...['drain', 'enable', 'reset'].map((action) =>
          ask(box, `/admin/providers/alpha/${action}`, { token, method: 'POST', json: {} }),
        ),
      ]
      for (const change of changes) {
        const answer = yield* change
        expect(answer.status).toBe(403)
        expect(errorType(answer)).toBe('forbidden')
      }
    }),
  )

  it.live('refuses an address that guesses, the right token included, and says for how long', () =>
    Effect.gen(function* () {
      const box = yield* withReader
      for (let guess = 0; guess < MOST_GUESSES; guess++) {
        expect((yield* ask(box, '/admin/stats', { token: `guess-${guess}` })).status).toBe(401)
      }
      const blocked = yield* ask(box, '/admin/stats')
      expect(blocked.status).toBe(429)
      expect(errorType(blocked)).toBe('rate_limited')
      const seconds = Number(blocked.headers['retry-after'])
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(60)
    }),
  )

  it.live('takes the same wrong token again and again for one guess, and none for no guess', () =>
    Effect.gen(function* () {
      const box = yield* withReader
      for (let again = 0; again < 3 * MOST_GUESSES; again++) {
        expect((yield* ask(box, '/admin/stats', { token: again % 2 === 0 ? 'an old one' : null })).status).toBe(401)
      }
      expect((yield* ask(box, '/admin/stats')).status).toBe(200)
    }),
  )

  it.live('shows its document and its reference to anybody', () =>
    Effect.gen(function* () {
      const box = yield* withReader
      expect((yield* ask(box, '/admin/openapi.json', { token: null })).status).toBe(200)
      expect((yield* ask(box, '/admin/docs', { token: null })).status).toBe(200)
    }),
  )

  it.live('writes no token into any log, right or wrong', () =>
    Effect.gen(function* () {
      const lines: string[] = []
      const logger = Logger.make(({ message, cause }) => void lines.push(JSON.stringify([message, String(cause)])))
      yield* Effect.gen(function* () {
        const failing = { ...refusesAll, setOverrides: () => Effect.die(new Error('a bug')) }
        const box = yield* startBox({
          admin: { actions: failing },
          providers: { alpha: { url: 'http://127.0.0.1:1' } },
        })
        const answer = yield* ask(box, '/admin/routing', { method: 'PUT', json: { strategy: 'cost' } })
        expect(answer.status).toBe(500)
        expect(errorType(answer)).toBe('internal')
        yield* ask(box, '/admin/stats', { token: 'a-wrong-token' })
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
      expect(lines.join('\n')).toContain('a bug')
      expect(lines.join('\n')).not.toMatch(new RegExp(`${ADMIN_TOKEN}|a-wrong-token`))
    }),
  )

  it.live('is not there without being switched on', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ providers: { alpha: { url: 'http://127.0.0.1:1' } } })
      expect((yield* ask(box, '/admin/providers')).status).toBe(404)
    }),
  )
})
