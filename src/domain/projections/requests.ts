/**
 * The requests under way, and the last hundred that ended. Boot closes what a dead process left in `inFlight`, by `writer`.
 * The size is bounded by the requests that are open at once, because every request gets its terminal event.
 */
import type { AttemptStarted, DomainEvent } from '#domain/events.ts'
import type { FailureTag } from '#domain/failure.ts'
import type { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import type { Projection } from '#domain/projections/projection.ts'
import type { Usage } from '#domain/usage.ts'

/** Times are epoch ms. */
export interface OpenRequest {
  readonly model: ModelId
  readonly admittedAt: number
  /** The process that serves it. */
  readonly writer: string
  readonly stream: boolean
  readonly sessionId?: string
  /** Attempts that were started. */
  readonly attempts: number
  /** Whose attempt is in flight, and the lease if it is a probe. */
  readonly provider?: ProviderId
  readonly probe?: NonNullable<AttemptStarted['probe']>
  /** What that attempt was expected to cost, in billionths of a US dollar. */
  readonly expectedNanoUsd?: number
  /** Who was tried last, in flight or not. */
  readonly lastProvider?: ProviderId
  readonly lastFailure?: FailureTag
}

export interface FinishedRequest {
  readonly requestId: RequestId
  readonly model: ModelId
  readonly outcome: 'succeeded' | 'failed' | 'cancelled' | 'abandoned'
  readonly admittedAt: number
  readonly finishedAt: number
  /** From admission to the terminal event; for an abandoned request that is when it was found. */
  readonly durationMs: number
  readonly attempts: number
  /** Who served it, or who was tried last. */
  readonly provider?: ProviderId
  readonly sessionId?: string
  /** What the client got; absent when it left, or when nobody knows. */
  readonly status?: number
  readonly reason?: FailureTag
  readonly ttftMs?: number
  readonly usage?: Usage
}

export interface Requests {
  readonly inFlight: Map<RequestId, OpenRequest>
  /** Oldest first. */
  readonly finished: FinishedRequest[]
}

export const FINISHED_KEPT = 100

export const requests: Projection<Requests> = {
  name: 'requests',
  version: 2,
  hears: [
    'RequestAdmitted',
    'AttemptStarted',
    'AttemptFailed',
    'AttemptSucceeded',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
  ],
  initial: () => ({ inFlight: new Map(), finished: [] }),
  evolve: (state, { event, occurredAt, writer }) => {
    switch (event._tag) {
      case 'RequestAdmitted': {
        const { model, stream, sessionId } = event
        const open = { model, admittedAt: occurredAt, writer, stream, attempts: 0 }
        state.inFlight.set(event.requestId, sessionId === undefined ? open : { ...open, sessionId })
        break
      }
      case 'AttemptStarted': {
        const { attempt: attempts, provider, probe, expectedNanoUsd } = event
        update(state, event.requestId, (open) => ({
          ...idle(open),
          attempts,
          provider,
          lastProvider: provider,
          ...(probe === undefined ? {} : { probe }),
          ...(expectedNanoUsd === undefined ? {} : { expectedNanoUsd }),
        }))
        break
      }
      case 'AttemptFailed':
        update(state, event.requestId, (open) => ({ ...idle(open), lastFailure: event.reason._tag }))
        break
      case 'AttemptSucceeded':
      case 'RequestFailed':
      case 'RequestCancelled':
      case 'RequestAbandoned':
        finish(state, event, occurredAt)
        break
    }
    return state
  },
}

const update = (state: Requests, id: RequestId, change: (open: OpenRequest) => OpenRequest): void => {
  const open = state.inFlight.get(id)
  if (open !== undefined) state.inFlight.set(id, change(open))
}

const idle = ({ provider: _p, probe: _l, expectedNanoUsd: _e, ...rest }: OpenRequest): OpenRequest => rest

type Terminal = Extract<
  DomainEvent,
  { readonly _tag: 'AttemptSucceeded' | 'RequestFailed' | 'RequestCancelled' | 'RequestAbandoned' }
>

const finish = (state: Requests, event: Terminal, finishedAt: number): void => {
  const open = state.inFlight.get(event.requestId)
  if (open === undefined) return
  state.inFlight.delete(event.requestId)
  const { model, admittedAt, attempts, lastProvider, sessionId } = open
  state.finished.push({
    requestId: event.requestId,
    model,
    admittedAt,
    finishedAt,
    durationMs: finishedAt - admittedAt,
    attempts,
    ...(lastProvider === undefined ? {} : { provider: lastProvider }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...ending(event, open),
  })
  if (state.finished.length > FINISHED_KEPT) state.finished.shift()
}

const ending = (event: Terminal, open: OpenRequest) => {
  switch (event._tag) {
    case 'AttemptSucceeded': {
      const { provider, status, ttftMs, usage } = event
      return { outcome: 'succeeded', provider, status, ttftMs, usage } as const
    }
    case 'RequestFailed':
      return { outcome: 'failed', status: event.status, reason: event.reason._tag } as const
    case 'RequestCancelled':
      return { outcome: 'cancelled' } as const
    case 'RequestAbandoned':
      return { outcome: 'abandoned', ...(open.lastFailure === undefined ? {} : { reason: open.lastFailure }) } as const
  }
}
