/**
 * Log lines in a file that is rotated by size and age. Lines wait in memory for one writer, so nobody waits for the disk; while
 * the disk does not take them they wait, up to a bound, and what comes beyond is dropped and counted. (The packages that rotate
 * files end their stream at the first error of the disk, and their queues have no bound.)
 */
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Effect, Latch, Result, type Scope, Semaphore } from 'effect'
import { fileTrouble, type LogFileError } from '#infra/log-file/log-file-error.ts'
import { compressRotated, freeRotatedName, removeOld } from '#infra/log-file/rotated-files.ts'

export interface LogFileOptions {
  /** Absolute. */
  readonly path: string
  /** The file is rotated before it grows beyond. */
  readonly maxBytes: number
  /** The file is rotated with the first line after it is so old; 0: its age does not matter. */
  readonly maxAgeMs: number
  /** Rotated files that stay. */
  readonly keep: number
  /** Rotated files are compressed by gzip. */
  readonly compress: boolean
}

export interface LogFile {
  /** Without its line break. Never waits, never fails. */
  readonly write: (line: string) => void
  /** Lines that found no room, since the start. */
  readonly dropped: () => number
}

/** Some ten thousand lines: minutes of a busy box. */
const MOST_QUEUED_BYTES = 8 * 1024 * 1024
/** One write; a burst is written in several. */
const WRITE_BYTES = 1024 * 1024
const RETRY_MS = 1_000
/** How long the end of the process waits for the last lines. */
const CLOSE_MS = 2_000

interface Current {
  readonly handle: FileHandle
  readonly since: number
  bytes: number
}

/**
 * Writes until the scope closes, and then what is left. Troubles are told to the loggers in force where this is run, which must
 * not write to the file itself.
 */
export const openLogFile = (options: LogFileOptions): Effect.Effect<LogFile, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { path, maxBytes, maxAgeMs, keep, compress } = options
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const scope = yield* Effect.scope
    const waiting = Latch.makeUnsafe(false)
    let queue: Buffer[] = []
    let queuedBytes = 0
    let dropped = 0
    let isFailing = false
    let current: Current | undefined

    const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, LogFileError> =>
      Effect.tryPromise({ try: run, catch: fileTrouble(path) })

    const opened = attempt(async (): Promise<Current> => {
      if (current !== undefined) return current
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      const handle = await open(path, 'a', 0o600)
      const { size, birthtimeMs } = await handle.stat()
      // A file system without times of birth says 0.
      current = { handle, bytes: size, since: size === 0 || birthtimeMs === 0 ? now() : birthtimeMs }
      return current
    })
    const closed = attempt(async () => {
      const { handle } = current ?? {}
      current = undefined
      await handle?.close()
    })

    const tolerant = (what: Effect.Effect<void, LogFileError>) =>
      Effect.catch(what, (error) => Effect.logWarning(`old log files stay as they are: ${error.message}`))
    const removed = tolerant(attempt(() => removeOld(path, keep)))
    /** Compressing takes its time, lines go on meanwhile. What was removed in that time may have come back compressed. */
    const compressed = tolerant(attempt(() => compressRotated(path))).pipe(
      Effect.andThen(removed),
      Semaphore.makeUnsafe(1).withPermit,
      Effect.forkIn(scope),
      Effect.when(Effect.succeed(compress)),
    )
    const rotated = Effect.gen(function* () {
      yield* closed
      yield* attempt(async () => rename(path, await freeRotatedName(path, now())))
      yield* removed
      yield* compressed
    })

    /** A write that failed halfway is taken back, so that no line is cut in two; where that fails too, half a line stays. */
    const append = (file: Current, bytes: Buffer) =>
      attempt(() => file.handle.appendFile(bytes)).pipe(
        Effect.tapError(() => Effect.ignore(attempt(() => file.handle.truncate(file.bytes)))),
      )

    const writeSome = Effect.gen(function* () {
      let file = yield* opened
      const lines = firstLines(queue, Math.min(WRITE_BYTES, Math.max(1, maxBytes - file.bytes)))
      const bytes = Buffer.concat(lines)
      const isFull = file.bytes + bytes.length > maxBytes || (maxAgeMs > 0 && now() - file.since >= maxAgeMs)
      if (isFull && file.bytes > 0) {
        yield* rotated
        file = yield* opened
      }
      yield* append(file, bytes)
      file.bytes += bytes.length
      queue = queue.slice(lines.length)
      queuedBytes -= bytes.length
    })

    const writing = Effect.gen(function* () {
      while (queue.length > 0) {
        const written = yield* Effect.result(writeSome)
        if (Result.isFailure(written)) {
          if (!isFailing) {
            yield* Effect.logError(
              `the log file cannot be written: ${written.failure.message}; lines wait, then are dropped`,
            )
          }
          isFailing = true
          return
        }
        if (isFailing) yield* Effect.logWarning('the log file is written again', { linesDropped: dropped })
        isFailing = false
      }
    })
    const turn = Effect.gen(function* () {
      yield* waiting.await
      waiting.closeUnsafe()
      // A write is not left in the middle: what is written is known when this is interrupted.
      yield* Effect.uninterruptible(writing)
      if (!isFailing) return
      yield* Effect.sleep(RETRY_MS)
      waiting.openUnsafe()
    })

    // What an earlier process left; where the folder is not there yet, or not to be had, there is nothing to do.
    if (Result.isSuccess(yield* Effect.result(opened))) {
      yield* removed
      yield* compressed
    }
    yield* Effect.addFinalizer(() =>
      Effect.andThen(writing, Effect.ignore(closed)).pipe(Effect.interruptible, Effect.timeoutOption(CLOSE_MS)),
    )
    yield* Effect.forkScoped(Effect.forever(turn))
    return {
      write: (line) => {
        const bytes = Buffer.from(`${line}\n`)
        if (queuedBytes + bytes.length > MOST_QUEUED_BYTES) {
          dropped += 1
          return
        }
        queue.push(bytes)
        queuedBytes += bytes.length
        waiting.openUnsafe()
      },
      dropped: () => dropped,
    }
  })

/** As many as fit into so many bytes, at least one. */
const firstLines = (queue: readonly Buffer[], most: number): readonly Buffer[] => {
  let bytes = 0
  const end = queue.findIndex((line) => {
    bytes += line.length
    return bytes > most
  })
  return queue.slice(0, end === -1 ? queue.length : Math.max(1, end))
}
