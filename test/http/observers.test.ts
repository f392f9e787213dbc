/**
 * Who may look at metrics and health: on this machine everybody, beyond it whoever has a token.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Redacted } from 'effect'
import { MOST_GUESSES } from '#http/failed-attempts.ts'
import { ask } from '#test/admin.ts'
import { ADMIN_TOKEN, startBox } from '#test/server.ts'

const READ_TOKEN = 'a-token-that-only-reads'
const providers = { alpha: { url: 'http://127.0.0.1:1' } }
const admin = { tokens: { admin: Redacted.make(ADMIN_TOKEN), read: Redacted.make(READ_TOKEN) } }

/** Listens where others reach it; asked on loopback all the same. */
const everywhere = startBox({ admin, providers, server: { host: '0.0.0.0' } })

describe('metrics and health', () => {
  it.live('are open where only this machine can ask, and where the operator says so', () =>
    Effect.gen(function* () {
      const boxes = [
        startBox({ admin, providers }),
        startBox({ providers, server: { host: '0.0.0.0', openMetrics: true } }),
      ]
      for (const start of boxes) {
        const box = yield* start
        expect((yield* ask(box, '/metrics', { token: null })).text).toContain('signalbox_')
        expect((yield* ask(box, '/health', { token: null })).body).toMatchObject({ providers: [{ id: 'alpha' }] })
      }
    }),
  )

  it.live('are for the tokens of the admin API beyond, whichever of them', () =>
    Effect.gen(function* () {
      const box = yield* everywhere
      for (const token of [ADMIN_TOKEN, READ_TOKEN]) {
        expect((yield* ask(box, '/metrics', { token })).text).toContain('signalbox_')
        expect((yield* ask(box, '/health', { token })).body).toMatchObject({ providers: [{ id: 'alpha' }] })
      }
      const scheme = { token: null, headers: { authorization: `bearer ${READ_TOKEN}` } }
      expect((yield* ask(box, '/metrics', scheme)).status).toBe(200)
    }),
  )

  it.live('tell strangers whether the box is well, and no more', () =>
    Effect.gen(function* () {
      const box = yield* everywhere
      for (const token of [null, '', 'wrong']) {
        const metrics = yield* ask(box, '/metrics', { token })
        expect(metrics.status).toBe(401)
        expect(metrics.text).not.toContain('signalbox_')
        const health = yield* ask(box, '/health', { token })
        expect([health.status, health.body]).toEqual([200, { status: 'ok' }])
      }
      for (const path of ['/livez', '/readyz', '/api/hello']) {
        expect((yield* ask(box, path, { token: null })).status).toBe(200)
      }
    }),
  )

  it.live('refuse an address that guesses, as the admin API does and together with it', () =>
    Effect.gen(function* () {
      const box = yield* everywhere
      for (let guess = 0; guess < MOST_GUESSES; guess++) yield* ask(box, '/metrics', { token: `guess-${guess}` })
      for (const path of ['/metrics', '/health', '/admin/stats']) {
        const blocked = yield* ask(box, path)
        expect([path, blocked.status]).toEqual([path, 429])
        expect(Number(blocked.headers['retry-after'])).toBeGreaterThan(0)
      }
    }),
  )

  it.live('are nobody’s beyond this machine where there is no token at all', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ providers, server: { host: '0.0.0.0' } })
      expect((yield* ask(box, '/metrics')).status).toBe(401)
    }),
  )
})
