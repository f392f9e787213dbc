/**
 * /admin/costs over real sockets: the sums are those of the log's own events.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { CostReport } from '#domain/books-query.ts'
import type { DomainEvent } from '#domain/events.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { ask } from '#test/admin.ts'
import { type RunningBox, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../../e2e/http-client.ts'

const price = { input: 2, output: 10, cacheRead: 0.2, cacheWrite5m: 2.5, cacheWrite1h: 4 }

const headersOf = (session: string) =>
  [
    ['content-type', 'application/json'],
    ['x-claude-code-session-id', session],
    ['x-signalbox-project', `project of ${session}`],
  ] as const

/** Three requests served by alpha, then one by beta, because nobody listens at alpha any more. */
const start = Effect.gen(function* () {
  const { alpha, beta } = yield* startProviders({ alpha: {}, beta: {} })
  const box = yield* startBox({
    admin: {},
    timeZone: 'Asia/Tokyo',
    providers: {
      alpha: { url: alpha.url, policy: { prices: { '*': price } } },
      beta: { url: beta.url, policy: { prices: { '*': { ...price, output: 20 } } } },
    },
  })
  for (const session of ['s-1', 's-2', 's-1']) yield* send(box.port, { headers: headersOf(session), body: callBody() })
  yield* alpha.refuseConnections
  yield* send(box.port, { headers: headersOf('s-2'), body: callBody() })
  return { box, events: yield* box.events }
})

type Answer = CostReport & {
  readonly by: readonly string[]
  readonly timeZone: string
  readonly from: number | null
  readonly to: number | null
}

const costs = (box: RunningBox, query = '') =>
  Effect.map(ask(box, `/admin/costs${query}`), ({ body }) => body as Answer)

type Success = Extract<DomainEvent, { readonly _tag: 'AttemptSucceeded' }>
const successes = (events: readonly RecordedEvent[]): readonly Success[] =>
  events.flatMap(({ event }) => (event._tag === 'AttemptSucceeded' ? [event] : []))

/** The sums of some attempts, as far as they are compared. */
const sumsOf = (attempts: readonly Success[]) => ({
  succeeded: attempts.length,
  inputTokens: attempts.reduce((sum, { usage }) => sum + usage.inputTokens, 0),
  outputTokens: attempts.reduce((sum, { usage }) => sum + usage.outputTokens, 0),
  costNanoUsd: attempts.reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0),
})

describe('/admin/costs', () => {
  it.live('sums what the events of the log say, by provider and in total', () =>
    Effect.gen(function* () {
      const { box, events } = yield* start
      const report = yield* costs(box, '?by=provider')
      const of = (provider: string) => successes(events).filter((event) => event.provider === provider)
      expect(report.total).toMatchObject(sumsOf(successes(events)))
      expect(report.total.costNanoUsd).toBeGreaterThan(0)
      expect(report.rows.map(({ key }) => key[0]).toSorted()).toEqual(['alpha', 'beta'])
      for (const { key, sums } of report.rows) expect(sums).toMatchObject(sumsOf(of(String(key[0]))))
      expect(report.groups).toBe(2)
    }),
  )

  it.live('takes two dimensions in their order, in one text or in two', () =>
    Effect.gen(function* () {
      const { box, events } = yield* start
      const inOne = yield* costs(box, '?by=session,provider')
      expect(yield* costs(box, '?by=session&by=provider')).toEqual(inOne)
      expect(inOne.by).toEqual(['session', 'provider'])
      const keys = inOne.rows.map(({ key }) => key.join(' at ')).toSorted()
      expect(keys).toEqual(['s-1 at alpha', 's-2 at alpha', 's-2 at beta'])
      const twice = inOne.rows.find(({ key }) => key[0] === 's-1')
      expect(twice?.sums).toMatchObject({ requests: 2, ...sumsOf(successes(events).slice(0, 2)) })
    }),
  )

  it.live('narrows by names and by time, and cuts rows but never the total', () =>
    Effect.gen(function* () {
      const { box, events } = yield* start
      const [first] = successes(events)
      expect((yield* costs(box, '?provider=beta')).total).toMatchObject(sumsOf(successes(events).slice(3)))
      expect((yield* costs(box, `?model=${first?.model}&provider=alpha`)).total.requests).toBe(3)
      expect((yield* costs(box, '?project=project%20of%20s-2')).total.requests).toBe(2)
      expect((yield* costs(box, '?session=s-3')).total.requests).toBe(0)
      const hour = 3_600_000
      const at = Math.floor((events[0]?.occurredAt ?? 0) / hour) * hour
      expect((yield* costs(box, `?from=${at + 2 * hour}`)).total.requests).toBe(0)
      expect((yield* costs(box, `?from=${new Date(at).toISOString()}`)).total.requests).toBe(4)
      const cut = yield* costs(box, '?by=provider&limit=1')
      expect(cut).toMatchObject({ groups: 2, rows: [{ sums: expect.anything() }], total: { requests: 4 } })
      expect(cut.rows).toHaveLength(1)
    }),
  )

  it.live('has the days of the configured time zone, or of another one, and takes a day whole', () =>
    Effect.gen(function* () {
      const { box, events } = yield* start
      const dayIn = (timeZone: string, at: number) =>
        new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at)
      // Sums are kept by the hour, which belongs to the day in which it begins.
      const hour = Math.floor((successes(events).length && (events.at(-1)?.occurredAt ?? 0)) / 3_600_000) * 3_600_000
      for (const timeZone of ['Asia/Tokyo', 'Pacific/Honolulu']) {
        const query = timeZone === 'Asia/Tokyo' ? '' : `&timeZone=${timeZone}`
        const day = dayIn(timeZone, hour)
        const report = yield* costs(box, `?by=day&from=${day}&to=${day}${query}`)
        expect(report).toMatchObject({ timeZone, rows: [{ key: [day], sums: { requests: 4 } }] })
        const { from, to } = report
        expect([dayIn(timeZone, from ?? 0), dayIn(timeZone, (from ?? 0) - 1)]).toEqual([
          day,
          expect.not.stringMatching(day),
        ])
        expect((to ?? 0) - (from ?? 0)).toBe(86_400_000)
        expect((yield* costs(box, `?by=day&to=${from}${query}`)).rows).toEqual([])
      }
    }),
  )

  it.live('refuses what it cannot sum by', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      for (const query of [
        'by=colour',
        'by=day,hour,key',
        'by=day,day',
        'timeZone=Mars',
        'from=soon',
        'limit=0',
        'limit=1001',
      ]) {
        const { status, body } = yield* ask(box, `/admin/costs?${query}`)
        expect(status, query).toBe(400)
        expect(body).toMatchObject({ error: { type: 'invalid_request' } })
      }
      expect(yield* costs(box)).toMatchObject({ by: [], rows: [], timeZone: 'UTC', from: null, total: { requests: 0 } })
    }),
  )
})
