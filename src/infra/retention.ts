/**
 * Retention: requests that are older than their time go to an archive, day by day, while the log is in use. The log's sums stay.
 */
import { Data, Effect } from 'effect'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import { LogArchive } from '#infra/event-log/log-archive.ts'

export interface ArchiveOrder {
  /** Requests that were admitted before this go, epoch ms. */
  readonly before: number
  /** Absolute path. */
  readonly folder: string
  /** Who archives, as `cli` or `retention`. */
  readonly by: string
  /** Appends have the disk for so long between two slices; 0 where nobody appends. */
  readonly pauseMs: number
  /** Told the share done, of each of the three parts. */
  readonly progress?: (part: 'writing' | 'deleting' | 'shrinking', share: number) => void
}

export interface Archived {
  readonly file: string
  readonly requests: number
  readonly events: number
}

/** There is no snapshot of this release's state, so a start would need the events that are to go. */
export class NotCovered extends Data.TaggedError('NotCovered')<{ readonly message: string }> {}

/** Archives what is old enough; undefined when nothing is. */
export const archiveLog = (
  order: ArchiveOrder,
): Effect.Effect<Archived | undefined, EventLogError | NotCovered, EventLog | Ledger | LogArchive> =>
  Effect.gen(function* () {
    const { before, folder, by, pauseMs, progress = () => undefined } = order
    const [log, archive, ledger] = [yield* EventLog, yield* LogArchive, yield* Ledger]
    const covered = yield* coveredPosition(log)
    const plan = yield* archive.plan({ before, covered })
    if (plan === undefined) return undefined
    const file = yield* archive.write(plan, folder, (share) => progress('writing', share))
    if (file === undefined) return undefined
    const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    // Before the deletion, so that it is known where the events are however this ends; what is left then goes the next time.
    ledger.record({ _tag: 'LogArchived', upTo: plan.bounds.admittedTo, events: plan.events, file, by }, at)
    yield* ledger.committed
    yield* Effect.scoped(
      Effect.gen(function* () {
        const remove = yield* archive.remove(plan)
        for (let requests = 0; ; ) {
          const removed = yield* remove
          if (removed.requests === 0) return
          requests += removed.requests
          progress('deleting', requests / plan.requests)
          if (pauseMs > 0) yield* Effect.sleep(pauseMs)
        }
      }),
    )
    for (let most = 0; ; ) {
      const left = yield* archive.shrink
      if (left === 0) break
      most = Math.max(most, left)
      progress('shrinking', 1 - left / most)
      if (pauseMs > 0) yield* Effect.sleep(pauseMs)
    }
    return { file, requests: plan.requests, events: plan.events }
  })

/** The position up to which a start needs no event. */
export const coveredPosition = (log: EventLog['Service']): Effect.Effect<number, EventLogError | NotCovered> =>
  Effect.flatMap(log.latestSnapshot(STATE_VERSION), (snapshot) =>
    snapshot === undefined
      ? new NotCovered({
          message: 'There is no snapshot of this release yet, which a start needs instead of the events.',
        })
      : Effect.succeed(snapshot.position),
  )

const DAY_MS = 86_400_000
/** Long enough for the commits of some hundred requests. */
const PAUSE_MS = 100
const NOT_MINE_MS = 600_000

/** Archives at once and then every day; a failure is logged, and the next day tries again. */
export const keepFor = (options: {
  readonly detailMs: number
  readonly folder: string
  /** Whether it is for this instance to do, of several on the log; absent: it is. */
  readonly isMine?: () => boolean
}) =>
  Effect.gen(function* () {
    // Whoever leads may be another in a while.
    if (options.isMine?.() === false) return yield* Effect.sleep(NOT_MINE_MS)
    const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const order = { before: now - options.detailMs, folder: options.folder, by: 'retention', pauseMs: PAUSE_MS }
    const archived = yield* archiveLog(order)
    if (archived !== undefined) yield* Effect.logInfo('old requests were archived', archived)
    yield* Effect.sleep(DAY_MS)
  }).pipe(
    Effect.catch((error) =>
      Effect.andThen(
        Effect.logWarning('old requests were not archived', { detail: error.message }),
        Effect.sleep(DAY_MS),
      ),
    ),
    Effect.forever,
  )
