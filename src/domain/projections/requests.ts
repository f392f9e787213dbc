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
      case 'AttemptStarted':
        update(state, event.requestId, (open) => tried(open, event))
        break
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

/** Optional members are assigned: in the hot path of a replay, spreading them one by one takes ten times as long. */
type Growing<A> = { -readonly [K in keyof A]: A[K] }

const tried = (open: OpenRequest, { attempt: attempts, provider, probe, expectedNanoUsd }: AttemptStarted) => {
  const next: Growing<OpenRequest> = { ...idle(open), attempts, provider, lastProvider: provider }
  if (probe !== undefined) next.probe = probe
  if (expectedNanoUsd !== undefined) next.expectedNanoUsd = expectedNanoUsd
  return next
}

const idle = (open: OpenRequest): OpenRequest => {
  if (open.provider === undefined) return open
  const { provider: _p, probe: _l, expectedNanoUsd: _e, ...rest } = open
  return rest
}

type Terminal = Extract<
  DomainEvent,
  { readonly _tag: 'AttemptSucceeded' | 'RequestFailed' | 'RequestCancelled' | 'RequestAbandoned' }
>

const finish = (state: Requests, event: Terminal, finishedAt: number): void => {
  const open = state.inFlight.get(event.requestId)
  if (open === undefined) return
  state.inFlight.delete(event.requestId)
  const { model, admittedAt, attempts, lastProvider, sessionId } = open
  const finished: Growing<FinishedRequest> = {
    requestId: event.requestId,
    model,
    outcome: OUTCOMES[event._tag],
    admittedAt,
    finishedAt,
    durationMs: finishedAt - admittedAt,
    attempts,
  }
  if (lastProvider !== undefined) finished.provider = lastProvider
  if (sessionId !== undefined) finished.sessionId = sessionId
  switch (event._tag) {
    case 'AttemptSucceeded':
      finished.provider = event.provider
      finished.status = event.status
      finished.ttftMs = event.ttftMs
      finished.usage = event.usage
      break
    case 'RequestFailed':
      finished.status = event.status
      finished.reason = event.reason._tag
      break
    case 'RequestAbandoned':
      if (open.lastFailure !== undefined) finished.reason = open.lastFailure
      break
  }
  state.finished.push(finished)
  if (state.finished.length > FINISHED_KEPT) state.finished.shift()
}

const OUTCOMES = {
  AttemptSucceeded: 'succeeded',
  RequestFailed: 'failed',
  RequestCancelled: 'cancelled',
  RequestAbandoned: 'abandoned',
} as const
