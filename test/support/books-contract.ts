/**
 * What every adapter's books must do. The whole suite runs on one log, as a process would: each test looks at a project of its
 * own and never assumes empty books.
 */
import { expect, layer } from '@effect/vitest'
import { Effect, type Layer } from 'effect'
import fc from 'fast-check'
import { Books, EventLog, type EventLogError } from '#actors/ports.ts'
import { type BookedRequest, type CostSums, noCost } from '#domain/books.ts'
import { addCost, DIMENSIONS, type Dimension, MOST_REQUEST_ROWS, sumCost } from '#domain/books-query.ts'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { noUsage } from '#domain/usage.ts'
import { envelopes, happenings } from '#test/recorded-events.ts'

const HOUR_MS = 3_600_000
/** 2026-03-28T12:00:00Z, the day before the clocks of Europe go forward. */
const NOON = Date.UTC(2026, 2, 28, 12)

/** Runs the contract; `makeLayer` gives an empty log. */
export const booksContract = (name: string, makeLayer: () => Layer.Layer<EventLog | Books, EventLogError>): void => {
  layer(makeLayer())(`${name} books`, (it) => {
    let last = 0
    /** Writers take turns on the streams that belong to no request. */
    const versions = new Map<string, number>()
    const fresh = (what: string) => `${what}_${++last}`

    /** A writer of its own that can be told the time, in a project of its own. */
    const newWriter = () => {
      const wrap = envelopes(fresh('box_books'), NOON, versions)
      const project = fresh('project')
      const at = (time: number, ...events: readonly DomainEvent[]): readonly NewEvent[] =>
        wrap(events.map((event) => (event._tag === 'RequestAdmitted' ? { ...event, project } : event))).map(
          (event) => ({
            ...event,
            occurredAt: time,
          }),
        )
      return { project, at }
    }

    it.effect('has a row of a request from its admission on, and all of it when it has ended', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        const id = requestId(fresh('req'))
        const [session, agent] = [fresh('session'), fresh('agent')]
        const position = 1 + (yield* log.head)
        yield* log.append(
          at(
            NOON,
            admitted(id, { sessionId: session, agentId: agent, parentAgentId: 'agent_0', clientKey: 'key_1' }),
            routed(id),
            started(id, 1, 'vertex', { switchNanoUsd: 40 }),
          ),
        )
        const open: BookedRequest = {
          ...{ position, requestId: id, admittedAt: NOON, model: 'claude-sonnet-5-5', sessionId: session },
          ...{ agentId: agent, parentAgentId: 'agent_0', clientKey: 'key_1', project, stream: true },
          ...{ strategy: 'intelligent', provider: 'vertex', servedModel: null, attempts: 1, outcome: null },
          ...{ status: null, reason: null, ttftMs: null, durationMs: null, ...tokens(0), webSearches: 0 },
          ...{ costNanoUsd: 0, cacheSavedNanoUsd: 0, unpriced: 0, estimated: false, endedPosition: null },
        }
        expect(yield* books.request(id)).toEqual(open)
        expect((yield* books.requests({ limit: 10, project })).rows).toEqual([open])
        const money = { costNanoUsd: 1_000, cacheSavedNanoUsd: -7 }
        yield* log.append(
          at(NOON + 2_500, succeeded(id, 1, 'vertex', { usage: { ...tokens(3), webSearches: 2 }, ...money })),
        )
        const done: BookedRequest = {
          ...open,
          ...{ servedModel: 'claude-sonnet-5-5@vertex', outcome: 'succeeded', status: 200, ttftMs: 900 },
          ...{ durationMs: 2_500, ...tokens(3), webSearches: 2, ...money, endedPosition: position + 3 },
        }
        expect(yield* books.request(id)).toEqual(done)
        expect(yield* books.costs({ by: [], filter: { project } })).toEqual({
          rows: [],
          groups: 0,
          total: {
            ...noCost,
            ...{ requests: 1, attempts: 1, succeeded: 1, ...tokens(3), webSearches: 2, costNanoUsd: 1_000 },
            ...{ listNanoUsd: 1_000, cacheSavedNanoUsd: -7, switchNanoUsd: 40 },
          },
        })
        expect(yield* books.request('req_nobody')).toBeUndefined()
      }),
    )

    it.effect('books every attempt to its own provider, and the request to the last one', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        const id = requestId(fresh('req'))
        yield* log.append(
          at(
            NOON,
            admitted(id),
            started(id, 1, 'vertex'),
            failed(id, 1, 'vertex', { usage: tokens(5), costNanoUsd: 30, estimated: true }),
            started(id, 2, 'openrouter'),
            succeeded(id, 2, 'openrouter', { usage: tokens(1), costNanoUsd: 100, reportedCostNanoUsd: 120 }),
          ),
        )
        const { rows, total } = yield* books.costs({ by: ['provider'], filter: { project } })
        expect(rows).toEqual([
          {
            key: ['openrouter'],
            sums: {
              ...noCost,
              ...{ requests: 1, attempts: 1, succeeded: 1, ...tokens(1), costNanoUsd: 120, listNanoUsd: 100 },
            },
          },
          {
            key: ['vertex'],
            sums: {
              ...noCost,
              ...{ attempts: 1, failed: 1, ...tokens(5), costNanoUsd: 30, listNanoUsd: 30 },
              ...{ estimated: 1, estimatedNanoUsd: 30 },
            },
          },
        ])
        expect(total).toEqual(sumCost(rows.map(({ sums }) => sums)))
        expect(yield* books.request(id)).toMatchObject({ costNanoUsd: 150, attempts: 2, estimated: true, ...tokens(6) })
      }),
    )

    it.effect('counts a cost that nobody knows, and does not take it for nothing', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        const [first, second] = [requestId(fresh('req')), requestId(fresh('req'))]
        yield* log.append(
          at(NOON, admitted(first), started(first, 1, 'ollama'), succeeded(first, 1, 'ollama', { usage: tokens(2) })),
        )
        yield* log.append(
          at(NOON, admitted(second), started(second, 1, 'ollama'), {
            ...{ _tag: 'RequestAbandoned', requestId: second, attempts: 1, provider: providerId('ollama') },
            costNanoUsd: 55,
          }),
        )
        const { total } = yield* books.costs({ by: [], filter: { project } })
        expect(total).toEqual({
          ...noCost,
          ...{ requests: 2, attempts: 2, succeeded: 1, failed: 1, ...tokens(2), costNanoUsd: 55, listNanoUsd: 55 },
          ...{ unpriced: 1, estimated: 1, estimatedNanoUsd: 55 },
        })
        expect(yield* books.request(first)).toMatchObject({ costNanoUsd: 0, unpriced: 1, estimated: false })
        expect(yield* books.request(second)).toMatchObject({ costNanoUsd: 55, outcome: 'abandoned', estimated: true })
      }),
    )

    it.effect('books requests that were sent to nobody, under no provider', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        const [refused, left] = [requestId(fresh('req')), requestId(fresh('req'))]
        const reason = { _tag: 'BudgetExceeded', budget: 'daily' } as const
        yield* log.append(
          at(NOON, admitted(refused), { _tag: 'RequestFailed', requestId: refused, attempts: 0, status: 429, reason }),
        )
        yield* log.append(
          at(NOON, admitted(left), { _tag: 'RequestCancelled', requestId: left, attempts: 0, by: 'client' }),
        )
        expect((yield* books.costs({ by: ['provider'], filter: { project } })).rows).toEqual([
          { key: [null], sums: { ...noCost, requests: 2 } },
        ])
        expect((yield* books.costs({ by: [], filter: { project, provider: null } })).total.requests).toBe(2)
        expect(yield* books.request(refused)).toMatchObject({
          outcome: 'failed',
          status: 429,
          reason: 'BudgetExceeded',
        })
        expect(yield* books.request(left)).toMatchObject({ outcome: 'cancelled', provider: null })
      }),
    )

    it.effect('groups by the days of a time zone, over a change of its clocks', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        // In Berlin the 28th ends at 23:00Z, the 29th (23 hours long) at 22:00Z.
        for (const hour of [10, 11, 33, 34]) yield* log.append(at(NOON + hour * HOUR_MS, ...served(fresh('req'), 1)))
        const days = (timeZone: string) =>
          Effect.map(books.costs({ by: ['day'], timeZone, filter: { project } }), ({ rows }) =>
            rows.map(({ key, sums }) => [key[0], sums.requests]),
          )
        expect(yield* days('Europe/Berlin')).toEqual([
          ['2026-03-30', 1],
          ['2026-03-29', 2],
          ['2026-03-28', 1],
        ])
        expect(yield* days('UTC')).toEqual([
          ['2026-03-29', 2],
          ['2026-03-28', 2],
        ])
        // An hour belongs to the day in which it begins: 18:00Z is 23:30 in Kolkata.
        yield* log.append(at(NOON + 6 * HOUR_MS + 1_800_000, ...served(fresh('req'), 1)))
        expect(yield* days('Asia/Kolkata')).toEqual([
          ['2026-03-30', 2],
          ['2026-03-29', 2],
          ['2026-03-28', 1],
        ])
        const hours = yield* books.costs({ by: ['hour'], filter: { project }, from: NOON, to: NOON + 11 * HOUR_MS })
        expect(hours.rows.map(({ key }) => key)).toEqual([['2026-03-28T22:00Z'], ['2026-03-28T18:00Z']])
      }),
    )

    it.effect('sums to the total over any grouping, in whatever batches the events came, however often', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const run = Effect.runPromiseWith(yield* Effect.context<EventLog | Books>())
        const groupings = fc.subarray([...DIMENSIONS], { minLength: 1, maxLength: 2 })
        const property = fc.asyncProperty(
          happenings(6),
          fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
          fc.array(groupings, { minLength: 3, maxLength: 3 }),
          fc.constantFrom('UTC', 'America/New_York', 'Asia/Kathmandu'),
          (raw, sizes, grouped, timeZone) =>
            run(
              Effect.gen(function* () {
                const { project, at } = newWriter()
                const events = at(NOON, ...withIds(raw, () => fresh('req'))).map((event, index) => ({
                  ...event,
                  occurredAt: NOON + index * 1_234_567,
                }))
                for (let from = 0, n = 0; from < events.length; n++) {
                  const batch = events.slice(from, from + (sizes[n % sizes.length] ?? 1))
                  yield* log.append(batch)
                  // A commit that was not heard of comes again, alone or with what follows.
                  if (n % 3 === 0) yield* log.append(batch)
                  if (n % 3 === 1) yield* log.append(events.slice(from, from + batch.length + 1))
                  from += batch.length
                }
                const filter = { project }
                const { total } = yield* books.costs({ by: [], filter })
                // Generated attempts end with other providers than they began with, so what a switch cost cannot be told.
                expect({ ...total, switchNanoUsd: 0 }).toEqual(plainTotal(events))
                for (const by of grouped) {
                  const report = yield* books.costs({ by: by as readonly Dimension[], timeZone, filter })
                  expect(sumCost(report.rows.map(({ sums }) => sums))).toEqual(total)
                  expect(report.total).toEqual(total)
                  expect(report.groups).toBe(report.rows.length)
                  expect(new Set(report.rows.map(({ key }) => JSON.stringify(key))).size).toBe(report.groups)
                  // Cut short, the total is still that of all.
                  const cut = yield* books.costs({ by: by as readonly Dimension[], timeZone, filter, limit: 1 })
                  expect(cut.rows.length).toBe(Math.min(1, report.groups))
                  expect(cut).toMatchObject({ total, groups: report.groups })
                }
                const { rows } = yield* books.requests({ limit: MOST_REQUEST_ROWS, project })
                expect(rows.reduce((sum, row) => sum + row.costNanoUsd, 0)).toBe(total.costNanoUsd)
                expect(rows.reduce((sum, row) => sum + row.unpriced, 0)).toBe(total.unpriced)
                expect(yield* books.spent({ project })).toBe(total.costNanoUsd)
              }),
            ),
        )
        yield* Effect.promise(() => fc.assert(property, { numRuns: 60 }))
      }),
    )

    it.effect('answers every question for requests as a filter of all rows would, page by page', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const run = Effect.runPromiseWith(yield* Effect.context<EventLog | Books>())
        const { project, at } = newWriter()
        for (const [n, raw] of fc.sample(happenings(10), { numRuns: 8, seed: 20_261_125 }).entries()) {
          // Starts would close what these leave open.
          const own = withIds(raw, () => fresh('req')).filter(({ _tag }) => _tag !== 'BoxStarted')
          yield* log.append(at(NOON + n * 3 * HOUR_MS, ...own))
        }
        const all = (yield* books.requests({ limit: MOST_REQUEST_ROWS, project })).rows
        expect(all.length).toBeGreaterThan(20)
        expect(all.map(({ position }) => position)).toEqual(all.map((row) => row.position).toSorted((a, b) => b - a))
        const some = <A>(values: readonly A[]) =>
          fc.option(fc.constantFrom(...new Set(values.filter((value) => value !== null))), { nil: undefined })
        const queries = fc.record(
          {
            limit: fc.constantFrom(1, 3, 500),
            before: some(all.map(({ position }) => position)),
            provider: some(all.map(({ provider }) => provider ?? 'nobody')),
            outcome: some(['inFlight' as const, ...all.map((row) => row.outcome ?? ('inFlight' as const))]),
            session: some(all.map(({ sessionId }) => sessionId ?? 'none')),
            model: some(all.map(({ model }) => model)),
            key: some(all.map(({ clientKey }) => clientKey ?? 'none')),
            from: some(all.map(({ admittedAt }) => admittedAt)),
            to: some(all.map(({ admittedAt }) => admittedAt)),
            minimumNanoUsd: fc.option(fc.nat(2_000_000), { nil: undefined }),
          },
          { requiredKeys: ['limit'] },
        )
        const property = fc.asyncProperty(queries, async (fields) => {
          const query = {
            project,
            ...(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
              limit: number
            }),
          }
          const matching = all.filter(
            (row) =>
              row.position < (fields.before ?? Number.POSITIVE_INFINITY) &&
              (fields.provider === undefined || row.provider === fields.provider) &&
              (fields.outcome === undefined || (row.outcome ?? 'inFlight') === fields.outcome) &&
              (fields.session === undefined || row.sessionId === fields.session) &&
              (fields.model === undefined || row.model === fields.model) &&
              (fields.key === undefined || row.clientKey === fields.key) &&
              row.admittedAt >= (fields.from ?? 0) &&
              row.admittedAt < (fields.to ?? Number.POSITIVE_INFINITY) &&
              row.costNanoUsd >= (fields.minimumNanoUsd ?? 0),
          )
          const page = await run(books.requests(query))
          expect(page.rows).toEqual(matching.slice(0, fields.limit))
          expect(page.next).toBe(matching.length > fields.limit ? page.rows.at(-1)?.position : undefined)
        })
        yield* Effect.promise(() => fc.assert(property, { numRuns: 200 }))
      }),
    )

    it.effect('goes on with a request that another writer began, as with one that a lost instance left', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const [lost, finder] = [newWriter(), newWriter()]
        const id = requestId(fresh('req'))
        const unversioned = (events: readonly NewEvent[]) =>
          events.map(({ streamVersion: _given, ...event }): NewEvent => event)
        yield* log.append(unversioned(lost.at(NOON, admitted(id), started(id, 1, 'vertex', { switchNanoUsd: 4 }))))
        const abandoned: DomainEvent = {
          ...{ _tag: 'RequestAbandoned', requestId: id, attempts: 1, provider: providerId('vertex'), costNanoUsd: 9 },
        }
        const end = unversioned(finder.at(NOON + 5_000, abandoned))
        // The lost one is not lost after all: it takes part in its request until then.
        yield* log.append(unversioned(lost.at(NOON + 1_000, routed(id))))
        yield* log.append(end)
        yield* log.append(end)
        const row = yield* books.request(id)
        expect(row).toMatchObject({ outcome: 'abandoned', strategy: 'intelligent', costNanoUsd: 9, durationMs: 5_000 })
        const { total } = yield* books.costs({ by: [], filter: { project: lost.project } })
        expect(total).toMatchObject({ requests: 1, attempts: 1, costNanoUsd: 9, switchNanoUsd: 4 })
        // What comes after the end changes nothing.
        yield* log.append(unversioned(lost.at(NOON + 6_000, succeeded(id, 1, 'vertex', { costNanoUsd: 50 }))))
        expect(yield* books.request(id)).toEqual(row)
        expect(yield* books.spent({ project: lost.project })).toBe(9)
      }),
    )

    it.effect('keeps names of any length and of any characters apart', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        const names = [
          'a\0b',
          'a\\0b',
          'a\\\0b',
          '\\',
          "o'brien",
          'модель-ü',
          'x'.repeat(20_000),
          `${'x'.repeat(20_000)}y`,
        ]
        for (const [n, name] of names.entries()) {
          yield* log.append(at(NOON, ...served(fresh('req'), n + 1, { model: modelId(name) })))
        }
        const { rows } = yield* books.costs({ by: ['asked'], filter: { project } })
        expect(rows.map(({ key, sums }) => [key[0], sums.costNanoUsd])).toEqual(
          names.map((name, n) => [name, n + 1]).toReversed(),
        )
        for (const [n, model] of names.entries()) {
          const page = yield* books.requests({ limit: 5, project, model })
          expect(page.rows.map(({ costNanoUsd }) => costNanoUsd)).toEqual([n + 1])
          expect(page.rows[0]?.model).toBe(model)
        }
      }),
    )

    it.effect('takes nothing for under way that began before a start, but where instances share the log', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        const id = requestId(fresh('req'))
        const underWay = Effect.map(
          books.requests({ limit: 5, project, outcome: 'inFlight' }),
          ({ rows }) => rows.length,
        )
        yield* log.append(at(NOON, admitted(id)))
        expect(yield* underWay).toBe(1)
        yield* log.append(at(NOON, { _tag: 'BoxStarted', instance: 'box_peer', version: '1.0.0', shared: true }))
        expect(yield* underWay).toBe(1)
        yield* log.append(at(NOON, { _tag: 'BoxStarted', instance: 'box_next', version: '1.0.0' }))
        expect(yield* underWay).toBe(0)
      }),
    )

    it.effect('shows a session as its agents, each with what they started, and its requests', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { at } = newWriter()
        const sessionId = fresh('session')
        const by = (nano: number, agentId?: string, parentAgentId?: string) =>
          at(
            NOON,
            ...served(fresh('req'), nano, {
              sessionId,
              ...(agentId === undefined ? {} : { agentId }),
              ...(parentAgentId === undefined ? {} : { parentAgentId }),
            }),
          )
        yield* log.append([...by(1), ...by(10, 'a'), ...by(100, 'b', 'a'), ...by(20, 'a'), ...by(5_000, 'c', 'unseen')])
        const session = yield* books.session(sessionId)
        const shape = (book: NonNullable<typeof session>['root']): unknown => [
          book.agentId,
          book.sums.costNanoUsd,
          book.branch.costNanoUsd,
          ...book.agents.map(shape),
        ]
        expect(session && shape(session.root)).toEqual([
          null,
          1,
          5_131,
          ['c', 5_000, 5_000],
          ['a', 30, 130, ['b', 100, 100]],
        ])
        expect(session?.requests.map(({ costNanoUsd }) => costNanoUsd)).toEqual([5_000, 20, 100, 10, 1])
        expect(yield* books.session('nobody')).toBeUndefined()
      }),
    )

    it.effect('tells what was spent in a span, by key, by project and by a pattern of the asked model', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        const ask = (nano: number, model: string, clientKey: string) =>
          served(fresh('req'), nano, { model: modelId(model), clientKey })
        yield* log.append(at(NOON, ...ask(1, 'claude-opus-5-5', 'key_a'), ...ask(10, 'claude-haiku-5-5', 'key_b')))
        yield* log.append(at(NOON + 25 * HOUR_MS, ...ask(100, 'claude-opus-5-5', 'key_b')))
        expect(yield* books.spent({ project })).toBe(111)
        expect(yield* books.spent({ project, key: 'key_b' })).toBe(110)
        expect(yield* books.spent({ project, model: '*opus*' })).toBe(101)
        expect(yield* books.spent({ project, from: NOON, to: NOON + 24 * HOUR_MS })).toBe(11)
        expect(yield* books.spent({ project, from: NOON + 1, model: 'claude-*' })).toBe(100)
        expect(yield* books.spent({ project: 'never seen' })).toBe(0)
      }),
    )

    it.effect('books nothing of a batch that was refused', () =>
      Effect.gen(function* () {
        const [log, books] = [yield* EventLog, yield* Books]
        const { project, at } = newWriter()
        const [first, ...rest] = at(NOON, ...served(fresh('req'), 7))
        yield* Effect.flip(log.append([first!, rest[1]!]))
        expect((yield* books.requests({ limit: 10, project })).rows).toEqual([])
        yield* log.append([first!, ...rest])
        expect(yield* books.spent({ project })).toBe(7)
      }),
    )
  })
}

// ---- events --------------------------------------------------------------------------------------------------------

type EventOf<T extends DomainEvent['_tag']> = Extract<DomainEvent, { readonly _tag: T }>
type Id = ReturnType<typeof requestId>

const admitted = (id: Id, more: Partial<EventOf<'RequestAdmitted'>> = {}): DomainEvent => ({
  ...{ _tag: 'RequestAdmitted', requestId: id, model: modelId('claude-sonnet-5-5'), stream: true, bodyBytes: 1_000 },
  ...{ messages: 1, tools: 0, images: 0, draw: 0.5, ...more },
})

const routed = (id: Id): DomainEvent => ({
  ...{ _tag: 'RouteChosen', requestId: id, strategy: 'intelligent', policyVersion: 1, order: [providerId('vertex')] },
  ...{ factors: {}, skipped: [], propensity: 1 },
})

/** Providers ask for the model under a name of their own. */
const named = (id: Id, attempt: number, provider: string) => ({
  ...{ requestId: id, attempt, provider: providerId(provider), model: modelId(`claude-sonnet-5-5@${provider}`) },
})

const started = (
  id: Id,
  attempt: number,
  provider: string,
  more: Partial<EventOf<'AttemptStarted'>> = {},
): DomainEvent => ({
  _tag: 'AttemptStarted',
  ...named(id, attempt, provider),
  ...more,
})

const succeeded = (
  id: Id,
  attempt: number,
  provider: string,
  more: Partial<EventOf<'AttemptSucceeded'>>,
): DomainEvent => ({
  ...{ _tag: 'AttemptSucceeded', ...named(id, attempt, provider), status: 200, usage: noUsage, stopReason: null },
  ...{ ttftMs: 900, durationMs: 2_000, responseBytes: 100, ...more },
})

const failed = (id: Id, attempt: number, provider: string, more: Partial<EventOf<'AttemptFailed'>>): DomainEvent => ({
  ...{ _tag: 'AttemptFailed', ...named(id, attempt, provider), reason: { _tag: 'Overloaded' }, stage: 'S0' },
  ...{ durationMs: 10, draw: 0.5, ...more },
})

const served = (id: string, nano: number, more: Partial<EventOf<'RequestAdmitted'>> = {}): readonly DomainEvent[] => {
  const own = requestId(id)
  return [admitted(own, more), started(own, 1, 'vertex'), succeeded(own, 1, 'vertex', { costNanoUsd: nano })]
}

const tokens = (n: number) => ({
  ...{ inputTokens: n, outputTokens: 2 * n, cacheReadTokens: 3 * n, cacheWrite5mTokens: 4 * n },
  cacheWrite1hTokens: 5 * n,
})

/** The same events with request ids that no earlier test has used. */
const withIds = (events: readonly DomainEvent[], next: () => string): readonly DomainEvent[] => {
  const ids = new Map<string, Id>()
  return events.map((event) => {
    if (!('requestId' in event)) return event
    const id = ids.get(event.requestId) ?? requestId(next())
    ids.set(event.requestId, id)
    return { ...event, requestId: id }
  })
}

/** The total by the events alone, without the fold: what a person would add up. */
const plainTotal = (events: readonly NewEvent[]): CostSums =>
  events.reduce((sum, { event }) => addCost(sum, { ...noCost, ...contribution(event) }), noCost)

const contribution = (event: DomainEvent): Partial<CostSums> => {
  switch (event._tag) {
    case 'AttemptSucceeded':
    case 'AttemptFailed': {
      const reported = event._tag === 'AttemptSucceeded' ? event.reportedCostNanoUsd : undefined
      const cost = reported ?? event.costNanoUsd
      const [ending, estimated] =
        event._tag === 'AttemptFailed' ? ['failed', event.estimated === true] : ['succeeded', false]
      const {
        iterations: _i,
        speed: _s,
        geo: _g,
        tier: _t,
        ...counts
      } = { webSearches: 0, ...(event.usage ?? noUsage) }
      return {
        ...{ attempts: 1, [ending as string]: 1, ...counts, costNanoUsd: cost ?? 0 },
        ...{ listNanoUsd: event.costNanoUsd ?? cost ?? 0, unpriced: cost === undefined ? 1 : 0 },
        ...{ estimated: estimated ? 1 : 0, estimatedNanoUsd: estimated ? (cost ?? 0) : 0 },
        ...{ requests: event._tag === 'AttemptSucceeded' ? 1 : 0 },
        ...(event._tag === 'AttemptSucceeded' ? { cacheSavedNanoUsd: event.cacheSavedNanoUsd ?? 0 } : {}),
      }
    }
    case 'RequestFailed':
    case 'RequestCancelled':
      return { requests: 1 }
    case 'RequestAbandoned': {
      const { provider, costNanoUsd } = event
      if (provider === undefined) return { requests: 1 }
      const known = costNanoUsd === undefined ? 0 : 1
      const nano = costNanoUsd ?? 0
      return {
        ...{ requests: 1, attempts: 1, failed: 1, unpriced: 1 - known, estimated: known, estimatedNanoUsd: nano },
        ...{ costNanoUsd: nano, listNanoUsd: nano },
      }
    }
    default:
      return {}
  }
}
