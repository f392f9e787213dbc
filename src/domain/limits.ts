/**
 * How much of a provider's rate limits is left, and when there will be more: one meter per limit, filled by the policy or by
 * headers, drained by what is sent. Where nothing certain is known a meter errs to the low side: a wait that was not needed
 * costs less than a refusal. Facts: providers 8. What headers and refusals teach a meter is in limit-lessons.ts.
 *
 * Amounts are requests or tokens, times epoch ms, shares in [0, 1].
 */
import type { LimitReading } from '#domain/events.ts'
import type { LimitPolicy } from '#domain/policy.ts'

export type LimitName = LimitReading['limit']
export type LimitWindow = LimitReading['window']

/** The state of one limit; plain JSON. */
export interface Meter {
  readonly limit: LimitName
  readonly window: LimitWindow
  /** `bucket` refills continuously, `size` a window; `fixed` is full again when its window turns. */
  readonly kind: 'bucket' | 'fixed'
  /** What a whole window allows; above 0. */
  readonly size: number
  /** Most that it holds at once: `size`, or less where the provider enforces in slices of its window. */
  readonly capacity: number
  /** What was left at `at`, never above `capacity`; below zero when more was used than there was. */
  readonly level: number
  readonly at: number
  /** When a fixed window turns next; null for a bucket. */
  readonly resetAt: number | null
  /** `configured` keeps its kind whatever headers suggest; `learned` is a door that is shut until `resetAt`, no more. */
  readonly source: 'configured' | 'header' | 'learned'
}

export const WINDOW_MS: { readonly [W in LimitWindow]: number } = { minute: 60_000, day: 86_400_000 }

/** Above any limit, and far enough below 2^53 for sums and differences to stay exact. */
const LARGEST = 1e12
/** No request uses more: a server that counts wrongly must not shut itself out for years. */
const MOST_WINDOWS = 10

/** An event may be written a moment after a later one; a clock that is further behind than this was set back. */
const SET_BACK_MS = 60_000

/**
 * Full meters, one per limit that the policy names. Limits of 0 and less are no limits.
 *
 * @param burstShare share of a window's allowance that a bucket holds at once. 1: the whole minute may be sent in one
 *   burst. Anthropic may enforce 60 requests per minute as 1 per second (providers 8): then 1 / 60. At least one request, or
 *   one token, always fits.
 */
export const seedMeters = (limits: LimitPolicy, at: number, burstShare = 1): readonly Meter[] => {
  const kind = limits.window ?? 'bucket'
  const named: readonly (readonly [LimitName, LimitWindow, number | undefined])[] = [
    ['requests', 'minute', limits.requestsPerMinute],
    ['requests', 'day', limits.requestsPerDay],
    ['input', 'minute', limits.inputTokensPerMinute],
    ['output', 'minute', limits.outputTokensPerMinute],
    ['tokens', 'minute', limits.tokensPerMinute],
  ]
  return named.flatMap(([limit, window, size]): readonly Meter[] => {
    if (size === undefined || !isSize(size)) return []
    const capacity = kind === 'bucket' ? Math.min(size, Math.max(1, size * burstShare)) : size
    const resetAt = kind === 'fixed' ? nextTurn(window, at) : null
    return [{ limit, window, kind, size, capacity, level: capacity, at, resetAt, source: 'configured' }]
  })
}

/** Whether a limit of this size can be metered at all. */
export const isSize = (size: number): boolean => size > 0 && size <= LARGEST

/** The end of the calendar minute, or of the UTC day, that `at` lies in. */
export const nextTurn = (window: LimitWindow, at: number): number =>
  (Math.floor(at / WINDOW_MS[window]) + 1) * WINDOW_MS[window]

/** What is left at `at`. Without a `take` it only grows with time. */
export const levelAt = (meter: Meter, at: number): number => {
  if (meter.kind === 'fixed') return meter.resetAt !== null && at >= meter.resetAt ? meter.capacity : meter.level
  return Math.min(meter.capacity, meter.level + Math.max(0, at - meter.at) * perMs(meter))
}

/** Share of what it can hold that is used. */
export const usedShare = (meter: Meter, at: number): number => asShare(1 - levelAt(meter, at) / meter.capacity)

/** The same meter, brought to `at`. */
export const advance = (meter: Meter, at: number): Meter => {
  const setBack = at < meter.at - SET_BACK_MS
  return {
    ...meter,
    level: levelAt(meter, at),
    // After a set-back the old time would stop the refill until the clock has caught up.
    at: setBack ? at : Math.max(meter.at, at),
    resetAt: meter.resetAt === null ? null : turnAfter(meter.resetAt, WINDOW_MS[meter.window], at, setBack),
  }
}

const turnAfter = (resetAt: number, windowMs: number, at: number, setBack: boolean): number => {
  if (setBack) return Math.min(resetAt, at + windowMs)
  return at < resetAt ? resetAt : resetAt + (Math.floor((at - resetAt) / windowMs) + 1) * windowMs
}

/** Uses `amount`, also when it is not there: what was sent was sent. */
export const take = (meter: Meter, amount: number, at: number): Meter => {
  const now = advance(meter, at)
  return { ...now, level: now.level - sound(now, amount) }
}

/**
 * Undoes a `take`, as far as the meter has not made up for it by itself: a window that turned has forgotten it, and what a
 * bucket refilled since may have been spent meanwhile. Giving that back too would show room that the provider does not have.
 *
 * @param takenAt when it was taken
 */
export const giveBack = (meter: Meter, amount: number, at: number, takenAt = at): Meter => {
  const now = advance(meter, at)
  return { ...now, level: Math.min(now.capacity, now.level + stillOwed(now, sound(now, amount), at, takenAt)) }
}

const stillOwed = (meter: Meter, amount: number, at: number, takenAt: number): number => {
  if (meter.resetAt !== null) return takenAt < meter.resetAt - WINDOW_MS[meter.window] ? 0 : amount
  return Math.max(0, amount - Math.max(0, at - takenAt) * perMs(meter))
}

/**
 * When `amount` will be there if nothing else is sent: whole ms after `at`, or `at` itself.
 *
 * @returns Infinity for more than the meter ever holds
 */
export const freesAt = (meter: Meter, amount: number, at: number): number => {
  const missing = amount - levelAt(meter, at)
  if (missing <= 0) return at
  if (amount > meter.capacity) return Number.POSITIVE_INFINITY
  if (meter.resetAt !== null) return meter.resetAt
  const then = Math.ceil(Math.max(at, meter.at) + missing / perMs(meter))
  // Division and multiplication round differently: by the meter's own count it must be there.
  return levelAt(meter, then) >= amount ? then : then + 1
}

/** What a request will use. `output` is an expectation: no provider knows it at admission. */
export interface Wanted {
  readonly requests: number
  readonly input: number
  readonly output: number
}

export interface Headroom {
  /** The smallest share of any limit that would be left after the request; 1 when no limit is known. */
  readonly share: number
  /** Whose share that is. */
  readonly limit: LimitName | undefined
  /** A limit that the operator has named has no room for the request now. */
  readonly isShut: boolean
  /** From when on all limits have room: `at` when they have it now, null when the request is larger than one of them. */
  readonly freesAt: number | null
}

/** What the limits of one provider say about a request at `at`. */
export const headroom = (meters: readonly Meter[], wanted: Wanted, at: number): Headroom => {
  let share = 1
  let limit: LimitName | undefined
  let frees = at
  let isShut = false
  for (const meter of meters) {
    if (isOver(meter, at)) continue
    const left = asShare((levelAt(meter, at) - amountOf(meter.limit, wanted)) / meter.capacity)
    if (limit === undefined || left < share) {
      share = left
      limit = meter.limit
    }
    const then = freesAt(meter, admissionOf(meter, wanted), at)
    frees = Math.max(frees, then)
    if (meter.source === 'configured' && then > at) isShut = true
  }
  return { share, limit, isShut, freesAt: Number.isFinite(frees) ? frees : null }
}

/** A learned meter whose door is open again: it says nothing any more. */
export const isOver = (meter: Meter, at: number): boolean =>
  meter.source === 'learned' && meter.resetAt !== null && at >= meter.resetAt

const amountOf = (limit: LimitName, { requests, input, output }: Wanted): number => {
  switch (limit) {
    case 'requests':
      return Math.max(0, requests)
    case 'input':
      return Math.max(0, input)
    case 'output':
      return Math.max(0, output)
    case 'tokens':
      return Math.max(0, input) + Math.max(0, output)
  }
}

/** What must be there for the provider to let the request in. */
const admissionOf = (meter: Meter, wanted: Wanted): number => {
  const amount = amountOf(meter.limit, wanted)
  switch (meter.limit) {
    // Output is debited as it is made: admission only needs a bucket that is not empty (providers 8).
    case 'output':
      return Math.min(1, meter.capacity)
    // An expected output alone makes no request too large for ever.
    case 'tokens':
      return Math.min(amount, Math.max(wanted.input, meter.capacity))
    default:
      return amount
  }
}

const perMs = (meter: Meter): number => meter.size / WINDOW_MS[meter.window]

const asShare = (value: number): number => Math.min(1, Math.max(0, value))

const sound = ({ size }: Meter, amount: number): number => (amount > 0 ? Math.min(amount, MOST_WINDOWS * size) : 0)
