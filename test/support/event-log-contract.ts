/**
 * What every event log must do, whichever database it is. The whole suite runs on one log, as a process would: tests find
 * their place by the head and never assume an empty log.
 */
import { expect, layer } from '@effect/vitest'
import { Effect, type Layer } from 'effect'
import fc from 'fast-check'
import { EventLog, type EventLogError, type ReadEvent, type ReadQuery } from '#actors/ports.ts'
import { CATALOGUE, type DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { type NewEvent, type RecordedEvent, streamOf } from '#domain/recorded-event.ts'
import { envelopes, happenings, servedRequest } from '#test/recorded-events.ts'

/** Runs the contract; `makeLayer` gives an empty log. */
export const eventLogContract = (name: string, makeLayer: () => Layer.Layer<EventLog, EventLogError>): void => {
  layer(makeLayer())(`${name} event log`, (it) => {
    const versions = new Map<string, number>()
    let lastRequest = 0
    let lastWriter = 0
    /** A writer of its own for each test, so that a failure does not spoil the tests after it. */
    const newWriter = () => {
      const wrap = envelopes(`box_contract_${++lastWriter}`, 1_780_000_000_000, versions)
      return { wrap, request: () => wrap(servedRequest(++lastRequest)) }
    }

    it.effect('numbers events without gaps, in the order of appending', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { request } = newWriter()
        const before = yield* log.head
        const [first, second] = [request(), request()]
        expect(yield* log.append(first)).toBe(before + 4)
        expect(yield* log.append(second)).toBe(before + 8)
        expect(yield* log.head).toBe(before + 8)
        const events = known(yield* log.read({ after: before, limit: 100 }))
        expect(events.map(({ position }) => position)).toEqual(range(before + 1, before + 8))
        expect(events.map(asNew)).toEqual([...first, ...second])
      }),
    )

    it.effect('answers with the head when there is nothing to append', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        expect(yield* log.append([])).toBe(yield* log.head)
      }),
    )

    it.effect('gives back every event as it was, with the version and the time of recording', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { wrap } = newWriter()
        const run = Effect.runPromiseWith(yield* Effect.context<EventLog>())
        const property = fc.asyncProperty(happenings(), (raw) =>
          run(
            Effect.gen(function* () {
              const before = yield* log.head
              const events = wrap(withFreshIds(raw, () => ++lastRequest))
              yield* log.append(events)
              const back = known(yield* log.read({ after: before, limit: 1_000 }))
              expect(back.map(asNew)).toEqual(events)
              for (const { event, schemaVersion, recordedAt } of back) {
                expect(schemaVersion).toBe(CATALOGUE[event._tag].schemaVersion)
                expect(Number.isInteger(recordedAt)).toBe(true)
              }
            }),
          ),
        )
        yield* Effect.promise(() => fc.assert(property, { numRuns: 40 }))
      }),
    )

    it.effect('gives back names of any characters, and goes on after them', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { wrap, request } = newWriter()
        const before = yield* log.head
        const names = [
          'a\u0000b',
          'half \ud83c',
          '\udc00',
          '\u2028',
          '\u001b[2J',
          "'; DROP TABLE events; --",
          '模型',
          '\uffff',
        ]
        const named = names.map((model) => {
          const [admitted, ...rest] = servedRequest(++lastRequest)
          if (admitted?._tag !== 'RequestAdmitted') throw new Error('a request begins with its admission')
          const said = { model: modelId(model), sessionId: model, agentId: model, project: model, clientKey: model }
          return wrap([{ ...admitted, ...said }, ...rest])
        })
        for (const events of named) yield* log.append(events)
        yield* log.append(request())
        const back = known(yield* log.read({ after: before, limit: 1_000 }))
        expect(back.slice(0, named.flat().length).map(asNew)).toEqual(named.flat())
      }),
    )

    it.effect('keeps a correlation that the stream does not tell, and the lack of one', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { wrap, request } = newWriter()
        const before = yield* log.head
        const [plain] = wrap([{ _tag: 'CooldownElapsed', provider: providerId('correlated') }])
        const [foreign] = wrap([{ _tag: 'ProviderRecovered', provider: providerId('correlated') }])
        const [lonely] = request()
        const { correlation: _none, ...without } = lonely!
        const events = [plain!, { ...foreign!, correlation: 'req_elsewhere' }, without]
        yield* log.append(events)
        expect(known(yield* log.read({ after: before, limit: 10 })).map(asNew)).toEqual(events)
        const asked = (correlation: string) =>
          Effect.map(log.read({ after: before, limit: 10, correlation }), positions)
        expect(yield* asked('req_elsewhere')).toEqual([before + 2])
        expect(yield* asked(lonely!.correlation!)).toEqual([])
      }),
    )

    it.effect('returns the same position and changes nothing when the same events come again', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { request } = newWriter()
        const [first, second] = [request(), request()]
        const position = yield* log.append(first)
        yield* log.append(second)
        const head = yield* log.head
        expect(yield* log.append(first)).toBe(position)
        expect(yield* log.append(first.slice(0, 2))).toBe(position - 2)
        expect(yield* log.head).toBe(head)
      }),
    )

    it.effect('appends the rest of a batch whose beginning it has', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { request } = newWriter()
        const events = request()
        const before = yield* log.head
        yield* log.append(events.slice(0, 2))
        expect(yield* log.append(events)).toBe(before + 4)
        expect(known(yield* log.read({ after: before, limit: 10 })).map(asNew)).toEqual(events)
      }),
    )

    const conflicting: readonly (readonly [name: string, spoil: (event: NewEvent) => NewEvent])[] = [
      ['another time', (event) => ({ ...event, occurredAt: event.occurredAt + 1 })],
      ['another stream', (event) => ({ ...event, stream: 'request:other' })],
      ['another stream version', (event) => ({ ...event, streamVersion: 99 })],
      ['another correlation', (event) => ({ ...event, correlation: 'req_other' })],
      ['another causation', (event) => ({ ...event, causation: 77 })],
      ['other data', (event) => ({ ...event, event: { ...event.event, draw: 0.123 } as DomainEvent })],
    ]
    for (const [what, spoil] of conflicting) {
      it.effect(`refuses ${what} under a number that its writer has used`, () =>
        Effect.gen(function* () {
          const log = yield* EventLog
          const { request } = newWriter()
          const [first, ...rest] = request()
          yield* log.append([first!, ...rest])
          yield* refused(log, [spoil(first!)])
        }),
      )
    }

    it.effect('refuses a writer that skips a number', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const events = envelopes('box_skips')(servedRequest(++lastRequest))
        yield* refused(log, events.slice(1))
        yield* refused(log, [events[0]!, events[2]!])
        yield* log.append(events)
        yield* refused(log, [{ ...events[3]!, writerSeq: 6, streamVersion: 5 }])
      }),
    )

    it.effect('refuses a second event at the same version of a stream, and keeps nothing of its batch', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { request } = newWriter()
        const taken = request()
        yield* log.append(taken)
        const own = envelopes('box_late')(servedRequest(++lastRequest))
        const clash: NewEvent = { ...own[1]!, stream: taken[1]!.stream, streamVersion: 2 }
        yield* refused(log, [own[0]!, clash])
        // The number of the event that was withdrawn is free again.
        const before = yield* log.head
        expect(yield* log.append(own)).toBe(before + 4)
      }),
    )

    it.effect('refuses a version that would leave a gap in its stream', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { request } = newWriter()
        const [first, second, third, fourth] = request()
        yield* refused(log, [{ ...first!, streamVersion: 2 }])
        yield* log.append([first!])
        yield* refused(log, [{ ...second!, streamVersion: 3 }])
        yield* refused(log, [second!, { ...third!, streamVersion: 4 }])
        yield* log.append([second!, third!, fourth!])
      }),
    )

    it.effect('gives the next version of a stream where none is given, whoever wrote the one before', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const before = yield* log.head
        const stream = 'provider:shared'
        const [here, there] = [newWriter(), newWriter()]
        const next = ({ wrap }: ReturnType<typeof newWriter>) =>
          withoutVersion(wrap([{ _tag: 'ProviderRecovered', provider: providerId('shared') }])[0]!)
        const [first, second, third] = [next(here), next(there), next(here)]
        yield* log.append([first])
        yield* log.append([second])
        // One batch with both kinds, in which the log's own number is known to whoever appends.
        yield* log.append([third, { ...next(here), streamVersion: 4 }, ...here.request().map(withoutVersion)])
        const events = known(yield* log.read({ after: before, limit: 100 }))
        const versions = events.filter((event) => event.stream === stream).map(({ streamVersion }) => streamVersion)
        expect(versions).toEqual([1, 2, 3, 4])
        expect(events.slice(4).map(({ streamVersion }) => streamVersion)).toEqual([1, 2, 3, 4])
        // The same again is the same event, whatever version it was given.
        const head = yield* log.head
        expect(yield* log.append([second])).toBe(before + 2)
        expect(yield* log.append([{ ...second, streamVersion: 2 }])).toBe(before + 2)
        yield* refused(log, [{ ...second, streamVersion: 1 }])
        expect(yield* log.head).toBe(head)
        // What was given is taken.
        yield* refused(log, [{ ...next(there), streamVersion: 4 }])
      }),
    )

    it.effect('leaves no gap in the versions of a stream that many write to at once', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const before = yield* log.head
        const stream = 'provider:crowded'
        yield* Effect.forEach(
          range(1, 16).map(() => newWriter()),
          ({ wrap }) =>
            Effect.forEach(range(1, 5), () =>
              log.append(wrap([{ _tag: 'CooldownElapsed', provider: providerId('crowded') }]).map(withoutVersion)),
            ),
          { concurrency: 'unbounded' },
        )
        const events = known(yield* log.read({ after: before, limit: 1_000, stream }))
        expect(events.map(({ streamVersion }) => streamVersion)).toEqual(range(1, 80))
      }),
    )

    it.effect('keeps batches whole and apart when many append at once, and one of them is refused', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const before = yield* log.head
        const writers = range(1, 24).map((n) => ({
          n,
          wrapOwn: envelopes(`box_crowd_${n}`),
          // Each of these is refused for itself, while the others go on.
          bad: n % 8 === 0,
        }))
        const positionsOfBatches = yield* Effect.forEach(
          writers,
          ({ wrapOwn, bad }) =>
            Effect.gen(function* () {
              const good = [wrapOwn(servedRequest(++lastRequest)), wrapOwn(servedRequest(++lastRequest))]
              if (bad) yield* refused(log, good[1]!)
              return [yield* log.append(good[0]!), yield* log.append(good[1]!)]
            }),
          { concurrency: 'unbounded' },
        )
        const events = known(yield* log.read({ after: before, limit: 1_000 }))
        expect(events.map(({ position }) => position)).toEqual(range(before + 1, before + 24 * 8))
        for (const last of positionsOfBatches.flat()) {
          const batch = events.filter(({ position }) => position > last - 4 && position <= last)
          expect(new Set(batch.map(({ stream }) => stream)).size).toBe(1)
          expect(batch.map(({ streamVersion }) => streamVersion)).toEqual([1, 2, 3, 4])
        }
      }),
    )

    it.effect('shows a reader only prefixes of the final log, while others append', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { request } = newWriter()
        const before = yield* log.head
        const seen: RecordedEvent[] = []
        const batches = range(1, 40).map(request)
        const append = Effect.forEach(batches, (events) => log.append(events), { concurrency: 8 })
        const tail = Effect.gen(function* () {
          while (seen.length < 160) {
            const page = known(yield* log.read({ after: before + seen.length, limit: 7 }))
            seen.push(...page)
            yield* Effect.yieldNow
          }
        })
        yield* Effect.all([append, tail], { concurrency: 2 })
        const final = known(yield* log.read({ after: before, limit: 1_000 }))
        expect(seen).toEqual(final)
      }).pipe(
        (self) =>
          // One writer's numbers must arrive in order, so its batches wait for one another only if appended one by one.
          self,
      ),
    )

    it.effect('answers every query as a filter of the whole log would', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { wrap } = newWriter()
        const run = Effect.runPromiseWith(yield* Effect.context<EventLog>())
        const raw = fc.sample(happenings(12), { numRuns: 6, seed: 20_261_123 }).flat()
        const own = withFreshIds(raw, () => ++lastRequest)
        yield* log.append(
          wrap(own).map((event, index) => (index % 7 === 0 ? { ...event, correlation: 'req_asked' } : event)),
        )
        const all = known(yield* readAll(log))
        const some = <A>(values: readonly A[]) => fc.option(fc.constantFrom(...values), { nil: undefined })
        const queries = fc.record({
          after: fc.nat(all.length + 2),
          limit: fc.constantFrom(1, 3, 50, 10_000),
          types: fc.option(fc.subarray([...new Set(all.map(({ event }) => event._tag))]), { nil: undefined }),
          stream: some(all.map(({ stream }) => stream)),
          correlation: some(['req_asked', 'req_nobody', ...all.flatMap(({ correlation }) => correlation ?? [])]),
          since: some(all.map(({ occurredAt }) => occurredAt)),
          until: some(all.map(({ occurredAt }) => occurredAt)),
          descending: some([true, false]),
          before: fc.option(fc.nat(all.length + 2), { nil: undefined }),
        })
        const property = fc.asyncProperty(queries, async (fields) => {
          const query = present(fields)
          expect(positions(await run(log.read(query)))).toEqual(expected(all, query))
        })
        yield* Effect.promise(() => fc.assert(property, { numRuns: 300 }))
      }),
    )

    it.effect('pages through the log in both directions', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const head = yield* log.head
        const forth: number[] = []
        for (let after = 0; after < head; after = forth.at(-1)!) {
          forth.push(...positions(yield* log.read({ after, limit: 97 })))
        }
        const back: number[] = []
        for (let before = head + 1; before > 1; before = back.at(-1)!) {
          back.push(...positions(yield* log.read({ after: 0, before, descending: true, limit: 97 })))
        }
        expect(forth).toEqual(range(1, head))
        expect(back).toEqual(range(1, head).toReversed())
      }),
    )

    it.effect('gives the newest snapshot of a version, and never one of another version', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const snapshot = (version: string, position: number) => ({
          version,
          position,
          state: `{"at":${position},"é":"模"}`,
        })
        expect(yield* log.latestSnapshot('fold-1')).toBeUndefined()
        for (const position of [1, 2, 3]) yield* log.saveSnapshot(snapshot('fold-1', position))
        expect(yield* log.latestSnapshot('fold-1')).toEqual(snapshot('fold-1', 3))
        expect(yield* log.latestSnapshot('fold-2')).toBeUndefined()
        yield* log.saveSnapshot(snapshot('fold-2', 2))
        expect(yield* log.latestSnapshot('fold-1')).toEqual(snapshot('fold-1', 3))
        expect(yield* log.latestSnapshot('fold-2')).toEqual(snapshot('fold-2', 2))
        yield* log.saveSnapshot({ ...snapshot('fold-2', 2), state: '{}' })
        expect((yield* log.latestSnapshot('fold-2'))?.state).toBe('{}')
      }),
    )

    it.effect('gives the newest snapshot up to a position, with the time of its last event', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { request } = newWriter()
        const before = yield* log.head
        yield* log.append(request())
        const [, second, third] = known(yield* log.read({ after: before, limit: 3 }))
        // The larger one is not like the smaller: each must come back by itself.
        const large = JSON.stringify(Array.from({ length: 4_000 }, (_, n) => [n, Math.sin(n)]))
        const texts = new Map([
          [second?.position ?? 0, '{"é":"模"}'],
          [third?.position ?? 0, `{"large":${large}}`],
        ])
        for (const [position, state] of texts) yield* log.saveSnapshot({ version: 'fold-3', position, state })
        for (const [wanted, found] of [
          [before + 1, undefined],
          [before + 2, second],
          [before + 3, third],
          [before + 400, third],
        ] as const) {
          const snapshot = yield* log.snapshotBefore('fold-3', wanted)
          if (found === undefined) expect(snapshot).toBeUndefined()
          else {
            const { position, occurredAt } = found
            expect(snapshot).toEqual({ version: 'fold-3', position, occurredAt, state: texts.get(position) })
          }
        }
        expect(yield* log.snapshotBefore('fold-4', before + 400)).toBeUndefined()
      }),
    )

    it.effect('tells where the log stood at a moment', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const { wrap } = newWriter()
        const raw = withFreshIds(fc.sample(happenings(12), { numRuns: 3, seed: 7 }).flat(), () => ++lastRequest)
        // A clock that goes back now and then, by seconds.
        yield* log.append(
          wrap(raw).map((event, n) => ({ ...event, occurredAt: LATER_MS + 1_000 * n - (n % 5 === 0 ? 7_000 : 0) })),
        )
        const all = known(yield* readAll(log))
        const times = [0, LATER_MS, LATER_MS + 1e9, ...all.map(({ occurredAt }) => occurredAt)]
        for (const at of new Set(times.flatMap((time) => [time - 1, time]))) {
          const position = all.findLast(({ occurredAt }) => occurredAt <= at)?.position ?? 0
          expect(yield* log.placeAt(at)).toEqual({ position, archivedTo: 0 })
        }
      }),
    )

    it.effect('verifies a sound log without a finding and tells its progress', () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const shares: number[] = []
        const report = yield* log.verify((share) => shares.push(share))
        const head = yield* log.head
        expect(report).toEqual({ events: head, head, problems: [] })
        expect(shares).toEqual(shares.toSorted((a, b) => a - b))
        expect(shares.at(-1)).toBe(1)
        expect((yield* log.stats).head).toBe(head)
      }),
    )
  })
}

/** After whatever the other tests have appended. */
const LATER_MS = 1_900_000_000_000

/** The events of a page, all of which must be known to this release. */
export const known = (page: readonly ReadEvent[]): readonly RecordedEvent[] =>
  page.map((read) => {
    if (read._tag === 'Foreign') throw new Error(`unexpected foreign event at ${read.position}`)
    return read.recorded
  })

/** The event as it was handed over, without what the log added. */
export const asNew = ({ position: _p, schemaVersion: _v, recordedAt: _r, ...event }: RecordedEvent): NewEvent => event

/** Reads the whole log. */
export const readAll = Effect.fnUntraced(function* (log: EventLog['Service']) {
  const all: ReadEvent[] = []
  for (;;) {
    const page = yield* log.read({ after: all.length, limit: 1_000 })
    if (page.length === 0) return all
    all.push(...page)
  }
})

const refused = Effect.fnUntraced(function* (log: EventLog['Service'], events: readonly NewEvent[]) {
  const head = yield* log.head
  const error = yield* Effect.flip(log.append(events))
  expect(error.reason._tag).toBe('Conflict')
  expect(error.message).not.toBe('')
  return head
})

const withoutVersion = ({ streamVersion: _given, ...event }: NewEvent): NewEvent => event

/** The positions that a query must find, by plain filtering. */
const expected = (all: readonly RecordedEvent[], query: ReadQuery): readonly number[] => {
  const matches = all.filter(
    ({ event, stream, correlation, occurredAt }) =>
      (query.types?.includes(event._tag) ?? true) &&
      stream === (query.stream ?? stream) &&
      correlation === (query.correlation ?? correlation) &&
      occurredAt >= (query.since ?? occurredAt) &&
      occurredAt <= (query.until ?? occurredAt),
  )
  const found = matches.map(({ position }) => position)
  return (
    query.descending === true
      ? found.filter((position) => position < (query.before ?? Number.POSITIVE_INFINITY)).toReversed()
      : found.filter((position) => position > query.after)
  ).slice(0, query.limit)
}

const positions = (page: readonly ReadEvent[]): readonly number[] =>
  page.map((read) => (read._tag === 'Known' ? read.recorded.position : read.position))

/** The same events with request ids that no earlier test has used. */
const withFreshIds = (events: readonly DomainEvent[], next: () => number): readonly DomainEvent[] => {
  const fresh = new Map<string, ReturnType<typeof requestId>>()
  return events.map((event) => {
    if (!('requestId' in event)) return event
    const stream = streamOf(event)
    const id = fresh.get(stream) ?? requestId(`req_generated${next()}`)
    fresh.set(stream, id)
    return { ...event, requestId: id }
  })
}

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

const present = (fields: { readonly [K in keyof ReadQuery]: ReadQuery[K] | undefined }): ReadQuery =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as ReadQuery
