/**
 * Outcomes of the last while, in twelve buckets: what the failure-rate rule of the breaker looks at. A bucket carries its own
 * start time, so a change of the window's length needs no conversion, and an idle provider has no buckets at all.
 */

/** Outcomes from `from` (epoch ms) until the next bucket begins. */
export interface OutcomeBucket {
  readonly from: number
  readonly successes: number
  readonly failures: number
}

/** Oldest first; at most `BUCKETS`. */
export type BreakerWindow = readonly OutcomeBucket[]

/** Facts 4.3: 60 s in 12 buckets of 5 s. */
export const BUCKETS = 12

export const emptyWindow: BreakerWindow = []

/** Counts one outcome at `at` (epoch ms) and forgets what is older than the window. */
export const countOutcome = (window: BreakerWindow, at: number, windowMs: number, failed: boolean): BreakerWindow => {
  const width = Math.max(1, windowMs / BUCKETS)
  const from = Math.floor(at / width) * width
  const last = window.at(-1)
  // `>`: the clock was set back, or the buckets were narrower before a policy change; the newest bucket takes it.
  if (last !== undefined && last.from >= from) return [...window.slice(0, -1), add(last, failed)]
  const recent = window.filter((bucket) => bucket.from > from - windowMs).slice(1 - BUCKETS)
  return [...recent, add({ from, successes: 0, failures: 0 }, failed)]
}

/** Sums what lies within the window that ends at `at`. */
export const outcomes = (
  window: BreakerWindow,
  at: number,
  windowMs: number,
): { successes: number; failures: number } => {
  let successes = 0
  let failures = 0
  for (const bucket of window) {
    if (bucket.from <= at - windowMs) continue
    successes += bucket.successes
    failures += bucket.failures
  }
  return { successes, failures }
}

const add = (bucket: OutcomeBucket, failed: boolean): OutcomeBucket =>
  failed ? { ...bucket, failures: bucket.failures + 1 } : { ...bucket, successes: bucket.successes + 1 }
