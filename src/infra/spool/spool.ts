/**
 * The spool as SQLite logs in a folder of this machine: one file per outage and process, made with the first event that waits and
 * deleted with the last that has gone. A process that ends with events in its file leaves it; the next that starts on this folder
 * brings them to the log first.
 *
 * A log takes each writer's events from the first on, without a hole; those of an outage begin anywhere. So a file counts from 1,
 * and its name says which number the first of them has.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Context, Effect, Exit, Layer, Result, Scope, Semaphore } from 'effect'
import { EventLog, EventLogError } from '#actors/ports.ts'
import { Spool } from '#actors/spool.ts'
import type { NewEvent, RecordedEvent } from '#domain/recorded-event.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'

export interface SpoolOptions {
  readonly folder: string
  /** Names the file: each process has its own. */
  readonly writer: string
  /** Events that may wait; beyond it they wait in memory, and requests are refused when that is full too. */
  readonly mostEvents?: number
}

/** Some two gigabytes, a day of a busy box. */
const MOST_EVENTS = 2_000_000
const PREFIX = 'spool-'
const SUFFIX = '.db'
const FILE_NAME = /^spool-.+-(\d+)\.db$/

interface OpenFile {
  readonly path: string
  /** The writer's number of its first event. */
  readonly first: number
  readonly log: EventLog['Service']
  readonly scope: Scope.Closeable
}

/** To be closed after the ledger that uses it. */
export const makeSpool = (options: SpoolOptions): Effect.Effect<Spool['Service'], never, Scope.Scope> =>
  Effect.gen(function* () {
    const { folder, writer, mostEvents = MOST_EVENTS } = options
    const oneAtATime = Semaphore.makeUnsafe(1)
    let open: OpenFile | undefined
    let waiting = 0
    /** The position of the last event of the open file that is in the log. */
    let gone = 0

    /** The next outage begins a file of its own. */
    const removeIfEmpty = Effect.gen(function* () {
      if (waiting > 0 || open === undefined) return
      const done = open
      open = undefined
      gone = 0
      yield* Scope.close(done.scope, Exit.void)
      yield* removeFile(done.path)
    })

    yield* Effect.addFinalizer(() => (open === undefined ? Effect.void : Scope.close(open.scope, Exit.void)))

    return Spool.of({
      waiting: () => waiting,
      append: (events) =>
        Effect.suspend(() => {
          if (waiting + events.length > mostEvents) return unavailable(`the spool is full: ${waiting} events wait`)
          // Counted before they are written: whatever comes now must not overtake them.
          waiting += events.length
          return Effect.gen(function* () {
            const [{ writerSeq: first } = { writerSeq: 1 }] = events
            open ??= yield* openFile(join(folder, `${PREFIX}${writer}-${first}${SUFFIX}`), first)
            yield* open.log.append(events.map(countedFrom(open.first)))
          }).pipe(
            oneAtATime.withPermit,
            Effect.asVoid,
            Effect.onError(() => {
              waiting -= events.length
              // They may go another way now, and those that come after them would not follow in this file.
              return removeIfEmpty.pipe(
                oneAtATime.withPermit,
                Effect.catch((error) => Effect.logWarning('a spool could not be removed', { detail: error.message })),
              )
            }),
          )
        }),
      oldest: (limit) =>
        Effect.suspend(() =>
          // Beyond those that wait there may be some that were written although it was said that they were not.
          open === undefined ? Effect.succeed([]) : eventsAfter(open, gone, Math.min(limit, waiting)),
        ).pipe(oneAtATime.withPermit),
      drop: (count) =>
        Effect.gen(function* () {
          gone += count
          waiting -= count
          yield* removeIfEmpty
        }).pipe(oneAtATime.withPermit, Effect.uninterruptible),
    })
  })

/** From one file to the log at once. */
const DRAIN_EVENTS = 500

/**
 * Brings to the log what earlier processes have left in the folder; answers how many events. A file that another process has
 * open is that one's own affair. One that the log refuses (it lacks events that it had before, or a newer release wrote some) stays
 * where it is, and is tried again at the next start: nobody's start may depend on it. Fails when the log is away.
 */
export const drainLeftovers = (folder: string, log: EventLog['Service']): Effect.Effect<number, EventLogError> =>
  Effect.gen(function* () {
    const names = yield* onDisk(() => mkdir(folder, { recursive: true, mode: 0o700 }).then(() => readdir(folder)))
    let moved = 0
    for (const name of names.toSorted()) {
      const first = Number(FILE_NAME.exec(name)?.[1])
      if (Number.isNaN(first)) continue
      const path = join(folder, name)
      const opened = yield* Effect.option(openFile(path, first))
      if (opened._tag === 'None') {
        yield* Effect.logInfo('a spool is in use by another process, or cannot be read', { file: name })
        continue
      }
      const { scope } = opened.value
      const drained = yield* Effect.gen(function* () {
        for (let after = 0; ; after += DRAIN_EVENTS) {
          const events = yield* eventsAfter(opened.value, after, DRAIN_EVENTS)
          if (events.length > 0) yield* log.append(events)
          moved += events.length
          if (events.length < DRAIN_EVENTS) return
        }
      }).pipe(Effect.ensuring(Scope.close(scope, Exit.void)), Effect.result)
      if (Result.isSuccess(drained)) yield* removeFile(path)
      else if (drained.failure.reason._tag === 'Unavailable') return yield* drained.failure
      else
        yield* Effect.logError('a spool is kept that the log refuses', { file: name, detail: drained.failure.message })
    }
    return moved
  })

const openFile = (path: string, first: number): Effect.Effect<OpenFile, EventLogError> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layerSqlite({ path }), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
    )
    return { path, first, scope, log: Context.get(context, EventLog) }
  })

/** As the file counts: the writer's events from 1, and every stream anew. */
const countedFrom =
  (first: number) =>
  ({ streamVersion: _, ...event }: NewEvent): NewEvent => ({ ...event, writerSeq: event.writerSeq - first + 1 })

const eventsAfter = Effect.fnUntraced(function* (
  { log, first }: Pick<OpenFile, 'log' | 'first'>,
  after: number,
  limit: number,
): Effect.fn.Return<readonly NewEvent[], EventLogError> {
  const rows = yield* log.read({ after, limit })
  const events: NewEvent[] = []
  for (const row of rows) {
    // A newer release wrote them. Nothing of it may be lost, so that release must be started once more.
    if (row._tag === 'Foreign') {
      return yield* new EventLogError({
        reason: {
          _tag: 'Unusable',
          detail: `The spool holds events of a newer release (${row.upcast.type}); start that release to bring them to the log.`,
        },
      })
    }
    events.push(asNew(row.recorded, first))
  }
  return events
})

const asNew = (
  { position: _p, schemaVersion: _s, recordedAt: _r, streamVersion: _v, ...event }: RecordedEvent,
  first: number,
): NewEvent => ({ ...event, writerSeq: event.writerSeq + first - 1 })

const removeFile = (path: string) =>
  onDisk(() => Promise.all(['', '-wal', '-shm', '-lock'].map((end) => rm(`${path}${end}`, { force: true }))))

const onDisk = <A>(run: () => Promise<A>): Effect.Effect<A, EventLogError> =>
  Effect.tryPromise({
    try: run,
    catch: (error) =>
      new EventLogError({
        reason: { _tag: 'Unavailable', detail: `the spool: ${error instanceof Error ? error.message : 'failed'}` },
      }),
  })

const unavailable = (detail: string) => new EventLogError({ reason: { _tag: 'Unavailable', detail } })
