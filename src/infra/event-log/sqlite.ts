/**
 * The event log in a SQLite file. The file is only ever touched in worker threads: one writes, one reads, one verifies
 * while it is asked to. An fsync, a checkpoint or a long query never holds up a stream of the main thread.
 */
import { Context, Effect, Layer } from 'effect'
import {
  Books,
  type DatedSnapshot,
  EventLog,
  EventLogError,
  type ReadEvent,
  type ReadQuery,
  type StoredSnapshot,
} from '#actors/ports.ts'
import type { BookedRequest } from '#domain/books.ts'
import type { RequestPage, SessionBook, SpentQuery } from '#domain/books-query.ts'
import { matchesModel } from '#domain/model-map.ts'
import { firstSlice, nextSlice, REQUESTS } from '#infra/event-log/archive-slice.ts'
import { packBatch } from '#infra/event-log/batch.ts'
import type { SpentByModel } from '#infra/event-log/books-costs.ts'
import { currentVersions, readPage, rowOf } from '#infra/event-log/codec.ts'
import { unpackCosts } from '#infra/event-log/cost-text.ts'
import { LogArchive } from '#infra/event-log/log-archive.ts'
import type { ArchiverCalls, ArchiverData } from '#infra/event-log/sqlite-archiver.ts'
import type { ReaderCalls, ReaderData } from '#infra/event-log/sqlite-reader.ts'
import type { VerifierCalls, VerifierData } from '#infra/event-log/sqlite-verifier.ts'
import type { WriterCalls, WriterData } from '#infra/event-log/sqlite-writer.ts'
import { startThread, type Thread } from '#infra/event-log/thread.ts'

/**
 * Opens the log for this process alone; makes the folder, the file and its tables where they are missing. Fails as
 * Unusable, with a message that says what to do, when the file is not ours, newer, damaged, or in use.
 * `pragmas` are set last on the write connection (tests: `max_page_count=…` is a full disk). `preparing` is told the share done
 * when the books of a long log must be made first.
 */
export const layerSqlite = (options: {
  readonly path: string
  readonly pragmas?: readonly string[]
  readonly preparing?: (share: number) => void
}): Layer.Layer<EventLog | Books | LogArchive, EventLogError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { path, pragmas = [], preparing } = options
      // Started together, to load at the same time; the reader opens the file with its first call. The writer comes
      // first because it must be closed last: the last connection clears the WAL away, and a reader's cannot.
      const writer = yield* startWriter({ path, pragmas }, preparing)
      const reader = yield* startReader(path, false)
      yield* writer.ready
      yield* reader.ready
      const log = EventLog.of({
        ...readingSide(path, reader),
        append: (events) =>
          events.length === 0
            ? reader.call('head', null)
            : Effect.suspend(() => writer.call('append', packBatch(events.map(rowOf)))),
        saveSnapshot: (snapshot) => Effect.asVoid(writer.call('saveSnapshot', snapshot)),
      })
      return Context.make(EventLog, log).pipe(
        Context.add(Books, booksOf(reader)),
        Context.add(LogArchive, archiveOf(path, writer)),
      )
    }),
  )

/** Opens an existing log for reading beside, or without, the process that writes to it. Appending fails as Unusable. */
export const layerSqliteReadOnly = (options: { readonly path: string }): Layer.Layer<EventLog | Books, EventLogError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const reader = yield* startReader(options.path, true)
      yield* reader.ready
      const refused = Effect.fail(
        new EventLogError({ reason: { _tag: 'Unusable', detail: 'the event log is open for reading only' } }),
      )
      const log = EventLog.of({
        ...readingSide(options.path, reader),
        append: () => refused,
        saveSnapshot: () => refused,
      })
      return Context.make(EventLog, log).pipe(Context.add(Books, booksOf(reader)))
    }),
  )

const readingSide = (
  path: string,
  reader: Thread<ReaderCalls>,
): Omit<EventLog['Service'], 'append' | 'saveSnapshot'> => ({
  read: (query) => read(reader, query),
  head: reader.call('head', null),
  latestSnapshot: (version) => Effect.map(snapshotBefore(reader, version, Number.MAX_SAFE_INTEGER), undated),
  snapshotBefore: (version, position) => snapshotBefore(reader, version, position),
  placeAt: (at) => reader.call('placeAt', at),
  verify: (progress) =>
    Effect.scoped(Effect.flatMap(startVerifier(path), (verifier) => verifier.call('verify', null, progress))),
  stats: reader.call('stats', null),
})

const snapshotBefore = (reader: Thread<ReaderCalls>, version: string, position: number) =>
  Effect.map(reader.call('snapshotBefore', { version, position }), (found) => found ?? undefined)

const undated = (found: DatedSnapshot | undefined): StoredSnapshot | undefined =>
  found && { version: found.version, position: found.position, state: found.state }

const booksOf = (reader: Thread<ReaderCalls>): Books['Service'] =>
  Books.of({
    costs: (query) => Effect.map(reader.call('costs', query), unpackCosts),
    requests: (query) => Effect.map(reader.call('requests', query), parse<RequestPage>),
    request: (requestId) => Effect.map(reader.call('request', requestId), parseFound<BookedRequest>),
    session: (sessionId) => Effect.map(reader.call('session', sessionId), parseFound<SessionBook>),
    spent: (query) => Effect.map(reader.call('spent', query), (byModel) => spentFor(query, byModel)),
  })

const archiveOf = (path: string, writer: Thread<WriterCalls>): LogArchive['Service'] => {
  const withArchiver = <A>(use: (archiver: Thread<ArchiverCalls>) => Effect.Effect<A, EventLogError>) =>
    Effect.scoped(Effect.flatMap(startArchiver(path), use))
  return LogArchive.of({
    plan: (query) =>
      withArchiver((archiver) => Effect.map(archiver.call('plan', query), (found) => found ?? undefined)),
    write: (plan, folder, progress) =>
      withArchiver((archiver) =>
        Effect.map(archiver.call('write', { plan, folder }, progress), (name) => name ?? undefined),
      ),
    remove: ({ bounds }) =>
      Effect.map(startArchiver(path), (archiver) => {
        let size = firstSlice(REQUESTS)
        return Effect.gen(function* () {
          const slice = yield* archiver.call('slice', { bounds, size })
          const { requests, events, tookMs } = yield* writer.call('remove', slice)
          size = nextSlice(size, tookMs, REQUESTS)
          return { requests, events }
        })
      }),
    shrink: writer.call('shrink', null),
  })
}

const spentFor = ({ model }: SpentQuery, byModel: SpentByModel): number =>
  byModel.reduce((sum, [asked, nano]) => (model === undefined || matchesModel(model, asked) ? sum + nano : sum), 0)

/** The reading thread has written it a moment ago. */
const parse = <A>(text: string): A => JSON.parse(text) as A
const parseFound = <A>(text: string | null): A | undefined => (text === null ? undefined : parse<A>(text))

const read = Effect.fnUntraced(function* (reader: Thread<ReaderCalls>, query: ReadQuery) {
  const page = readPage(yield* reader.call('read', { query, asRows: false }))
  if (page !== undefined) return page
  // Some row's data is not JSON, so the page is not either: only that row is to be reported.
  const rows: readonly ReadEvent[] | undefined = readPage(yield* reader.call('read', { query, asRows: true }))
  return rows ?? (yield* Effect.die(new Error('a page of quoted rows is not JSON')))
})

const startWriter = (data: WriterData, preparing: ((share: number) => void) | undefined) =>
  startThread<WriterCalls>('event log writer', new URL('./sqlite-writer.ts', import.meta.url), data, preparing)

const startReader = (path: string, openAtOnce: boolean) => {
  const data: ReaderData = { path, openAtOnce, versions: currentVersions }
  return startThread<ReaderCalls>('event log reader', new URL('./sqlite-reader.ts', import.meta.url), data)
}

const startArchiver = (path: string) => {
  const data: ArchiverData = { path }
  return startThread<ArchiverCalls>('event log archiver', new URL('./sqlite-archiver.ts', import.meta.url), data)
}

const startVerifier = (path: string) => {
  const data: VerifierData = { path }
  return startThread<VerifierCalls>('event log verifier', new URL('./sqlite-verifier.ts', import.meta.url), data)
}
