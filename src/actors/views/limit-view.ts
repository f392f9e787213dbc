/**
 * The rate limits of a provider with what is left of them and when there will be more.
 */
import { Schema } from 'effect'
import { freesAt, isOver, levelAt, type Meter, usedShare } from '#domain/limits.ts'

/** Amounts are requests or tokens, times epoch ms. */
export const Limit = Schema.Struct({
  limit: Schema.Literals(['requests', 'input', 'output', 'tokens']),
  window: Schema.Literals(['minute', 'day']),
  kind: Schema.Literals(['bucket', 'fixed']),
  /** Who told: the configuration, an answer's headers, or a refusal. */
  source: Schema.Literals(['configured', 'header', 'learned']),
  /** What a whole window allows. */
  size: Schema.Finite,
  /** Below zero when more was used than there was. */
  remaining: Schema.Finite,
  /** In [0, 1]. */
  usedShare: Schema.Finite,
  /** When a fixed window turns next. */
  resetAt: Schema.NullOr(Schema.Finite),
  /** Forecasts, if nothing more is sent: from when on there is any room, and from when on all of it. */
  freesAt: Schema.Finite,
  fullAt: Schema.Finite,
}).annotate({ identifier: 'Limit' })
export type LimitView = typeof Limit.Type

/** The limits that say something at `at` (epoch ms). */
export const limitViews = (meters: readonly Meter[], at: number): readonly LimitView[] =>
  meters
    .filter((meter) => !isOver(meter, at))
    .map((meter) => {
      const { limit, window, kind, source, size, capacity, resetAt } = meter
      return {
        ...{ limit, window, kind, source, size },
        remaining: Math.floor(levelAt(meter, at)),
        usedShare: usedShare(meter, at),
        resetAt: resetAt !== null && resetAt <= at ? null : resetAt,
        freesAt: freesAt(meter, Math.min(1, capacity), at),
        fullAt: freesAt(meter, capacity, at),
      }
    })
