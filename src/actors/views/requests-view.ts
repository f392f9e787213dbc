/**
 * Requests as rows: those under way and the last that ended, by the requests projection.
 */
import { Schema } from 'effect'
import { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import type { FinishedRequest, OpenRequest, Requests } from '#domain/projections/requests.ts'
import { Usage } from '#domain/usage.ts'

export const OUTCOMES = ['inFlight', 'succeeded', 'failed', 'cancelled', 'abandoned'] as const

/** Times are epoch ms; null: not yet, or not known. */
export const RequestRow = Schema.Struct({
  requestId: RequestId,
  model: ModelId,
  outcome: Schema.Literals(OUTCOMES),
  admittedAt: Schema.Finite,
  finishedAt: Schema.NullOr(Schema.Finite),
  durationMs: Schema.NullOr(Schema.Finite),
  /** Attempts that were started. */
  attempts: Schema.Int,
  /** Who serves it, has served it, or was tried last. */
  provider: Schema.NullOr(ProviderId),
  sessionId: Schema.NullOr(Schema.String),
  /** What the client got. */
  status: Schema.NullOr(Schema.Int),
  /** Why it failed, or why its last attempt did. */
  reason: Schema.NullOr(Schema.String),
  ttftMs: Schema.NullOr(Schema.Finite),
  usage: Schema.NullOr(Usage),
}).annotate({ identifier: 'RequestRow' })
export type RequestRow = typeof RequestRow.Type

export interface RequestFilter {
  readonly provider?: ProviderId | undefined
  readonly outcome?: RequestRow['outcome'] | undefined
  readonly session?: string | undefined
}

/** Those that fit, the newest first; of the same millisecond in the order of their ids, so that pages do not overlap. */
export const requestRows = ({ inFlight, finished }: Requests, filter: RequestFilter = {}): readonly RequestRow[] =>
  [...[...inFlight].map(openRow), ...finished.map(finishedRow)]
    .filter(
      ({ provider, outcome, sessionId }) =>
        (filter.provider === undefined || provider === filter.provider) &&
        (filter.outcome === undefined || outcome === filter.outcome) &&
        (filter.session === undefined || sessionId === filter.session),
    )
    .toSorted((a, b) => b.admittedAt - a.admittedAt || (a.requestId < b.requestId ? 1 : -1))

const openRow = ([requestId, open]: readonly [RequestId, OpenRequest]): RequestRow => ({
  requestId,
  model: open.model,
  outcome: 'inFlight',
  admittedAt: open.admittedAt,
  finishedAt: null,
  durationMs: null,
  attempts: open.attempts,
  provider: open.lastProvider ?? null,
  sessionId: open.sessionId ?? null,
  status: null,
  reason: open.lastFailure ?? null,
  ttftMs: null,
  usage: null,
})

const finishedRow = (one: FinishedRequest): RequestRow => ({
  requestId: one.requestId,
  model: one.model,
  outcome: one.outcome,
  admittedAt: one.admittedAt,
  finishedAt: one.finishedAt,
  durationMs: one.durationMs,
  attempts: one.attempts,
  provider: one.provider ?? null,
  sessionId: one.sessionId ?? null,
  status: one.status ?? null,
  reason: one.reason ?? null,
  ttftMs: one.ttftMs ?? null,
  usage: one.usage ?? null,
})
