/**
 * How many attempts a provider is given at once: additive increase, multiplicative decrease, driven by refusals only. Latency
 * says nothing here: an answer takes as long as it is long, and others share the provider. Numbers: reliability 4.3.
 */
export interface Concurrency {
  /** Attempts at once, whole, from 1 to `max`. */
  readonly limit: number
  readonly max: number
  /** Successes under load since the limit last moved. */
  readonly successes: number
  /** Epoch ms of the last decrease. */
  readonly loweredAt: number | null
}

const INITIAL = 8
const MAX = 64
const SUCCESSES_PER_STEP = 10
/** A limit that is not half used has not been tried, so successes do not prove that more would do. */
const USED_SHARE = 0.5
const DECREASE = 0.7
/** Refusals of attempts that were sent together are one signal. */
const LOWER_EVERY_MS = 5_000

/** @param maxConcurrent what the operator allows at most, whatever succeeds */
export const freshConcurrency = (maxConcurrent: number = MAX): Concurrency => {
  const max = Math.max(1, maxConcurrent)
  return { limit: Math.min(INITIAL, max), max, successes: 0, loweredAt: null }
}

/** What was learned, under another maximum. */
export const boundConcurrency = (concurrency: Concurrency, maxConcurrent: number = MAX): Concurrency => {
  const max = Math.max(1, maxConcurrent)
  return { ...concurrency, max, limit: Math.min(concurrency.limit, max) }
}

/** @param inFlight attempts under way when it succeeded, itself among them */
export const raise = (concurrency: Concurrency, inFlight: number): Concurrency => {
  if (inFlight < USED_SHARE * concurrency.limit) return concurrency
  const successes = concurrency.successes + 1
  return successes < SUCCESSES_PER_STEP
    ? { ...concurrency, successes }
    : { ...concurrency, successes: 0, limit: Math.min(concurrency.max, concurrency.limit + 1) }
}

/** @param at epoch ms of the refusal */
export const lower = (concurrency: Concurrency, at: number): Concurrency => {
  const { loweredAt } = concurrency
  // A time long before the last decrease: the clock was set back, and waiting for it could take long. One just before it is of
  // another instance, which was refused together with this one.
  if (loweredAt !== null && Math.abs(at - loweredAt) < LOWER_EVERY_MS) return concurrency
  const limit = Math.max(1, Math.floor(concurrency.limit * DECREASE))
  return { ...concurrency, limit, successes: 0, loweredAt: at }
}
