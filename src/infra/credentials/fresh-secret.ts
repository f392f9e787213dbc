/**
 * Keeps a secret fresh: fetched when it is first needed, handed out while it is good, and fetched anew in the background
 * shortly before its end, so that a request waits only when there is nothing good to hand out. One fetch runs at a time,
 * however many wait, and it goes on when they go. What went wrong is remembered for a second, so that a broken source is not
 * tried once per waiting request.
 */
import { Clock, Deferred, Effect, Redacted, Result } from 'effect'
import type { CredentialError } from '#infra/credentials/credential-error.ts'

/** Times are epoch milliseconds of Effect's clock. */
export interface Fetched {
  readonly secret: Redacted.Redacted<string>
  /** From then on a new one is fetched in the background. */
  readonly refreshAtMs: number
  /** From then on this one is not handed out. Later than the end of its fetch, or the fetch fails. */
  readonly goodUntilMs: number
}

export interface FreshSecret {
  /** The value; at once while the kept one is good. */
  readonly secret: Effect.Effect<Redacted.Redacted<string>, CredentialError>
  /**
   * The upstream refused the value: the next `secret` asks anew. With the refused value given, a newer one that was
   * fetched in between is kept.
   */
  readonly invalidate: (refused?: Redacted.Redacted<string>) => void
}

const FAILURE_KEEP_MS = 1_000

/** What Google's own libraries take (`eagerRefreshThresholdMillis`). */
const LONGEST_AHEAD_MS = 300_000

/** How long before its end a token of the given lifetime is renewed; short ones would else be renewed all the time. */
export const aheadMs = (lifetimeMs: number): number => Math.min(LONGEST_AHEAD_MS, lifetimeMs / 10)

export const makeFreshSecret = (fetch: Effect.Effect<Fetched, CredentialError>): FreshSecret => {
  let kept: Fetched | undefined
  let failed: { readonly error: CredentialError; readonly atMs: number } | undefined
  let running: Deferred.Deferred<void> | undefined
  /** Counts refusals, so that a value whose fetch began before one is not kept after it. */
  let refusals = 0
  let lastRefused: Redacted.Redacted<string> | undefined

  const settle = (result: Result.Result<Fetched, CredentialError>, begun: number, now: number): Effect.Effect<void> => {
    if (Result.isSuccess(result)) {
      failed = undefined
      const { secret } = result.success
      const newer = lastRefused !== undefined && Redacted.value(secret) !== Redacted.value(lastRefused)
      if (begun === refusals || newer) kept = result.success
      return Effect.void
    }
    if (kept === undefined || now >= kept.goodUntilMs) {
      failed = { error: result.failure, atMs: now }
      return Effect.void
    }
    // Tries get denser towards the end: ten in the time that is left, were it to stay like this.
    const leftMs = kept.goodUntilMs - now
    kept = { ...kept, refreshAtMs: now + Math.max(FAILURE_KEEP_MS, leftMs / 10) }
    return Effect.logWarning(`${result.failure.message} The present one is good for ${Math.round(leftMs / 1_000)} s.`)
  }

  const run = (done: Deferred.Deferred<void>): Effect.Effect<void> => {
    const begun = refusals
    return Effect.result(fetch).pipe(
      Effect.flatMap((result) => Effect.flatMap(Clock.currentTimeMillis, (now) => settle(result, begun, now))),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          running = undefined
          Deferred.doneUnsafe(done, exit)
        }),
      ),
    )
  }

  /** Looks and marks in one step, then forks; an interruption in between would leave a mark that nobody clears. */
  const start: Effect.Effect<Deferred.Deferred<void>> = Effect.suspend(() => {
    if (running !== undefined) return Effect.succeed(running)
    const done = Deferred.makeUnsafe<void>()
    running = done
    return Effect.as(Effect.forkDetach(run(done)), done)
  }).pipe(Effect.uninterruptible)

  // Who has waited looks again: the value may have been refused meanwhile.
  const secret: FreshSecret['secret'] = Effect.gen(function* () {
    while (true) {
      const now = yield* Clock.currentTimeMillis
      if (kept !== undefined && now < kept.goodUntilMs) {
        const present = kept.secret
        if (now >= kept.refreshAtMs) yield* start
        return present
      }
      // Of a failure that lies in the future, because the clock was set back since, nobody waits for the end.
      if (failed !== undefined && now >= failed.atMs && now < failed.atMs + FAILURE_KEEP_MS)
        return yield* Effect.fail(failed.error)
      yield* Effect.flatMap(start, Deferred.await)
    }
  })

  const invalidate = (refused?: Redacted.Redacted<string>): void => {
    const current = kept?.secret
    if (refused !== undefined && current !== undefined && Redacted.value(refused) !== Redacted.value(current)) return
    refusals += 1
    lastRefused = refused ?? current
    kept = undefined
  }

  return { secret, invalidate }
}
