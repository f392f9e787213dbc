/**
 * /admin/requests over real sockets, with simulated providers behind the box.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { BookedRequest } from '#domain/books.ts'
import { modelId, requestId } from '#domain/ids.ts'
import { ask } from '#test/admin.ts'
import { requestNamed } from '#test/generators.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send } from '../../e2e/http-client.ts'

interface Page {
  readonly data: readonly BookedRequest[]
  readonly next: string | null
}

const list = (box: { readonly port: number }, query = '') =>
  Effect.map(ask(box, `/admin/requests${query}`), ({ body }) => body as Page)

const asJson = (session: string) =>
  [
    ['content-type', 'application/json'],
    ['x-claude-code-session-id', session],
  ] as const

describe('/admin/requests', () => {
  it.live('shows a request with its route, its attempts and its end, as its events tell it', () =>
    Effect.gen(function* () {
      const { bad, good } = yield* startProviders({ bad: {}, good: {} })
      // Nobody listens at its port.
      yield* bad.refuseConnections
      const box = yield* startBox({ admin: {}, providers: { bad: { url: bad.url }, good: { url: good.url } } })
      const id = header(yield* send(box.port, { headers: asJson('s-1'), body: callBody() }), 'x-signalbox-request-id')
      const events = (yield* box.events).filter(({ correlation }) => correlation === id)
      const { body } = yield* ask(box, `/admin/requests/${id}`)
      expect(body).toMatchObject({
        explanation: {
          requestId: id,
          route: { strategy: 'priority', candidates: [{ provider: 'bad' }, { provider: 'good' }], skipped: [] },
          attempts: [
            { attempt: 1, provider: 'bad', outcome: 'failed', reason: { _tag: 'Transport' } },
            { attempt: 2, provider: 'good', outcome: 'succeeded' },
          ],
          outcome: 'succeeded',
          servedBy: 'good',
          status: 200,
        },
        events: events.map(({ position, event }) => ({ position, type: event._tag, event })),
      })
      const page = yield* list(box)
      expect(page).toMatchObject({
        data: [{ requestId: id, outcome: 'succeeded', provider: 'good', attempts: 2, sessionId: 's-1' }],
      })
    }),
  )

  it.live('knows no others', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      expect((yield* ask(box, '/admin/requests/req_none')).status).toBe(404)
    }),
  )

  it.live('filters, those under way among them', () =>
    Effect.gen(function* () {
      const { alpha, beta } = yield* startProviders({ alpha: {}, beta: {} })
      const box = yield* startBox({ admin: {}, providers: { alpha: { url: alpha.url }, beta: { url: beta.url } } })
      for (const session of ['s-1', 's-2', 's-1']) yield* send(box.port, { headers: asJson(session), body: callBody() })
      box.ledger.record(
        {
          ...{ _tag: 'RequestAdmitted', requestId: requestId('req_open'), model: modelId('m'), stream: true },
          ...{ bodyBytes: 1, messages: 1, tools: 0, images: 0, draw: 0 },
        },
        Date.now() + 1_000,
      )
      yield* box.ledger.committed
      const count = (query: string) => Effect.map(list(box, query), ({ data }) => data.length)
      expect(yield* count('')).toBe(4)
      expect(yield* count('?session=s-1')).toBe(2)
      expect(yield* count('?session=s-1&provider=beta')).toBe(0)
      expect(yield* count('?provider=alpha')).toBe(3)
      expect(yield* count('?outcome=succeeded')).toBe(3)
      expect((yield* list(box, '?outcome=inFlight')).data).toMatchObject([{ requestId: 'req_open', outcome: null }])
      expect((yield* ask(box, '/admin/requests?outcome=lost')).status).toBe(400)
    }),
  )

  it.live('filters by who asked, when, for what and at what cost, as the events say', () =>
    Effect.gen(function* () {
      const { alpha, beta } = yield* startProviders({ alpha: {}, beta: {} })
      const price = { input: 2, output: 10, cacheRead: 0.2, cacheWrite5m: 2.5, cacheWrite1h: 4 }
      const box = yield* startBox({
        admin: {},
        providers: {
          alpha: { url: alpha.url, policy: { prices: { '*': price } } },
          beta: { url: beta.url, policy: { prices: { '*': { ...price, output: 1_000 } } } },
        },
      })
      const ask = (project: string) =>
        send(box.port, { headers: [...asJson('s-1'), ['x-signalbox-project', project]], body: callBody() })
      yield* ask('cheap')
      yield* alpha.refuseConnections
      yield* ask('dear')
      const events = yield* box.events
      const costs = events.flatMap(({ event }) => (event._tag === 'AttemptSucceeded' ? [event.costNanoUsd ?? 0] : []))
      expect((yield* list(box)).data.map(({ costNanoUsd }) => costNanoUsd)).toEqual(costs.toReversed())
      const [cheap = 0, dear = 0] = costs
      expect(dear).toBeGreaterThan(cheap)
      const projects = (query: string) => Effect.map(list(box, query), ({ data }) => data.map(({ project }) => project))
      expect(yield* projects(`?minimumNanoUsd=${dear}`)).toEqual(['dear'])
      expect(yield* projects(`?minimumNanoUsd=${cheap}`)).toEqual(['dear', 'cheap'])
      expect(yield* projects('?project=cheap')).toEqual(['cheap'])
      expect(yield* projects('?key=nobody')).toEqual([])
      expect(yield* projects('?model=claude-nobody')).toEqual([])
      const admitted = events.filter(({ event }) => event._tag === 'RequestAdmitted')
      const [first, second] = admitted.map(({ occurredAt }) => occurredAt)
      expect(yield* projects(`?from=${second}`)).toEqual(['dear'])
      expect(yield* projects(`?to=${second}`)).toEqual(first === second ? [] : ['cheap'])
      const today = new Date(first ?? 0).toISOString().slice(0, 10)
      expect(yield* projects(`?from=${today}`)).toEqual(['dear', 'cheap'])
      expect(yield* projects('?to=2026-01-01')).toEqual([])
    }),
  )

  it.live('pages: every request once, the newest first, whatever the size of the page', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      // Three of a millisecond: their order is that of the log.
      for (let n = 0; n < 25; n++) {
        const of = { requestId: requestNamed(n), bodyBytes: 1, messages: 1, tools: 0, images: 0, draw: 0 }
        box.ledger.record(
          { _tag: 'RequestAdmitted', ...of, model: modelId('m'), stream: false },
          1_000 + Math.floor(n / 3),
        )
      }
      yield* box.ledger.committed
      for (const limit of [1, 2, 7, 25, 200]) {
        const seen: BookedRequest[] = []
        let next: string | null = ''
        while (next !== null) {
          const page: Page = yield* list(box, `?limit=${limit}${next === '' ? '' : `&cursor=${next}`}`)
          expect(page.data.length).toBeLessThanOrEqual(limit)
          seen.push(...page.data)
          next = page.next
        }
        expect(seen.map((row) => row.requestId)).toEqual(Array.from({ length: 25 }, (_, n) => requestNamed(24 - n)))
      }
      for (const query of ['cursor=nonsense', 'cursor=0', 'limit=201', 'from=soon', 'minimumNanoUsd=-1']) {
        expect((yield* ask(box, `/admin/requests?${query}`)).status).toBe(400)
      }
    }),
  )
})
