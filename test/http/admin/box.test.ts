/**
 * /admin/stats and /admin/config over real sockets.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { redactedConfig } from '#infra/config/redacted-config.ts'
import { ask } from '#test/admin.ts'
import { configured } from '#test/configured.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../../e2e/http-client.ts'

describe('/admin/stats', () => {
  it.live('counts what went through, and what it used', () =>
    Effect.gen(function* () {
      const { alpha } = yield* startProviders({ alpha: {} })
      const box = yield* startBox({ admin: {}, providers: { alpha: { url: alpha.url } } })
      for (let n = 0; n < 3; n++) yield* send(box.port, { body: callBody() })
      const { body } = yield* ask(box, '/admin/stats')
      const used = (yield* box.events).flatMap(({ event }) => (event._tag === 'AttemptSucceeded' ? [event.usage] : []))
      const outputTokens = used.reduce((sum, usage) => sum + usage.outputTokens, 0)
      expect(outputTokens).toBeGreaterThan(0)
      expect(body).toMatchObject({
        traffic: { totals: { admitted: 3, succeeded: 3, attempts: 3, fallbacks: 0 } },
        spend: { rows: [{ provider: 'alpha', attempts: 3, usage: { outputTokens } }], days: [{ attempts: 3 }] },
        inFlight: 0,
      })
    }),
  )
})

describe('/admin/config', () => {
  it.live('shows the configuration in force at this moment, without secrets', () =>
    Effect.gen(function* () {
      const [first, second] = [
        yield* configured({ providers: { a: { kind: 'anthropic', headers: { 'x-team-token': 'tell-no-one' } } } }),
        yield* configured({ providers: { a: { kind: 'anthropic', priority: 7 } } }),
      ]
      let inForce = first
      const box = yield* startBox({ admin: { config: () => redactedConfig(inForce) } })
      const before = yield* ask(box, '/admin/config')
      expect(before.body).toMatchObject({
        version: 'test',
        config: { providers: [{ id: 'a', headers: { 'x-team-token': '•••' } }] },
      })
      expect(before.text).not.toContain('tell-no-one')
      inForce = second
      expect((yield* ask(box, '/admin/config')).body).toMatchObject({
        config: { providers: [{ policy: { priority: 7 } }] },
      })
    }),
  )
})
