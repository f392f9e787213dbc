/**
 * /admin/sessions over real sockets: a session as its requests made it.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { SessionBook } from '#domain/books-query.ts'
import { ask } from '#test/admin.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../../e2e/http-client.ts'

const headersOf = (session: string, agent?: string, parent?: string) => [
  ['content-type', 'application/json'] as const,
  ['x-claude-code-session-id', session] as const,
  ...(agent === undefined ? [] : [['x-claude-code-agent-id', agent] as const]),
  ...(parent === undefined ? [] : [['x-claude-code-parent-agent-id', parent] as const]),
]

describe('/admin/sessions', () => {
  it.live('shows the conversation with its agents below it, and its requests', () =>
    Effect.gen(function* () {
      const { alpha } = yield* startProviders({ alpha: {} })
      const box = yield* startBox({ admin: {}, providers: { alpha: { url: alpha.url } } })
      for (const headers of [
        headersOf('s-1'),
        headersOf('s-1', 'a-1'),
        headersOf('s-1', 'a-2', 'a-1'),
        headersOf('s-1', 'a-2', 'a-1'),
        headersOf('s-2'),
      ]) {
        yield* send(box.port, { headers, body: callBody() })
      }
      const events = yield* box.events
      const { status, body } = yield* ask(box, '/admin/sessions/s-1')
      expect(status).toBe(200)
      const book = body as SessionBook
      expect(book).toMatchObject({
        sessionId: 's-1',
        root: {
          ...{ agentId: null, sums: { requests: 1 }, branch: { requests: 4 } },
          agents: [
            {
              ...{ agentId: 'a-1', sums: { requests: 1 }, branch: { requests: 3 } },
              agents: [{ agentId: 'a-2', sums: { requests: 2 }, branch: { requests: 2 }, agents: [] }],
            },
          ],
        },
      })
      const admitted = events.flatMap(({ event, position }) =>
        event._tag === 'RequestAdmitted' && event.sessionId === 's-1' ? [{ position, requestId: event.requestId }] : [],
      )
      expect(book.requests.map(({ position, requestId }) => ({ position, requestId }))).toEqual(admitted.toReversed())
    }),
  )

  it.live('knows no others', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      const { status, body } = yield* ask(box, '/admin/sessions/nobody')
      expect(status).toBe(404)
      expect(body).toMatchObject({ error: { type: 'not_found' } })
    }),
  )
})
