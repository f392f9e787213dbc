/**
 * How the ledger's batches get into the log, whatever state the log is in: tried again while it is unavailable, or, where there is
 * a spool, kept there meanwhile and brought to the log in their order when it is back. Only the ledger uses it.
 */
import { Clock, Effect, Latch, Result } from 'effect'
import { type EventLog, EventLogError } from '#actors/ports.ts'
import type { Spool } from '#actors/spool.ts'
import type { NewEvent } from '#domain/recorded-event.ts'

const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 5_000
/** While events wait in the spool, new ones go there too; so the log is looked for more often than that. */
const RETRY_SPOOLED_MAX_MS = 1_000
/** How long the end of the process waits for a log that fails. */
const CLOSE_MS = 10_000
/**
 * A log that is elsewhere may fall silent instead of failing. The ends of answers wait for it no longer than this; whether it has taken
 * the events or not, sending them again does no harm.
 */
const SILENT_MS = 2_000
/** From the spool to the log at once: a fraction of a second. */
const DRAIN_EVENTS = 500

export type Appended =
  /** Durable in the log. `position` is that of the last event. */
  | { readonly _tag: 'Committed'; readonly position: number }
  /** Durable here; on its way to the log. */
  | { readonly _tag: 'Spooled' }
  /** The process ends and the log still fails. */
  | { readonly _tag: 'Lost' }

export interface Appender {
  /**
   * Does not end while the log fails and there is no spool; `whileFailing` is called between two tries, with the ms since the first.
   * Dies when the log refuses the events for good.
   */
  readonly append: (
    batch: readonly NewEvent[],
    whileFailing: (forMs: number) => void,
  ) => Effect.Effect<Appended, EventLogError>
  /** Undefined: the log writes. `since`: epoch ms. */
  readonly failure: () => { readonly since: number; readonly detail: string } | undefined
  /** Events in the spool. */
  readonly spooled: () => number
  /** Brings what is in the spool to the log; to be run beside everything else. Fails when the log refuses it for good. */
  readonly draining: Effect.Effect<never, EventLogError>
  /** From now on a failing log is waited for only so long. */
  readonly closing: Effect.Effect<void>
}

const soon = (append: Effect.Effect<number, EventLogError>): Effect.Effect<number, EventLogError> =>
  Effect.timeoutOrElse(append, {
    duration: SILENT_MS,
    orElse: () =>
      Effect.fail(new EventLogError({ reason: { _tag: 'Unavailable', detail: 'the database does not answer' } })),
  })

/** `spool`: undefined where the log is as near as a spool would be. */
export const makeAppender = (log: EventLog['Service'], spool: Spool['Service'] | undefined): Effect.Effect<Appender> =>
  Effect.gen(function* () {
    const now = yield* Effect.map(Clock.Clock, (clock) => () => clock.currentTimeMillisUnsafe())
    let failing: { readonly since: number; readonly detail: string } | undefined
    let closeBy = Number.POSITIVE_INFINITY
    const spoolFilled = Latch.makeUnsafe(false)
    const spooled = () => spool?.waiting() ?? 0
    if (spooled() > 0) spoolFilled.openUnsafe()

    const failed = (detail: string, waiting: number) => {
      const isNew = failing === undefined
      failing = { since: failing?.since ?? now(), detail }
      // With a spool nothing is in danger, so it is said once and not at every try.
      if (spool !== undefined && !isNew) return Effect.void
      return Effect.logError(
        spool === undefined
          ? 'the event log cannot write; events wait in memory'
          : 'the event log cannot be reached; events are kept on this machine until it can',
        { detail, waiting },
      )
    }

    const recovered = Effect.suspend(() => {
      if (failing === undefined) return Effect.void
      const failedForMs = now() - failing.since
      failing = undefined
      return Effect.logWarning('the event log writes again', { failedForMs })
    })

    /** False: the spool fails too. */
    const keep = (to: Spool['Service'], batch: readonly NewEvent[]) =>
      to.append(batch).pipe(
        Effect.as(true),
        Effect.tap(() => Effect.sync(() => spoolFilled.openUnsafe())),
        Effect.catch((error) =>
          Effect.as(Effect.logError('events cannot be kept on this machine either', { detail: error.message }), false),
        ),
      )

    const append: Appender['append'] = Effect.fnUntraced(function* (batch, whileFailing) {
      for (let delay = RETRY_MIN_MS; ; delay = Math.min(delay * 2, RETRY_MAX_MS)) {
        // What is older waits in the spool, and goes first.
        if (spooled() === 0) {
          const result = yield* Effect.result(spool === undefined ? log.append(batch) : soon(log.append(batch)))
          if (Result.isSuccess(result)) {
            yield* recovered
            return { _tag: 'Committed', position: result.success }
          }
          if (result.failure.reason._tag !== 'Unavailable') return yield* result.failure
          yield* failed(result.failure.reason.detail, batch.length)
        }
        if (spool !== undefined && (yield* keep(spool, batch))) return { _tag: 'Spooled' }
        yield* Effect.sleep(delay)
        whileFailing(failing === undefined ? 0 : now() - failing.since)
        if (now() >= closeBy) return { _tag: 'Lost' }
      }
    })

    const drain = Effect.fnUntraced(function* (from: Spool['Service']) {
      for (let delay = RETRY_MIN_MS; ; ) {
        const moved = yield* Effect.result(
          Effect.gen(function* () {
            const batch = yield* from.oldest(DRAIN_EVENTS)
            if (batch.length > 0) {
              yield* log.append(batch)
              yield* from.drop(batch.length)
            }
            return batch.length
          }),
        )
        if (Result.isSuccess(moved)) {
          delay = RETRY_MIN_MS
          if (spooled() > 0) continue
          spoolFilled.closeUnsafe()
          return yield* recovered
        }
        if (moved.failure.reason._tag !== 'Unavailable') return yield* moved.failure
        yield* failed(moved.failure.reason.detail, spooled())
        yield* Effect.sleep(delay)
        delay = Math.min(delay * 2, RETRY_SPOOLED_MAX_MS)
      }
    })

    return {
      append,
      failure: () => failing,
      spooled,
      draining: spool === undefined ? Effect.never : Effect.forever(Effect.andThen(spoolFilled.await, drain(spool))),
      closing: Effect.sync(() => {
        closeBy = now() + CLOSE_MS
      }),
    }
  })
