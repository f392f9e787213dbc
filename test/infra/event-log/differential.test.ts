/** SQLite and PostgreSQL as each other's oracle: after the same appends, good and bad, they answer every question alike. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from '@effect/vitest'
import { Context, Effect, Layer, Result } from 'effect'
import fc from 'fast-check'
import { vi } from 'vitest'
import { Books, EventLog, type EventLogError, type ReadEvent } from '#actors/ports.ts'
import { DIMENSIONS } from '#domain/books-query.ts'
import type { DomainEvent } from '#domain/events.ts'
import { requestId } from '#domain/ids.ts'
import { type NewEvent, streamOf } from '#domain/recorded-event.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { freshDatabase } from '#test/postgres.ts'
import { happenings } from '#test/recorded-events.ts'

vi.setConfig({ testTimeout: 240_000 })

/** Many more in a long run. */
const RUNS = Number(process.env.SIGNALBOX_TEST_DIFFERENTIAL ?? 25)
const START_MS = 1_780_000_000_000

interface Ports {
  readonly log: EventLog['Service']
  readonly books: Books['Service']
}

/** One append: how many of the next events, by whom, and what is wrong with it. */
interface Step {
  readonly writer: number
  readonly take: number
  /** Versions are left to the log. */
  readonly isShared: boolean
  readonly fault: 'none' | 'again' | 'part' | 'skip' | 'otherTime' | 'version' | 'withTheNext'
}

const steps = fc.array(
  fc.record<Step>({
    writer: fc.nat(2),
    take: fc.integer({ min: 1, max: 9 }),
    isShared: fc.boolean(),
    fault: fc.constantFrom('none', 'none', 'none', 'again', 'part', 'skip', 'otherTime', 'version', 'withTheNext'),
  }),
  { minLength: 3, maxLength: 12 },
)

/** `since` and the like: places among the events that were appended. */
const questions = fc.record(
  {
    after: fc.nat(60),
    limit: fc.constantFrom(1, 7, 500),
    types: fc.subarray(['RequestAdmitted', 'AttemptFailed', 'ProviderThrottled', 'BoxStarted']),
    since: fc.nat(40),
    until: fc.nat(40),
    descending: fc.boolean(),
    correlation: fc.nat(30),
    stream: fc.nat(30),
  },
  { requiredKeys: ['after', 'limit'] },
)
const dimensions = fc.subarray([...DIMENSIONS], { maxLength: 2 })

/** What writers know: the logs have taken so much from them. */
const makeWriters = () => {
  const seqs = new Map<string, number>()
  const versions = new Map<string, number>()
  const lastBatch = new Map<string, readonly NewEvent[]>()
  let time = START_MS

  const wrap = (writer: string, events: readonly DomainEvent[], isShared: boolean): readonly NewEvent[] => {
    const own = new Map(versions)
    return events.map((event, index) => {
      const stream = streamOf(event)
      const streamVersion = (own.get(stream) ?? 0) + 1
      own.set(stream, streamVersion)
      // A clock that goes back by seconds now and then.
      time += index % 5 === 4 ? -3_000 : 1_000
      const writerSeq = (seqs.get(writer) ?? 0) + index + 1
      return {
        ...{ event, stream, ...(isShared ? {} : { streamVersion }), occurredAt: time, writer, writerSeq },
        ...('requestId' in event ? { correlation: event.requestId } : {}),
      }
    })
  }

  /** The batch of a step, and what of it would be new. */
  const batchOf = (step: Step, events: readonly DomainEvent[]) => {
    const writer = `box_${step.writer}`
    const fresh = wrap(writer, events, step.isShared)
    const old = lastBatch.get(writer) ?? []
    const [first, ...rest] = fresh
    switch (step.fault) {
      case 'none':
        return { batch: fresh, fresh }
      case 'again':
        return { batch: old, fresh: [] }
      case 'part':
        return { batch: old.slice(0, 2), fresh: [] }
      case 'withTheNext':
        return { batch: [...old, ...fresh], fresh }
      case 'otherTime':
        return { batch: old.map((event) => ({ ...event, occurredAt: event.occurredAt + 1 })), fresh: [] }
      case 'skip':
        return { batch: rest, fresh: rest }
      case 'version':
        return { batch: first === undefined ? [] : [{ ...first, streamVersion: 99 }, ...rest], fresh }
    }
  }

  const accept = (batch: readonly NewEvent[], fresh: readonly NewEvent[]): void => {
    for (const { writer, writerSeq, stream } of fresh) {
      seqs.set(writer, writerSeq)
      versions.set(stream, (versions.get(stream) ?? 0) + 1)
    }
    const [one] = batch
    if (one !== undefined) lastBatch.set(one.writer, batch)
  }

  return { batchOf, accept }
}

const asTold = (read: ReadEvent): unknown =>
  read._tag === 'Known' ? { ...read.recorded, recordedAt: undefined } : read

it.live('SQLite and PostgreSQL take and refuse the same, and answer alike', () =>
  Effect.gen(function* () {
    const open = (layer: Layer.Layer<EventLog | Books, EventLogError>) =>
      Effect.map(
        Layer.build(layer),
        (services): Ports => ({ log: Context.get(services, EventLog), books: Context.get(services, Books) }),
      )
    const url = yield* Effect.promise(() => freshDatabase())
    const sqlite = yield* open(layerSqlite({ path: join(mkdtempSync(join(tmpdir(), 'signalbox-')), 'log.db') }))
    const postgres = yield* open(layerPostgres({ url, partitionEvents: 150 }))
    const alike = <A>(ask: (ports: Ports) => Effect.Effect<A, EventLogError>) =>
      Effect.gen(function* () {
        const [one, other] = yield* Effect.all([ask(sqlite), ask(postgres)], { concurrency: 2 })
        expect(other).toEqual(one)
        return one
      })
    const writers = makeWriters()
    const appended: NewEvent[] = []
    let requests = 0

    const property = fc.asyncProperty(
      happenings(6),
      steps,
      fc.array(questions, { minLength: 4, maxLength: 4 }),
      dimensions,
      (raw, script, asked, by) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const base = yield* alike(({ log }) => log.head)
            let events = withFreshIds(raw, () => ++requests)
            for (const step of script) {
              const { batch, fresh } = writers.batchOf(step, events.slice(0, step.take))
              const result = yield* alike(({ log }) =>
                Effect.map(Effect.result(log.append(batch)), (done) =>
                  Result.isSuccess(done) ? done.success : done.failure.reason._tag,
                ),
              )
              if (typeof result !== 'number') continue
              writers.accept(batch, fresh)
              if (fresh.length > 0) events = events.slice(step.take)
              appended.push(...fresh)
            }
            yield* alike(({ log }) => Effect.map(log.read({ after: base, limit: 1_000 }), (page) => page.map(asTold)))
            const recent = appended.slice(-60)
            const place = (index: number | undefined) => (index === undefined ? undefined : recent.at(index % 60))
            for (const { after, limit, since, until, stream, correlation, ...rest } of asked) {
              const query = present({
                ...{ ...rest, after: Math.max(0, base - after), limit, since: place(since)?.occurredAt },
                ...{ until: place(until)?.occurredAt, stream: place(stream)?.stream },
                correlation: place(correlation)?.correlation,
              })
              yield* alike(({ log }) => Effect.map(log.read(query), (page) => page.map(asTold)))
              const at = place(until)?.occurredAt ?? START_MS
              yield* alike(({ log }) => log.placeAt(at))
              yield* alike(({ books }) =>
                books.requests({ limit: 20, ...present({ from: query.since, to: query.until }) }),
              )
            }
            const timeZone = 'Asia/Kathmandu'
            yield* alike(({ books }) => books.costs({ by: by as (typeof DIMENSIONS)[number][], timeZone }))
            yield* alike(({ books }) => books.requests({ limit: 50, outcome: 'inFlight' }))
            yield* alike(({ books }) => books.spent({ model: 'claude-*' }))
          }),
        ),
    )
    yield* Effect.promise(() => fc.assert(property, { numRuns: RUNS }))
    expect(appended.length).toBeGreaterThan(4 * RUNS)
    const report = yield* alike(({ log }) => log.verify(() => {}))
    expect(report.problems).toEqual([])
  }).pipe(Effect.scoped),
)

/** The same events with request ids that no earlier run has used. */
const withFreshIds = (events: readonly DomainEvent[], next: () => number): readonly DomainEvent[] => {
  const fresh = new Map<string, ReturnType<typeof requestId>>()
  return events.map((event) => {
    if (!('requestId' in event)) return event
    const id = fresh.get(event.requestId) ?? requestId(`req_both${next()}`)
    fresh.set(event.requestId, id)
    return { ...event, requestId: id }
  })
}

/** Without the keys that have no value. */
const present = <A extends object>(fields: A) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]: Exclude<A[K], undefined>
  }
