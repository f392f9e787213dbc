/**
 * The short queue: when nobody has room, but somebody will sooner than the operator's `routing.queue`, the request waits
 * instead of failing. Only limits are waited for: when an outage ends is a guess.
 */
import type { RouteChosen, SkipReason } from '#domain/decisions.ts'
import type { Skipped } from '#domain/routing/eligibility.ts'

const LIMITS: ReadonlySet<SkipReason> = new Set<SkipReason>(['throttled', 'limitReached'])

/**
 * Whom the request waits for, and how long at most; undefined when waiting is of no use. Times are epoch ms. A limit that
 * says nothing of when it frees, as one of concurrency, may do so at any moment.
 */
export const queueOf = (skipped: readonly Skipped[], at: number, queueMs: number): RouteChosen['queue'] => {
  const until = at + queueMs
  const soon = skipped
    .filter((skip) => LIMITS.has(skip.reason) && (skip.until ?? at) < until)
    .toSorted((a, b) => (a.until ?? at) - (b.until ?? at))
  return soon.length === 0 ? undefined : { providers: soon.map(({ provider }) => provider), until }
}
