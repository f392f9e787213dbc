/**
 * What a provider's answers teach a meter (limits.ts): the readings of its headers, and refusals that came without any.
 */
import type { LimitReading } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { advance, isOver, isSize, levelAt, type Meter, nextTurn, usedShare, WINDOW_MS } from '#domain/limits.ts'

type RateLimited = Extract<FailureReason, { readonly _tag: 'RateLimited' }>

/**
 * The meter as a header corrects it. A size that was read replaces the one that was known. Of what is left the smaller
 * counts: `remaining` is rounded (Anthropic: to 1,000) and does not know of what was sent since (providers 8).
 *
 * @param at epoch ms, now
 * @param readAt epoch ms of the headers: a stream's end comes long after them, and a bucket has refilled since
 * @returns undefined when neither the meter nor the reading tells a size
 */
export const rebase = (meter: Meter | undefined, reading: LimitReading, at: number, readAt = at): Meter | undefined => {
  const { remaining, size = meter?.source === 'learned' ? undefined : meter?.size } = reading
  if (size === undefined || !isSize(size)) return meter
  const base = meter === undefined || meter.source === 'learned' ? fresh(reading, size, at) : resize(meter, size, at)
  const kind = kindOf(base, reading, readAt)
  const left = remaining === undefined ? base.capacity : Math.min(base.capacity, Math.max(0, remaining))
  const resetAt = kind === 'fixed' ? turnOf(base, reading, at, readAt) : null
  const told = advance({ ...base, kind, level: left, at: Math.min(readAt, at), resetAt }, at)
  // Its window has turned before ours did: clocks differ. What we counted belongs to the old one.
  const isNewWindow =
    remaining !== undefined &&
    base.resetAt !== null &&
    told.resetAt !== null &&
    told.resetAt - base.resetAt >= WINDOW_MS[base.window] / 2
  return { ...told, at: base.at, level: isNewWindow ? told.level : Math.min(base.level, told.level) }
}

const fresh = ({ limit, window }: LimitReading, size: number, at: number): Meter => ({
  limit,
  window,
  kind: 'bucket',
  size,
  capacity: size,
  level: size,
  at,
  resetAt: null,
  source: 'header',
})

/**
 * The meter with another size. When it grows, what was used stays used; when it shrinks, the share does, since a debt of the
 * larger size would shut the smaller one for long.
 */
export const resize = (meter: Meter, size: number, at: number): Meter => {
  const now = advance(meter, at)
  if (size === now.size) return now
  const capacity = Math.min(size, Math.max(1, (now.capacity / now.size) * size))
  const level = Math.max(now.level * (capacity / now.capacity), capacity - (now.capacity - now.level))
  return { ...now, size, capacity, level: Math.min(capacity, level) }
}

/** A bucket's reset and remainder may disagree by so much of a day, for rounding and for clocks that differ. */
const DAY_TOLERANCE_SHARE = 0.05

/**
 * Per-minute headers are those of buckets (Anthropic, OpenAI, Groq, Azure, Cerebras). A day is a bucket at Groq and turns at
 * midnight UTC at OpenRouter: a bucket is full again after the time that refills what is missing, a window when it turns.
 */
const kindOf = (meter: Meter, { remaining, resetAt }: LimitReading, readAt: number): Meter['kind'] => {
  if (meter.source !== 'header' || meter.window !== 'day') return meter.kind
  if (remaining === undefined || resetAt === undefined) return meter.kind
  const day = WINDOW_MS.day
  const ahead = resetAt - readAt
  if (ahead <= 0 || ahead > day * (1 + DAY_TOLERANCE_SHARE)) return meter.kind
  const refill = (1 - Math.min(1, Math.max(0, remaining / meter.size))) * day
  return Math.abs(ahead - refill) > DAY_TOLERANCE_SHARE * day ? 'fixed' : 'bucket'
}

/** No window turns later than its own length from now. */
const turnOf = (meter: Meter, { resetAt }: LimitReading, at: number, readAt: number): number =>
  resetAt !== undefined && resetAt > readAt
    ? Math.min(resetAt, readAt + WINDOW_MS[meter.window])
    : (meter.resetAt ?? nextTurn(meter.window, at))

/** A longer wait than this is not about a minute. */
const MINUTE_WAIT_MS = 2 * WINDOW_MS.minute

/**
 * What a 429 without readings teaches. It is about the limit that was used most, of days when the told time is far, of
 * minutes otherwise: that one is empty, and has its next request at the told time. When no such limit is known, a learned
 * meter shuts the door until then, for a window at most.
 *
 * @param at epoch ms of the refusal
 */
export const learn = (meters: readonly Meter[], { until }: RateLimited, at: number): readonly Meter[] => {
  const window = until !== undefined && until - at > MINUTE_WAIT_MS ? 'day' : 'minute'
  const known = meters.filter((meter) => !isOver(meter, at))
  const concerned = known.filter((meter) => meter.window === window && meter.source !== 'learned')
  const [first] = concerned
  if (first === undefined) {
    const others = known.filter((meter) => meter.source !== 'learned' || meter.window !== window)
    return [...others, shutDoor(window, until, at)]
  }
  const tightest = concerned.reduce((a, b) => (usedShare(b, at) > usedShare(a, at) ? b : a), first)
  return known.map((meter) => (meter === tightest ? emptied(meter, until, at) : meter))
}

const shutDoor = (window: Meter['window'], until: number | undefined, at: number): Meter => {
  const resetAt = Math.min(
    until === undefined || until <= at ? Number.POSITIVE_INFINITY : until,
    at + WINDOW_MS[window],
  )
  return { limit: 'requests', window, kind: 'fixed', size: 1, capacity: 1, level: 0, at, resetAt, source: 'learned' }
}

const emptied = (meter: Meter, until: number | undefined, at: number): Meter => {
  const now = advance(meter, at)
  const told = until === undefined || until <= at ? undefined : Math.min(until, at + WINDOW_MS[meter.window])
  if (now.resetAt !== null) return { ...now, level: Math.min(now.level, 0), resetAt: told ?? now.resetAt }
  if (told === undefined) return { ...now, level: Math.min(now.level, 0) }
  const refill = levelAt({ ...now, capacity: now.size, level: 0, at }, told)
  // At the told time there is one: a whole request of a limit on requests, next to nothing of one on tokens.
  return { ...now, level: Math.min(now.level, 0, 1 - refill) }
}
