/**
 * The event log in memory, for tests and simulations: the same contract as the databases, rows and all, so what would be
 * lost on the way through JSON is lost here too.
 */
import { Clock, Context, Effect, Layer } from 'effect'
import {
  Books,
  EventLog,
  EventLogError,
  type EventLogReason,
  type ReadQuery,
  type VerifyProblem,
} from '#actors/ports.ts'
import type { NewEvent, RecordedEvent } from '#domain/recorded-event.ts'
import { auditRow } from '#infra/event-log/audit.ts'
import { readRow, rowOf } from '#infra/event-log/codec.ts'
import { makeMemoryBooks } from '#infra/event-log/memory-books.ts'
import { makeSnapshots } from '#infra/event-log/memory-snapshots.ts'
import { correlationOf, NEXT_VERSION, type StoredRow, sameEvent } from '#infra/event-log/row.ts'

export type EventLogOperation =
  | 'append'
  | 'read'
  | 'head'
  | 'saveSnapshot'
  | 'latestSnapshot'
  | 'snapshotBefore'
  | 'placeAt'
  | 'verify'
  | 'stats'
  | 'books'

/** An empty log and its books. `fail` is asked before every operation and makes it fail by answering with a reason. */
export const layerMemory = (
  options: { readonly fail?: (operation: EventLogOperation) => EventLogReason | undefined } = {},
): Layer.Layer<EventLog | Books> =>
  Layer.effectContext(
    Effect.sync(() => {
      const books = makeMemoryBooks()
      const store = makeStore(books.book)
      const snapshots = makeSnapshots((position) => store.rows[position - 1]?.occurredAt ?? null)
      const guard = Effect.fnUntraced(function* (operation: EventLogOperation) {
        const reason = options.fail?.(operation)
        if (reason !== undefined) return yield* new EventLogError({ reason })
      })

      const answer =
        <Q, A>(ask: (query: Q) => A) =>
        (query: Q) =>
          Effect.map(guard('books'), () => ask(query))
      const { costs, requests, request, session, spent } = books
      const asked = Books.of({
        costs: answer(costs),
        requests: answer(requests),
        request: answer(request),
        session: answer(session),
        spent: answer(spent),
      })
      const log = EventLog.of({
        append: Effect.fnUntraced(function* (events) {
          yield* guard('append')
          const reason = store.append(events, yield* Clock.currentTimeMillis)
          if (typeof reason === 'number') return reason
          return yield* new EventLogError({ reason: { _tag: 'Conflict', detail: reason } })
        }),
        read: (query) => Effect.map(guard('read'), () => select(store.rows, query).map(readRow)),
        head: Effect.map(guard('head'), () => store.rows.length),
        saveSnapshot: (snapshot) => Effect.map(guard('saveSnapshot'), () => snapshots.save(snapshot)),
        latestSnapshot: (version) => Effect.map(guard('latestSnapshot'), () => snapshots.latest(version)),
        snapshotBefore: (version, position) =>
          Effect.map(guard('snapshotBefore'), () => snapshots.before(version, position)),
        placeAt: (at) =>
          Effect.map(guard('placeAt'), () => ({
            position: store.rows.findLastIndex(({ occurredAt }) => occurredAt <= at) + 1,
            archivedTo: 0,
          })),
        verify: (progress) =>
          Effect.map(guard('verify'), () => {
            const problems = store.verify()
            progress(1)
            return { events: store.rows.length, head: store.rows.length, problems }
          }),
        stats: Effect.map(guard('stats'), () => ({ head: store.rows.length, databaseBytes: 0, walBytes: 0 })),
      })
      return Context.make(EventLog, log).pipe(Context.add(Books, asked))
    }),
  )

/** `appended` hears of every new event, as it will be read back. */
const makeStore = (appended: (recorded: RecordedEvent) => void) => {
  const rows: StoredRow[] = []
  const writers = new Map<string, StoredRow[]>()
  /** The last version of each. */
  const streams = new Map<string, number>()

  /** The position of the last event, or what is in conflict. */
  const append = (events: readonly NewEvent[], recordedAt: number): number | string => {
    const fresh: StoredRow[] = []
    const versions = new Map<string, number>()
    let last = rows.length
    for (const row of events.map(rowOf)) {
      const known = writers.get(row.writer) ?? []
      const stored =
        known[row.writerSeq - 1] ?? fresh.find((r) => r.writer === row.writer && r.writerSeq === row.writerSeq)
      if (stored !== undefined) {
        if (!sameEvent(stored, row)) return `writer ${row.writer} has appended another event as number ${row.writerSeq}`
        last = stored.position
        continue
      }
      const next = known.length + fresh.filter(({ writer }) => writer === row.writer).length + 1
      if (row.writerSeq !== next) return `writer ${row.writer} skips from event ${next - 1} to ${row.writerSeq}`
      const streamVersion = (versions.get(row.stream) ?? streams.get(row.stream) ?? 0) + 1
      if (row.streamVersion !== NEXT_VERSION && row.streamVersion !== streamVersion) {
        return `version ${row.streamVersion} of ${row.stream} is not free: the next one is ${streamVersion}`
      }
      versions.set(row.stream, streamVersion)
      last = rows.length + fresh.length + 1
      fresh.push({ ...row, streamVersion, position: last, recordedAt })
    }
    for (const row of fresh) {
      rows.push(row)
      const known = writers.get(row.writer)
      if (known === undefined) writers.set(row.writer, [row])
      else known.push(row)
      streams.set(row.stream, row.streamVersion)
      const read = readRow(row)
      if (read._tag === 'Known') appended(read.recorded)
    }
    return last
  }

  const verify = (): readonly VerifyProblem[] => {
    const problems: VerifyProblem[] = []
    const versions = new Map<string, number>()
    for (const { position, stream, streamVersion } of rows) {
      const before = versions.get(stream) ?? 0
      if (streamVersion !== before + 1) {
        problems.push({ position, problem: `stream ${stream} has version ${streamVersion} after ${before}` })
      }
      versions.set(stream, streamVersion)
    }
    for (const row of rows) {
      for (const problem of auditRow(row, versions.get(row.stream))) problems.push({ position: row.position, problem })
    }
    return problems
  }

  return { rows: rows as readonly StoredRow[], append, verify }
}

const select = (rows: readonly StoredRow[], query: ReadQuery): readonly StoredRow[] => {
  const { types, stream, correlation, since, until, before } = query
  const wanted = (row: StoredRow): boolean =>
    (types === undefined || types.includes(row.type)) &&
    (stream === undefined || row.stream === stream) &&
    (correlation === undefined || correlationOf(row.stream, row.correlation) === correlation) &&
    (since === undefined || row.occurredAt >= since) &&
    (until === undefined || row.occurredAt <= until)
  const limit = Math.max(0, Math.min(query.limit, 10_000))
  if (query.descending !== true) return take(rows.values().drop(query.after).filter(wanted), limit)
  const older = before === undefined ? rows : rows.slice(0, Math.max(0, before - 1))
  return take(older.toReversed().values().filter(wanted), limit)
}

const take = (rows: IteratorObject<StoredRow>, limit: number): readonly StoredRow[] => rows.take(limit).toArray()
