/**
 * What stands around every path of the admin API: origins, JSON only, headers.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { ask } from '#test/admin.ts'
import { startBox } from '#test/server.ts'

const OPS = 'https://ops.example.com'
const closed = startBox({ admin: {}, providers: { alpha: { url: 'http://127.0.0.1:1' } } })
const open = startBox({ admin: { corsOrigins: [OPS] }, providers: { alpha: { url: 'http://127.0.0.1:1' } } })

describe('a page', () => {
  it.live('of the box itself may call', () =>
    Effect.gen(function* () {
      const box = yield* closed
      const answer = yield* ask(box, '/admin/stats', { headers: { origin: `http://127.0.0.1:${box.port}` } })
      expect(answer.status).toBe(200)
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    }),
  )

  it.live.each([OPS, 'http://127.0.0.1:1', 'http://localhost', 'null', 'nonsense'])(
    'of the origin %s may not, with whatever token',
    (origin) =>
      Effect.gen(function* () {
        const box = yield* closed
        for (const path of ['/admin/stats', '/admin/openapi.json', '/admin/docs', '/admin/events/live']) {
          const answer = yield* ask(box, path, { headers: { origin } })
          expect(answer.status).toBe(403)
          expect(answer.headers['access-control-allow-origin']).toBeUndefined()
        }
        const preflight = yield* ask(box, '/admin/stats', { method: 'OPTIONS', token: null, headers: { origin } })
        expect(preflight.status).toBe(403)
      }),
  )

  it.live('of an origin that the operator named may call, from wherever the browser says it comes', () =>
    Effect.gen(function* () {
      const box = yield* open
      const headers = { origin: OPS, 'sec-fetch-site': 'cross-site' }
      const preflight = yield* ask(box, '/admin/routing', { method: 'OPTIONS', token: null, headers })
      expect(preflight.status).toBe(204)
      expect(preflight.headers).toMatchObject({
        'access-control-allow-origin': OPS,
        'access-control-allow-methods': 'GET, POST, PUT, DELETE',
        'access-control-allow-headers': expect.stringContaining('authorization'),
        vary: 'origin',
      })
      expect(preflight.headers['access-control-allow-credentials']).toBeUndefined()
      const answer = yield* ask(box, '/admin/routing', { headers })
      expect(answer.status).toBe(200)
      expect(answer.headers['access-control-allow-origin']).toBe(OPS)
    }),
  )

  it.live('of another site is refused, whatever path it asks', () =>
    Effect.gen(function* () {
      const box = yield* open
      const others = [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' },
      ]
      for (const headers of others) expect((yield* ask(box, '/admin/stats', { headers })).status).toBe(403)
      const named = { 'sec-fetch-site': 'cross-site', origin: OPS }
      // Named is the origin for the admin API, not for the messages path.
      expect((yield* ask(box, '/health', { headers: named })).status).toBe(403)
    }),
  )
})

describe('a change', () => {
  it.live.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', undefined])(
    'is taken as JSON only, not as %s',
    (type) =>
      Effect.gen(function* () {
        const box = yield* closed
        const headers = type === undefined ? {} : { 'content-type': type }
        for (const path of ['/admin/providers/alpha/drain', '/admin/route']) {
          const answer = yield* ask(box, path, { method: 'POST', headers })
          expect(answer.status).toBe(415)
          expect(answer.body).toMatchObject({ error: { type: 'unsupported_media_type' } })
        }
      }),
  )
})

describe('every answer', () => {
  it.live('forbids guessing at its type and keeping it', () =>
    Effect.gen(function* () {
      const box = yield* closed
      const calls = [
        ask(box, '/admin/stats'),
        ask(box, '/admin/stats', { token: 'wrong' }),
        ask(box, '/admin/nothing'),
        ask(box, '/admin/stats', { method: 'POST', json: {} }),
        ask(box, '/admin/stats', { headers: { origin: OPS } }),
        ask(box, '/admin/docs'),
        ask(box, '/admin/openapi.json'),
      ]
      const answers = yield* Effect.all(calls)
      expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 405, 403, 200, 200])
      for (const { headers } of answers) {
        expect(headers['x-content-type-options']).toBe('nosniff')
        expect(headers['cache-control']).toBe('no-store')
      }
    }),
  )

  it.live('to a wrong method names the right ones', () =>
    Effect.gen(function* () {
      const box = yield* closed
      const answer = yield* ask(box, '/admin/routing', { method: 'DELETE', json: {} })
      expect(answer.status).toBe(405)
      expect(answer.headers.allow).toBe('GET, PUT')
      expect((yield* ask(box, '/admin/providers/alpha', { method: 'POST', json: {} })).headers.allow).toBe('GET')
    }),
  )
})
