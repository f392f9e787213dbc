/**
 * /admin/events over real sockets: pages are the log, every event once.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import { EventLogError } from '#actors/ports.ts'
import type { EventRow } from '#http/admin/event-row.ts'
import { ask } from '#test/admin.ts'
import { servedRequest } from '#test/recorded-events.ts'
import { startBox } from '#test/server.ts'

interface Page {
  readonly data: readonly EventRow[]
  readonly next: number | null
}

const T0 = Date.UTC(2026, 10, 25, 14)

/** A box whose log holds ten served requests, a minute apart, besides its own opening. */
const startWithTraffic = Effect.gen(function* () {
  const box = yield* startBox({ admin: {}, providers: { vertex: { url: 'http://127.0.0.1:1' } } })
  for (let n = 0; n < 10; n++) {
    // Decisions are the ledger's own.
    const facts = servedRequest(n).filter((event) => event._tag !== 'RouteChosen')
    for (const fact of facts) box.ledger.record(fact as Parameters<typeof box.ledger.record>[0], T0 + n * 60_000)
  }
  const events = yield* box.events
  const page = (query: string) => Effect.map(ask(box, `/admin/events${query}`), ({ body }) => body as Page)
  return { box, events, page }
})

describe('/admin/events', () => {
  it.live('tells each event with its envelope, as the log holds it', () =>
    Effect.gen(function* () {
      const { events, page } = yield* startWithTraffic
      const { data, next } = yield* page('?after=0&limit=500')
      expect(next).toBeNull()
      expect(data).toHaveLength(events.length)
      for (const [index, recorded] of events.entries()) {
        const { correlation = null, causation = null, ...envelope } = recorded
        expect(data[index]).toEqual({ ...envelope, correlation, causation, type: recorded.event._tag })
      }
    }),
  )

  it.live('pages either way: every event once, whatever the size of a page', () =>
    Effect.gen(function* () {
      const { events, page } = yield* startWithTraffic
      const positions = events.map(({ position }) => position)
      const walk = (way: 'after' | 'before', limit: number) =>
        Effect.gen(function* () {
          const seen: number[] = []
          let query = way === 'after' ? '&after=0' : ''
          for (;;) {
            const { data, next } = yield* page(`?limit=${limit}${query}`)
            seen.push(...data.map(({ position }) => position))
            if (next === null) return seen
            query = `&${way}=${next}`
          }
        })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.integer({ min: 1, max: positions.length + 1 }), (limit) =>
            Effect.runPromise(
              Effect.gen(function* () {
                expect(yield* walk('after', limit)).toEqual(positions)
                expect(yield* walk('before', limit)).toEqual(positions.toReversed())
              }),
            ),
          ),
          { numRuns: 8 },
        ),
      )
    }),
  )

  it.live('filters by type, stream, request and time, all together', () =>
    Effect.gen(function* () {
      const { events, page } = yield* startWithTraffic
      const kept = (fits: (event: (typeof events)[number]) => boolean) =>
        events.filter(fits).map(({ position }) => position)
      const shown = (query: string) =>
        Effect.map(page(`?after=0&limit=500${query}`), ({ data }) => data.map(({ position }) => position))
      const request = events.find(({ correlation }) => correlation !== undefined)?.correlation
      const types = ['AttemptStarted', 'RouteChosen']
      expect(yield* shown('&type=AttemptStarted&type=RouteChosen')).toEqual(
        kept(({ event }) => types.includes(event._tag)),
      )
      expect(yield* shown('&stream=box')).toEqual(kept(({ stream }) => stream === 'box'))
      expect(yield* shown(`&request=${request}`)).toEqual(kept(({ correlation }) => correlation === request))
      const [since, until] = [T0 + 2 * 60_000, T0 + 4 * 60_000]
      const between = kept(({ occurredAt }) => occurredAt >= since && occurredAt <= until)
      expect(between.length).toBeGreaterThan(0)
      expect(yield* shown(`&since=${since}&until=${until}`)).toEqual(between)
      const [from, to] = [new Date(since).toISOString(), new Date(until).toISOString()]
      expect(yield* shown(`&since=${from}&until=${to}`)).toEqual(between)
      expect(yield* shown(`&request=${request}&type=AttemptStarted&until=${until}`)).toHaveLength(1)
    }),
  )

  it.live.each(['limit=0', 'limit=501', 'limit=x', 'after=-1', 'after=1&before=2', 'since=yesterday', 'until=9e99'])(
    'does not take %s',
    (query) =>
      Effect.gen(function* () {
        const box = yield* startBox({ admin: {} })
        const answer = yield* ask(box, `/admin/events?${query}`)
        expect(answer.status).toBe(400)
        expect(answer.body).toMatchObject({ error: { type: 'invalid_request' } })
      }),
  )

  it.live('tells that the log cannot be read, and not why', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      const failing = Effect.fail(
        new EventLogError({ reason: { _tag: 'Unavailable', detail: 'a path of this machine' } }),
      )
      const other = yield* startBox({ admin: { log: { ...box.log, read: () => failing, placeAt: () => failing } } })
      for (const path of ['/admin/events', '/admin/requests/req_1', `/admin/state?at=${T0}`]) {
        const answer = yield* ask(other, path)
        expect(answer.status).toBe(503)
        expect(answer.body).toMatchObject({ error: { type: 'unavailable' } })
        expect(answer.text).not.toContain('a path')
      }
    }),
  )
})
