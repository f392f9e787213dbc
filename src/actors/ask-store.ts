/**
 * Asking the store that instances share (the Cluster port) for requests that cannot wait long: when it does not answer soon, or fails, it
 * counts as away for a moment, and nobody asks it.
 */
import { Effect, Option } from 'effect'

/** A request waits this long for the store, then goes on as if it were away; the store is not asked again for the time after it. */
const STORE_WAIT_MS = 500
const AWAY_MS = 1_000

export interface AskStore {
  /** Undefined: the store is away. */
  readonly ask: <A>(call: Effect.Effect<A, { readonly message: string }>) => Effect.Effect<A | undefined>
  /** Until when it is not asked, epoch ms; in the past where it was there when it was asked last. */
  readonly awayUntil: () => number
}

/** @param now epoch ms */
export const makeAskStore = (now: () => number): AskStore => {
  let awayUntil = 0
  return {
    ask: (call) =>
      Effect.suspend(() =>
        now() < awayUntil
          ? Effect.undefined
          : call.pipe(
              Effect.timeoutOption(STORE_WAIT_MS),
              Effect.catch(() => Effect.succeedNone),
              Effect.map((answer) => {
                if (Option.isNone(answer)) awayUntil = now() + AWAY_MS
                return Option.getOrUndefined(answer)
              }),
            ),
      ),
    awayUntil: () => awayUntil,
  }
}
