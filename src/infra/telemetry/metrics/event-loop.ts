/**
 * How long the event loop lets a timer wait beyond its time: what every request waits, too.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Effect, type Scope } from 'effect'

/** Seconds, since the last look. */
export interface LoopDelay {
  readonly median: number
  readonly p99: number
}

/** Ms between two measurements. Node counts this pause itself as delay. */
const RESOLUTION_MS = 10

/** Measures until the scope closes; every look begins anew. */
export const watchEventLoop: Effect.Effect<() => LoopDelay, never, Scope.Scope> = Effect.gen(function* () {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  yield* Effect.acquireRelease(
    Effect.sync(() => histogram.enable()),
    () => Effect.sync(() => histogram.disable()),
  )
  const seconds = (percentile: number): number =>
    Math.max(0, histogram.percentile(percentile) / 1e9 - RESOLUTION_MS / 1_000)
  return () => {
    const delay = { median: seconds(50), p99: seconds(99) }
    histogram.reset()
    return delay
  }
})
