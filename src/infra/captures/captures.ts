/**
 * Captures beside the requests: the bytes of a request and its answer are held until it ends, and then handed to a thread that
 * keeps them. What is held is bounded; a request that finds no room is not captured, and counted. No request ever waits.
 */
import { Effect, Fiber, Option, Redacted, Scope } from 'effect'
import { Captures, CapturesUnavailable, type EventLogError } from '#actors/ports.ts'
import { type CaptureChoice, isChosen } from '#domain/capture-choice.ts'
import { requestId } from '#domain/ids.ts'
import type { CaptureCalls, CaptureThreadData } from '#infra/captures/capture-thread.ts'
import { sharedCopy } from '#infra/captures/hand-over.ts'
import type { TokenReference } from '#infra/credentials/credential-reference.ts'
import { makeCredentialSource } from '#infra/credentials/credential-source.ts'
import { startThread, type Thread } from '#infra/event-log/thread.ts'

export interface CaptureOptions extends CaptureChoice {
  /** Absolute path. */
  readonly file: string
  /** Captures older than this go. */
  readonly retentionMs: number
  /** The oldest captures go before the file grows larger. */
  readonly maxBytes: number
  /** Absent: the file is not encrypted. */
  readonly key?: TokenReference
  /** Sources of regular expressions: what else is replaced before it is kept. */
  readonly redact: readonly string[]
  /** Bytes of requests under way and of those that wait for the disk, together. */
  readonly mostHeldBytes?: number
  /** So long a stop waits for the last captures, and again for their file. */
  readonly lastWaitMs?: number
}

/** Two of the largest requests, or some hundred usual ones. */
const MOST_HELD_BYTES = 96 * 1024 * 1024
/** The size is looked at with every capture, their age so often. */
const PRUNE_EVERY_MS = 600_000
const LAST_WAIT_MS = 5_000

/**
 * Starts the thread, which lives as long as the scope. When its file or its key cannot be used, that is said in the log, nothing
 * is captured, and every request counts as dropped.
 */
export const startCaptures = (options: CaptureOptions): Effect.Effect<Captures['Service'], never, Scope.Scope> =>
  Effect.gen(function* () {
    const found = yield* Effect.result(keyOf(options))
    if (found._tag === 'Failure') return yield* unusable(options, found.failure.message)
    const { file, redact, retentionMs, maxBytes } = options
    const data: CaptureThreadData = { path: file, key: found.success, redact, retentionMs, maxBytes }
    const entry = new URL('./capture-thread.ts', import.meta.url)
    const thread = yield* closedInTime(startThread<CaptureCalls>('captures', entry, data), options)
    const opened = yield* Effect.result(thread.ready)
    if (opened._tag === 'Failure') return yield* unusable(options, opened.failure.message)
    yield* Effect.forkScoped(pruneRegularly(thread))
    return yield* capturesOf(options, thread)
  })

/** A disk that hangs must not hold up a stop: the thread is left behind then, and ends with the process. */
const closedInTime = <A>(start: Effect.Effect<A, never, Scope.Scope>, options: CaptureOptions) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const own = yield* Scope.make()
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        const closing = Effect.runForkWith(context)(Scope.close(own, exit))
        return inTime(Fiber.await(closing), options, 'the file of captures was not closed: its disk is slow')
      }),
    )
    return yield* Scope.provide(start, own)
  })

const inTime = (waiting: Effect.Effect<unknown>, { lastWaitMs = LAST_WAIT_MS }: CaptureOptions, warning: string) =>
  Effect.interruptible(waiting).pipe(
    Effect.timeoutOption(lastWaitMs),
    Effect.flatMap((done) => (Option.isSome(done) ? Effect.void : Effect.logWarning(warning))),
  )

const keyOf = ({ key }: CaptureOptions) =>
  key === undefined
    ? Effect.undefined
    : Effect.map(makeCredentialSource(key).secret, (secret): string | undefined => Redacted.value(secret))

const unusable = (choice: CaptureChoice, message: string) =>
  Effect.gen(function* () {
    yield* Effect.logError('nothing is captured', { detail: message })
    let dropped = 0
    return Captures.of({
      begin: (admitted) => {
        if (isChosen(choice, admitted, undefined)) dropped++
        return undefined
      },
      read: () => new CapturesUnavailable({ message }),
      counts: () => ({ kept: 0, dropped }),
    })
  })

const pruneRegularly = (thread: Thread<CaptureCalls>) =>
  Effect.gen(function* () {
    const removed = yield* thread.call('prune', yield* Effect.clockWith((clock) => clock.currentTimeMillis))
    if (removed > 0) yield* Effect.logInfo('old captures were removed', { captures: removed })
  }).pipe(
    Effect.catch((error) => Effect.logWarning('old captures were not removed', { detail: error.message })),
    Effect.andThen(Effect.sleep(PRUNE_EVERY_MS)),
    Effect.forever,
  )

const capturesOf = (options: CaptureOptions, thread: Thread<CaptureCalls>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const clock = yield* Effect.clockWith(Effect.succeed)
    const most = options.mostHeldBytes ?? MOST_HELD_BYTES
    const storing = new Set<Fiber.Fiber<void>>()
    let held = 0
    let kept = 0
    let dropped = 0
    let isFailing = false

    const failed = (error: EventLogError): Effect.Effect<void> => {
      dropped++
      if (isFailing) return Effect.void
      isFailing = true
      return Effect.logWarning('requests are not captured at present', { detail: error.message })
    }
    const stored = Effect.sync(() => {
      kept++
      isFailing = false
    })
    const run = (effect: Effect.Effect<void>): void => {
      const fiber = Effect.runForkWith(context)(effect)
      storing.add(fiber)
      fiber.addObserver(() => storing.delete(fiber))
    }
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => inTime(Fiber.awaitAll([...storing]), options, 'the last captures were not kept')),
    )

    const begin: Captures['Service']['begin'] = (admitted, body) => {
      if (!isChosen(options, admitted, undefined)) return undefined
      const pieces: Uint8Array[] = [body]
      let own = 0
      let isOver = false
      /** Makes room, or gives up what this capture holds. */
      const take = (bytes: number): boolean => {
        if (held + bytes > most) {
          release()
          dropped++
          return false
        }
        held += bytes
        own += bytes
        return true
      }
      const release = (): void => {
        held -= own
        own = 0
        pieces.length = 0
        isOver = true
      }
      if (!take(body.length)) return undefined
      return {
        answer: (bytes) => {
          if (!isOver && take(bytes.length)) pieces.push(bytes)
        },
        end: ({ status, complete, provider }) => {
          if (isOver) return
          isOver = true
          if (!isChosen(options, admitted, provider)) return release()
          const told = {
            requestId: admitted.requestId,
            at: clock.currentTimeMillisUnsafe(),
            status: status ?? null,
            complete,
            requestBytes: body.length,
          }
          run(
            sharedCopy(pieces).pipe(
              Effect.flatMap((bytes) => thread.call('store', { ...told, bytes })),
              Effect.andThen(stored),
              Effect.catch(failed),
              Effect.catchDefect((bug) => {
                dropped++
                return Effect.logError('a capture died of a bug', bug)
              }),
              Effect.ensuring(Effect.sync(release)),
            ),
          )
        },
      }
    }

    return Captures.of({
      begin,
      read: (id) =>
        thread.call('read', id).pipe(
          Effect.mapError(({ message }) => new CapturesUnavailable({ message })),
          Effect.map((found) => (found === null ? undefined : { ...found, requestId: requestId(found.requestId) })),
        ),
      counts: () => ({ kept, dropped }),
    })
  })
