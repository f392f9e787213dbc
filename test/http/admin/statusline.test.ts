/**
 * /admin/statusline over a real socket: the folded state with the sums of the books.
 */
import { describe, expect, it } from '@effect/vitest'
import { Context, Effect, Layer } from 'effect'
import { Books, EventLog } from '#actors/ports.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { ask } from '#test/admin.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../../e2e/http-client.ts'

const price = { input: 1, output: 5, cacheRead: 0.1, cacheWrite5m: 1.25, cacheWrite1h: 2 }

describe('/admin/statusline', () => {
  it.live('tells who serves a session and what it cost', () =>
    Effect.gen(function* () {
      const stored = yield* Layer.build(layerMemory())
      const { alpha } = yield* startProviders({ alpha: {} })
      const box = yield* startBox({
        log: Layer.succeed(EventLog, Context.get(stored, EventLog)),
        admin: { books: Context.get(stored, Books) },
        providers: { alpha: { url: alpha.url, policy: { prices: { '*': price } } } },
      })
      const headers = [
        ['content-type', 'application/json'],
        ['x-claude-code-session-id', 'session-1'],
      ] as const
      yield* send(box.port, { body: callBody(), headers })
      yield* send(box.port, { body: callBody(), headers })
      const cost = (yield* box.events)
        .flatMap(({ event }) => (event._tag === 'AttemptSucceeded' ? [event.costNanoUsd ?? 0] : []))
        .reduce((a, b) => a + b, 0)
      expect(cost).toBeGreaterThan(0)
      const told = yield* ask(box, '/admin/statusline?session=session-1')
      expect(told).toMatchObject({
        status: 200,
        body: {
          provider: { id: 'alpha', state: 'healthy' },
          today: { costNanoUsd: cost, unpriced: false },
          session: { costNanoUsd: cost, unpriced: false },
          alerts: [],
        },
      })
      expect((yield* ask(box, '/admin/statusline?session=other')).body).toMatchObject({ provider: null, session: null })
      expect((yield* ask(box, '/admin/statusline')).body).toMatchObject({ provider: { id: 'alpha' }, session: null })
      expect((yield* ask(box, '/admin/statusline', { token: null })).status).toBe(401)
    }),
  )
})
