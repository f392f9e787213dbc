/**
 * Waiting for the log to grow. The head is asked for at intervals, always; a hint only makes it be asked sooner. So a hint that
 * is lost costs time, and one that is wrong costs a question.
 */
import { Clock, Effect } from 'effect'
import type { Cluster } from '#actors/cluster.ts'
import type { EventLogError } from '#actors/ports.ts'

/** No wait is longer, whatever was asked. */
const LONGEST_WAIT_MS = 2_000
const NANOS_PER_MS = 1_000_000n

export interface Hints {
  readonly waitBeyond: Cluster['Service']['waitBeyond']
  /** The log seems to have grown to a position. */
  readonly tell: (position: number) => void
  /** Hints may have been lost: all who wait look for themselves. */
  readonly doubt: () => void
}

interface Waiting {
  readonly position: number
  readonly wake: () => void
}

/** `head` asks the store for the position of the last event. */
export const makeHints = (head: Effect.Effect<number, EventLogError>): Hints => {
  const waiting = new Set<Waiting>()
  let told = 0

  const hintBeyond = (position: number): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      if (told > position) {
        resume(Effect.void)
        return
      }
      const one: Waiting = {
        position,
        wake: () => {
          waiting.delete(one)
          resume(Effect.void)
        },
      }
      waiting.add(one)
      return Effect.sync(() => waiting.delete(one))
    })

  const look = Effect.gen(function* () {
    const before = told
    const at = yield* head
    // A hint that was wrong (a log restored from a backup) must not wake anybody again; one that came meanwhile must.
    if (told === before) told = Math.min(told, at)
    return at
  })

  return {
    waitBeyond: Effect.fnUntraced(function* (position, pollMs) {
      const end = (yield* Clock.monotonicTimeNanos) + BigInt(LONGEST_WAIT_MS) * NANOS_PER_MS
      while (true) {
        const leftMs = Number((end - (yield* Clock.monotonicTimeNanos)) / NANOS_PER_MS)
        if (leftMs <= 0) return
        yield* Effect.timeoutOption(hintBeyond(position), Math.min(pollMs, leftMs))
        if ((yield* look) > position) return
      }
    }),
    tell: (position) => {
      told = Math.max(told, position)
      for (const one of [...waiting]) if (one.position < position) one.wake()
    },
    doubt: () => {
      for (const one of [...waiting]) one.wake()
    },
  }
}
