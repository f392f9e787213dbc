/**
 * The single writer. A fact is decided at once, in memory, in the order in which it is recorded; its events then go to the
 * log in groups, and observers hear of them after the commit. Routing therefore always sees the newest state and never
 * waits for the disk; whoever has promised something to the outside (the end of a response, a probe) waits with
 * `committed`. docs/adr/0004 has the reasons, docs/adr/0022 what is different where several instances share a log.
 */
import { Context, Duration, Effect, Fiber, Latch, Layer, type Scope, Semaphore } from 'effect'
import { makeAudience } from '#actors/audience.ts'
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
import { hearPeers, isHeard, isNews } from '#actors/hear-peers.ts'
import { inTurns } from '#actors/in-turns.ts'
import { makeAppender } from '#actors/ledger-append.ts'
import type { CommitListener, Heard, LedgerHealth, LedgerLag, LogListener } from '#actors/ledger-news.ts'
import { EventLog, type EventLogError, type ReadEvent } from '#actors/ports.ts'
import { join, restore } from '#actors/restore.ts'
import type { Spool } from '#actors/spool.ts'
import { CATALOGUE, type Decision, type DomainEvent, type Fact } from '#domain/events.ts'
import { type CommittedEvent, type NewEvent, type PlacedEvent, streamOf } from '#domain/recorded-event.ts'
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
/** Above this many unwritten events (some 50 MB) new requests are refused. */
const MAX_PENDING = 100_000

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
    /** Whether other instances may append to the same log. */
    readonly shared: boolean
    /** Hears every commit of this process, in order, until the scope closes. A listener must be quick and must not throw. */
    readonly subscribe: (listener: CommitListener) => Effect.Effect<void, never, Scope.Scope>
    /** Hears every event of the log from now on, in its order, whoever wrote it. The same rules. */
    readonly follow: (listener: LogListener) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Takes the next events of a shared log in, without a hole since `heard().position`; those of this process are known already.
     * `at`: epoch ms at which they were all there was, or undefined when more are known to follow.
     */
    readonly hear: (rows: readonly ReadEvent[], at: number | undefined) => Effect.Effect<void>
    readonly heard: () => Heard
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
  /** Absent: nobody else writes to the log. */
  readonly shared?: {
    readonly version: string
    readonly spool: Spool['Service'] | undefined
  }
}

const make = (options: LedgerOptions) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const { writer, groupMs = 0, lingerMs = 20, shared } = options
    const restored = yield* shared === undefined ? restore(log) : join(log, { writer, version: shared.version })
    const { state } = restored
    const appender = yield* makeAppender(log, shared?.spool)

    let pending: NewEvent[] = []
    // Who joins has written one event already.
    let seq = shared === undefined ? 0 : 1
    let committedSeq = seq
    let position = restored.position
    let snapshotPosition = restored.snapshotPosition
    let snapshotStoredAt: number | undefined
    let snapshotAt = Number.NEGATIVE_INFINITY
    let heard: Heard = { position: restored.position, at: now() }
    let waiters: Waiter[] = []
    /** The state holds events that the log will never have: no snapshot may be made of it, nothing may be appended. */
    let ahead = false
    const oneAtATime = Semaphore.makeUnsafe(1)
    const observers = makeAudience<Parameters<CommitListener>>()
    const followers = makeAudience<readonly PlacedEvent[]>()
    const nonEmpty = Latch.makeUnsafe(false)
    const urgent = Latch.makeUnsafe(false)

    const enqueue = (event: DomainEvent, at: number, causation: number | undefined): number => {
      const stream = streamOf(event)
      const streamVersion = (state.streams.get(stream) ?? 0) + 1
      trackStream(state, stream, streamVersion, event)
      seq += 1
      const fresh: { -readonly [K in keyof NewEvent]: NewEvent[K] } = {
        event,
        stream,
        occurredAt: at,
        writer,
        writerSeq: seq,
      }
      // Assigned, because spreading what may be missing takes ten times as long as all the rest, and every event comes by.
      // Others may write to the stream at this moment: the log counts.
      if (shared === undefined) fresh.streamVersion = streamVersion
      if ('requestId' in event) fresh.correlation = event.requestId
      if (causation !== undefined) fresh.causation = causation
      pending.push(fresh)
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
      Effect.suspend(() =>
        appender.failure() === undefined ? wait : Effect.timeoutOption(wait, WAIT_WHILE_FAILING_MS),
      ),
    )

    /** `last`: its position; undefined while the place in a shared log is not known, whose followers hear of it by `hear`. */
    const publish = (batch: readonly NewEvent[], last: number | undefined, recordedAt: number, tookMs: number) =>
      Effect.suspend(() => {
        if (observers.size() === 0 && followers.size() === 0) return Effect.void
        if (last === undefined)
          return observers.tell([batch.map((event) => committedOf(event, recordedAt)), { tookMs }])
        const first = last - batch.length + 1
        const placed = batch.map((event, index) => ({ ...committedOf(event, recordedAt), position: first + index }))
        return Effect.andThen(observers.tell([placed, { tookMs }]), followers.tell(placed))
      })

    const flush = Effect.gen(function* () {
      if (pending.length === 0 || ahead) return
      const batch = pending
      pending = []
      const lastSeq = seq
      // At this very moment the state is the fold of everything up to the end of this batch. A shared log's is nobody's own.
      const due =
        shared === undefined &&
        (position + batch.length - snapshotPosition >= SNAPSHOT_EVERY || now() - snapshotAt >= SNAPSHOT_AFTER_MS)
      // A copy takes a fifth of the time of its text, which is made later, in turns with everything else.
      const snapshot = due ? copyState(state) : undefined
      if (due) snapshotAt = now()
      const append = appender.append(batch, (forMs) => {
        if (forMs >= WAIT_WHILE_FAILING_MS) release(seq)
      })
      const [took, appended] = yield* Effect.timed(Effect.tapError(append, () => Effect.sync(giveUp))).pipe(
        Effect.orDie,
      )
      if (appended._tag === 'Lost') {
        yield* Effect.logError('the process ends and these events are lost', { events: pending.length + batch.length })
        return giveUp()
      }
      committedSeq = lastSeq
      // First: whoever waited may ask at once how far the log is.
      if (appended._tag === 'Committed') position = appended.position
      release(lastSeq)
      yield* publish(batch, shared === undefined ? position : undefined, now(), Duration.toMillis(took))
      if (snapshot !== undefined) yield* saveSnapshot(yield* inTurns(encodeStateInSteps(snapshot)), position)
    }).pipe(oneAtATime.withPermit)

    const giveUp = (): void => {
      ahead = true
    }

    const hear = (rows: readonly ReadEvent[], at: number | undefined) =>
      Effect.suspend(() => {
        const last = rows.at(-1)
        const known = rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))
        const heardNow = known.filter((recorded) => isHeard(recorded, writer))
        const upTo =
          last === undefined ? heard.position : last._tag === 'Known' ? last.recorded.position : last.position
        heard = { position: upTo, at: at ?? heard.at }
        if (heardNow.some(isNews)) {
          const heardAt = now()
          const cause = enqueue({ _tag: 'PeersHeard', upTo }, heardAt, undefined)
          for (const decision of hearPeers(state, heardNow)) {
            applyDecision(state, decision, heardAt, writer)
            enqueue(decision, heardAt, cause)
          }
          nonEmpty.openUnsafe()
        }
        return known.length === 0 ? Effect.void : followers.tell(known)
      })

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
      yield* appender.closing
      // Again while there is something: events may be recorded during the write, and the snapshot must not be ahead.
      do yield* flush
      while (pending.length > 0 && !ahead)
      if (shared === undefined && position > snapshotPosition && !ahead) {
        yield* saveSnapshot(encodeState(state), position)
      }
    })

    yield* Effect.forkScoped(Effect.forever(lingering))
    const drain = Effect.orDie(Effect.tapError(appender.draining, () => Effect.sync(giveUp)))
    const fiber = yield* Effect.forkScoped(Effect.raceFirst(Effect.forever(writing), drain))
    yield* Effect.addFinalizer(() => close)

    return Ledger.of({
      state,
      writer,
      record,
      committed,
      shared: shared !== undefined,
      subscribe: (listener) => observers.join((news) => listener(...news)),
      follow: (listener) => followers.join(listener),
      hear,
      heard: () => (shared === undefined ? { position, at: now() } : heard),
      health: () => {
        const failure = appender.failure()
        return {
          pending: pending.length,
          committedPosition: position,
          failingSince: failure?.since,
          failure: failure?.detail,
          overflowing: pending.length >= MAX_PENDING,
          spooled: appender.spooled(),
        }
      },
      lag: () => ({ uncommitted: seq - committedSeq, snapshotPosition, snapshotAt: snapshotStoredAt }),
      running: Fiber.join(fiber),
      close,
    })
  })

const committedOf = (event: NewEvent, recordedAt: number): CommittedEvent => ({
  ...event,
  schemaVersion: CATALOGUE[event.event._tag].schemaVersion,
  recordedAt,
})

/** The ledger over an event log. */
export const layer = (options: LedgerOptions): Layer.Layer<Ledger, EventLogError, EventLog> =>
  Layer.effect(Ledger, make(options))
