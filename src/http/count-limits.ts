/**
 * The limits of token counts, apart from those of model calls: a provider that refuses to count is left alone for a while,
 * and a burst (Claude Code sends 25 at once) does not become as many calls at once.
 */
import { type Effect, Semaphore } from 'effect'
import type { FailureReason } from '#domain/failure.ts'
import { uselessUntil } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'

/** Calls to one provider at a time; the rest wait their turn. */
const AT_ONCE = 16
/** After a limit that names no time. */
const LIMITED_MS = 10_000
/** After "there is nothing at this path" and the like. */
const UNSUPPORTED_MS = 3_600_000
/** After any other failure. */
const FAILED_MS = 2_000
const UNSUPPORTED = new Set([404, 405, 501])

export interface CountLimits {
  /** Whether a provider may be asked at `at` (epoch ms). */
  readonly may: (provider: ProviderId, at: number) => boolean
  readonly note: (provider: ProviderId, reason: FailureReason, at: number) => void
  readonly inTurn: <A, E, R>(provider: ProviderId, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const makeCountLimits = (): CountLimits => {
  const until = new Map<ProviderId, number>()
  const turns = new Map<ProviderId, Semaphore.Semaphore>()
  const turnsOf = (provider: ProviderId): Semaphore.Semaphore => {
    const known = turns.get(provider) ?? Semaphore.makeUnsafe(AT_ONCE)
    turns.set(provider, known)
    return known
  }
  return {
    may: (provider, at) => at >= (until.get(provider) ?? 0),
    note: (provider, reason, at) => {
      const status = 'status' in reason ? reason.status : undefined
      const rest =
        status !== undefined && UNSUPPORTED.has(status)
          ? UNSUPPORTED_MS
          : reason._tag === 'RateLimited'
            ? LIMITED_MS
            : FAILED_MS
      until.set(provider, Math.max(at + rest, uselessUntil(reason) ?? 0))
    },
    inTurn: (provider, call) => turnsOf(provider).withPermit(call),
  }
}
