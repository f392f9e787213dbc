/**
 * Exchanges of known ends: an answer, a failure.
 */
import type { FailureReason } from '#domain/failure.ts'
import type { Usage } from '#domain/usage.ts'
import type { Exchange } from '#infra/simulator/virtual/exchange.ts'

export const answered = (at: number, ttftMs: number, restMs: number, usage: Usage): Exchange => {
  const firstContentAt = Math.round(at + ttftMs)
  return {
    connectedAt: at,
    headersAt: Math.round(at + ttftMs * 0.7),
    firstContentAt,
    endsAt: firstContentAt + Math.round(restMs),
    end: { _tag: 'Answered', usage },
    limits: [],
    isSpelledOut: true,
  }
}

export const failed = (at: number, reason: FailureReason, afterMs: number, usage?: Usage): Exchange => {
  const status = 'status' in reason ? reason.status : undefined
  const until = 'until' in reason ? reason.until : undefined
  const endsAt = at + Math.max(1, Math.round(afterMs))
  // Seconds count from when they are heard.
  const retryAfterS = until === undefined ? null : Math.max(1, Math.ceil((until - endsAt) / 1_000))
  return {
    connectedAt: reason._tag === 'Transport' && reason.connect ? Number.POSITIVE_INFINITY : at,
    headersAt: status === undefined && usage === undefined ? Number.POSITIVE_INFINITY : endsAt,
    firstContentAt: usage === undefined ? Number.POSITIVE_INFINITY : endsAt,
    endsAt,
    end: {
      _tag: 'Failed',
      reason,
      ...(usage === undefined ? {} : { usage }),
      ...(status === undefined || usage !== undefined ? {} : { spoken: { status, retryAfterS } }),
    },
    limits: [],
  }
}
