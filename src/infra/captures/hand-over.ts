/**
 * Brings bytes together in memory that another thread may read. The bytes themselves cannot be given away: until a socket has
 * taken them, it may still read them.
 */
import { Effect } from 'effect'

/** Copied in one go: some 0.1 ms. */
const STEP_BYTES = 1024 * 1024

/** The pieces, joined; of many bytes each step in a turn of the event loop of its own. */
export const sharedCopy = (pieces: readonly Uint8Array[]): Effect.Effect<SharedArrayBuffer> =>
  Effect.gen(function* () {
    const shared = new SharedArrayBuffer(pieces.reduce((sum, { length }) => sum + length, 0))
    const target = new Uint8Array(shared)
    let at = 0
    let inTurn = 0
    for (const piece of pieces) {
      for (let from = 0; from < piece.length; from += STEP_BYTES) {
        const step = piece.subarray(from, from + STEP_BYTES)
        if (inTurn + step.length > STEP_BYTES) {
          yield* nextTurn
          inTurn = 0
        }
        target.set(step, at)
        at += step.length
        inTurn += step.length
      }
    }
    return shared
  })

const nextTurn: Effect.Effect<void> = Effect.callback((resume) => {
  const next = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(next))
})
