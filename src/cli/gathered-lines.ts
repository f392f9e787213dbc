/**
 * Lines that are written together. Each write to a pipe costs as much as making ten lines, and a busy box has hundreds a second.
 * What waits is written after 50 ms, when it is 64 kB, and when the process ends: only a signal that cannot be heard, or a process
 * that is out of memory, takes lines along.
 */
import { Effect, type Scope } from 'effect'

export interface GatheredLines {
  /** Without its line break. */
  readonly add: (line: string) => void
  /** Writes what waits, in the order in which it came, before it returns. */
  readonly flush: () => void
}

/** Short enough for whoever looks on. */
const AFTER_MS = 50
/** In UTF-16 units, which log lines have about as many of as bytes. What a pipe of Linux holds. */
const MOST_UNITS = 64 * 1024

/** @param write is given lines without the last one's line break, and must be done when it returns */
export const gatherLines = (write: (lines: string) => void): Effect.Effect<GatheredLines, never, Scope.Scope> =>
  Effect.gen(function* () {
    let waiting: string[] = []
    let units = 0
    let timer: NodeJS.Timeout | undefined
    let isOver = false

    const flush = (): void => {
      clearTimeout(timer)
      timer = undefined
      if (waiting.length === 0) return
      const lines = waiting.join('\n')
      waiting = []
      units = 0
      write(lines)
    }
    const add = (line: string): void => {
      waiting.push(line)
      units += line.length
      // Nobody would come back for what is said after the end.
      if (isOver || units >= MOST_UNITS) flush()
      // It keeps no process alive: at the end of that there is `exit`.
      else timer ??= setTimeout(flush, AFTER_MS).unref()
    }

    yield* Effect.acquireRelease(
      // Comes after an uncaught exception and with process.exit, too.
      Effect.sync(() => process.on('exit', flush)),
      () =>
        Effect.sync(() => {
          isOver = true
          process.off('exit', flush)
          flush()
        }),
    )
    return { add, flush }
  })
