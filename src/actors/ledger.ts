/**
 * The single writer. A fact is decided at once, in memory, in the order in which it is recorded; its events then go to the
 * log in groups, and observers hear of them after the commit. Routing therefore always sees the newest state and never
 * waits for the disk; whoever has promised something to the outside (the end of a response, a probe) waits with
 * `committed`. docs/adr/0004 has the reasons.
 */
import { Cause, Context, Duration, Effect, Fiber, Latch, Layer, Result, type Scope, Semaphore } from 'effect'
import {
  applyDecision,
  copyState,
  decide,
  encodeState,
  encodeStateInSteps,
  type GatewayState,
  STATE_VERSION,
  trackStream,
} from '#actors/gateway-state.ts'
import { inTurns } from '#actors/in-turns.ts'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import { restore } from '#actors/restore.ts'
import { CATALOGUE, type Decision, type DomainEvent, type Fact } from '#domain/events.ts'
import { type NewEvent, type RecordedEvent, streamOf } from '#domain/recorded-event.ts'
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'

/** A batch goes to the log when it holds this many events, when somebody waits, or when it is `lingerMs` old. */
const BATCH_EVENTS = 64
/**
 * A snapshot after this many events, or with the first commit after this long, keeps a restart short, and any moment of the
 * past a short fold away. The margin is for the batch in which it falls due.
 */
const SNAPSHOT_EVERY = SNAPSHOT_SPACING - 100
const SNAPSHOT_AFTER_MS = 60_000
/** While the log fails, whoever waits for a commit is let go after this: serving goes on, and the failure is loud. */
const WAIT_WHILE_FAILING_MS = 1_000
const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 5_000
/** How long the end of the process waits for a log that fails. */
const CLOSE_MS = 10_000
/** Above this many unwritten events (some 50 MB) new requests are refused. */
const MAX_PENDING = 100_000

/** Whether the log keeps up. `failingSince`: epoch ms of the first of the current failures. */
export interface LedgerHealth {
  readonly pending: number
  readonly committedPosition: number
  readonly failingSince: number | undefined
  readonly failure: string | undefined
  readonly overflowing: boolean
}

/** How far the log is behind the state, and the newest snapshot behind the log. */
export interface LedgerLag {
  /** Events of the state that are not durable yet: those that wait, and those on their way to the log. */
  readonly uncommitted: number
  /** What the next start has not to fold again: the events up to this position. */
  readonly snapshotPosition: number
  /** Epoch ms at which this process stored that snapshot; undefined: an earlier process did, or nobody has. */
  readonly snapshotAt: number | undefined
}

/** One commit. `tookMs`: until it was durable, with all that had to be tried again. */
export interface Commit {
  readonly tookMs: number
}

export type CommitListener = (events: readonly RecordedEvent[], commit: Commit) => void

export class Ledger extends Context.Service<
  Ledger,
  {
    /** The live state. It changes in place: read it, do not keep it. */
    readonly state: GatewayState
    /** Identifies this process in the log. */
    readonly writer: string
    /** Records a fact that happened at `at` (epoch ms) and returns what was decided from it. */
    readonly record: (fact: Fact, at: number) => readonly Decision[]
    /** Waits until everything recorded so far is durable. */
    readonly committed: Effect.Effect<void>
    /** Hears every commit, in order, until the scope closes. A listener must be quick and must not throw. */
    readonly subscribe: (listener: CommitListener) => Effect.Effect<void, never, Scope.Scope>
    readonly health: () => LedgerHealth
    readonly lag: () => LedgerLag
    /** Never succeeds; dies when the writer does, so that the process can end loudly. */
    readonly running: Effect.Effect<never>
    /** Commits everything and stores a snapshot; for the end of the process. */
    readonly close: Effect.Effect<void>
  }
>()('signalbox/actors/Ledger') {}

interface Waiter {
  readonly seq: number
  readonly resume: () => void
}

export interface LedgerOptions {
  /** Unique per process start. */
  readonly writer: string
  /**
   * Whoever waits for a commit while other requests are under way waits this much longer, so that requests that end
   * together share one. It delays the last byte of a response, never the first.
   */
  readonly groupMs?: number
  /** How old an event may get that nobody waits for. A crash loses at most these, and what was decided from them. */
  readonly lingerMs?: number
}

const make = (options: LedgerOptions) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const { writer, groupMs = 0, lingerMs = 20 } = options
    const restored = yield* restore(log)
    const { state } = restored

    let pending: NewEvent[] = []
    let seq = 0
    let committedSeq = 0
    let position = restored.position
    let snapshotPosition = restored.snapshotPosition
    let snapshotStoredAt: number | undefined
    let snapshotAt = Number.NEGATIVE_INFINITY
    let failingSince: number | undefined
    let failure: string | undefined
    let waiters: Waiter[] = []
    let closeBy = Number.POSITIVE_INFINITY
    /** The state holds events that the log will never have: no snapshot may be made of it, nothing may be appended. */
    let ahead = false
    const oneAtATime = Semaphore.makeUnsafe(1)
    const listeners = new Set<CommitListener>()
    const nonEmpty = Latch.makeUnsafe(false)
    const urgent = Latch.makeUnsafe(false)

    const enqueue = (event: DomainEvent, at: number, causation: number | undefined): number => {
      const stream = streamOf(event)
      const streamVersion = (state.streams.get(stream) ?? 0) + 1
      trackStream(state, stream, streamVersion, event)
      seq += 1
      pending.push({
        event,
        stream,
        streamVersion,
        occurredAt: at,
        writer,
        writerSeq: seq,
        ...('requestId' in event ? { correlation: event.requestId } : {}),
        ...(causation === undefined ? {} : { causation }),
      })
      return seq
    }

    const record = (fact: Fact, at: number): readonly Decision[] => {
      const cause = enqueue(fact, at, undefined)
      const decisions = decide(state, fact, at, writer)
      for (const decision of decisions) {
        applyDecision(state, decision, at, writer)
        enqueue(decision, at, cause)
      }
      nonEmpty.openUnsafe()
      if (pending.length >= BATCH_EVENTS) urgent.openUnsafe()
      return decisions
    }

    const release = (upTo: number): void => {
      if (waiters.length === 0) return
      const ready = waiters.filter((waiter) => waiter.seq <= upTo)
      waiters = waiters.filter((waiter) => waiter.seq > upTo)
      for (const waiter of ready) waiter.resume()
    }

    const committed = Effect.callback<void>((resume) => {
      if (committedSeq >= seq) {
        resume(Effect.void)
        return
      }
      const waiter: Waiter = { seq, resume: () => resume(Effect.void) }
      waiters.push(waiter)
      urgent.openUnsafe()
      return Effect.sync(() => {
        waiters = waiters.filter((other) => other !== waiter)
      })
    }).pipe((wait) =>
      // Only while the log is failing does a waiter stop waiting; the failure is on /readyz, in metrics and in the log.
      Effect.suspend(() => (failingSince === undefined ? wait : Effect.timeoutOption(wait, WAIT_WHILE_FAILING_MS))),
    )

    const publish = (batch: readonly NewEvent[], last: number, recordedAt: number, tookMs: number) =>
      Effect.sync(() => {
        if (listeners.size === 0) return
        const first = last - batch.length + 1
        const events = batch.map(
          (event, index): RecordedEvent => ({
            ...event,
            position: first + index,
            schemaVersion: CATALOGUE[event.event._tag].schemaVersion,
            recordedAt,
          }),
        )
        return events
      }).pipe(
        Effect.flatMap((events = []) =>
          Effect.forEach(
            listeners,
            (listener) =>
              Effect.sync(() => listener(events, { tookMs })).pipe(
                // An observer's bug stops neither the log nor the other observers.
                Effect.catchCause((cause) =>
                  Effect.logError('an observer of the event log failed', Cause.squash(cause)),
                ),
              ),
            { discard: true },
          ),
        ),
      )

    /** Retries for as long as the log is unavailable; gives the batch up only when the process is to end. */
    const append = (batch: readonly NewEvent[]): Effect.Effect<number> =>
      Effect.gen(function* () {
        for (let delay = RETRY_MIN_MS; ; delay = Math.min(delay * 2, RETRY_MAX_MS)) {
          const result = yield* Effect.result(log.append(batch))
          if (Result.isSuccess(result)) return result.success
          const { reason } = result.failure
          if (reason._tag !== 'Unavailable') {
            ahead = true
            return yield* Effect.die(result.failure)
          }
          failingSince ??= now()
          failure = reason.detail
          yield* Effect.logError('the event log cannot write; events wait in memory', {
            detail: reason.detail,
            waiting: pending.length + batch.length,
          })
          yield* Effect.sleep(delay)
          if (now() - failingSince >= WAIT_WHILE_FAILING_MS) release(seq)
          if (now() < closeBy) continue
          yield* Effect.logError('the process ends and these events are lost', {
            events: pending.length + batch.length,
          })
          ahead = true
          return position
        }
      })

    const flush = Effect.gen(function* () {
      if (pending.length === 0 || ahead) return
      const batch = pending
      pending = []
      const lastSeq = seq
      // At this very moment the state is the fold of everything up to the end of this batch.
      const due =
        position + batch.length - snapshotPosition >= SNAPSHOT_EVERY || now() - snapshotAt >= SNAPSHOT_AFTER_MS
      // A copy takes a fifth of the time of its text, which is made later, in turns with everything else.
      const snapshot = due ? copyState(state) : undefined
      if (due) snapshotAt = now()
      const [took, last] = yield* Effect.timed(append(batch))
      if (ahead) return
      if (failingSince !== undefined) {
        yield* Effect.logWarning('the event log writes again', { failedForMs: now() - failingSince })
        failingSince = undefined
        failure = undefined
      }
      position = last
      committedSeq = lastSeq
      release(lastSeq)
      yield* publish(batch, last, now(), Duration.toMillis(took))
      if (snapshot !== undefined) yield* saveSnapshot(yield* inTurns(encodeStateInSteps(snapshot)), last)
    }).pipe(oneAtATime.withPermit)

    const saveSnapshot = (text: string, at: number) =>
      log.saveSnapshot({ version: STATE_VERSION, position: at, state: text }).pipe(
        Effect.tap(() => {
          snapshotPosition = at
          snapshotStoredAt = now()
          return Effect.void
        }),
        // Without it the next start reads more of the log; nothing is lost.
        Effect.catch((error) => Effect.logWarning('a snapshot could not be stored', { detail: error.message })),
      )

    // Two plain loops instead of a race per batch: one lets events grow old, the other writes.
    const lingering = Effect.gen(function* () {
      yield* nonEmpty.await
      yield* Effect.sleep(lingerMs)
      nonEmpty.closeUnsafe()
      if (pending.length > 0) urgent.openUnsafe()
    })

    const writing = Effect.gen(function* () {
      yield* urgent.await
      const othersMayEnd = state.projections.requests.inFlight.size > 0
      if (groupMs > 0 && othersMayEnd && pending.length < BATCH_EVENTS) yield* Effect.sleep(groupMs)
      urgent.closeUnsafe()
      yield* Effect.uninterruptible(flush)
    })

    const close = Effect.gen(function* () {
      closeBy = now() + CLOSE_MS
      // Again while there is something: events may be recorded during the write, and the snapshot must not be ahead.
      do yield* flush
      while (pending.length > 0 && !ahead)
      if (position > snapshotPosition && !ahead) yield* saveSnapshot(encodeState(state), position)
    })

    yield* Effect.forkScoped(Effect.forever(lingering))
    const fiber = yield* Effect.forkScoped(Effect.forever(writing))
    yield* Effect.addFinalizer(() => close)

    return Ledger.of({
      state,
      writer,
      record,
      committed,
      subscribe: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => void listeners.add(listener)),
          () => Effect.sync(() => void listeners.delete(listener)),
        ),
      health: () => ({
        pending: pending.length,
        committedPosition: position,
        failingSince,
        failure,
        overflowing: pending.length >= MAX_PENDING,
      }),
      lag: () => ({ uncommitted: seq - committedSeq, snapshotPosition, snapshotAt: snapshotStoredAt }),
      running: Fiber.join(fiber),
      close,
    })
  })

/** The ledger over an event log. */
export const layer = (options: LedgerOptions): Layer.Layer<Ledger, EventLogError, EventLog> =>
  Layer.effect(Ledger, make(options))
