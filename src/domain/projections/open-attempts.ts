/**
 * Requests under way with their attempt in flight: what projections keep that learn from how an attempt ended. An answer may
 * call its model by another name than it was asked for; here is the name that was asked. The size is bounded by the requests
 * that are open at once, because every request gets its terminal event.
 */
import type { EventType, RequestAdmitted } from '#domain/events.ts'
import type { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import type { Occurred } from '#domain/projections/projection.ts'

export interface OpenAttempt {
  readonly provider: ProviderId
  /** The name that the provider is asked for. */
  readonly model: ModelId
  /** Epoch ms. */
  readonly startedAt: number
}

/** `asked` is what the projection remembers of the request itself. */
export interface OpenRequest<A> {
  readonly asked: A
  readonly attempt: OpenAttempt | null
}

export type OpenRequests<A> = Map<RequestId, OpenRequest<A>>

export interface EndedAttempt<A> extends OpenAttempt {
  readonly asked: A
}

/** The events that `follow` takes in. */
export const FOLLOWED: readonly EventType[] = [
  'RequestAdmitted',
  'AttemptStarted',
  'AttemptFailed',
  'AttemptSucceeded',
  'RequestFailed',
  'RequestCancelled',
  'RequestAbandoned',
]

/**
 * Takes one event in. Returns the attempt that it ended, if it did: by its outcome, by the end of its request, or because
 * the next one began. What belongs to requests that the log does not hold is left out.
 */
export const follow = <A>(
  open: OpenRequests<A>,
  { event, occurredAt }: Occurred,
  remember: (request: RequestAdmitted) => A,
): EndedAttempt<A> | undefined => {
  switch (event._tag) {
    case 'RequestAdmitted': {
      const before = open.get(event.requestId)
      open.set(event.requestId, { asked: remember(event), attempt: null })
      return endedOf(before)
    }
    case 'AttemptStarted': {
      const before = open.get(event.requestId)
      if (before === undefined) return undefined
      const { provider, model } = event
      open.set(event.requestId, { asked: before.asked, attempt: { provider, model, startedAt: occurredAt } })
      return endedOf(before)
    }
    case 'AttemptFailed': {
      const before = open.get(event.requestId)
      if (before !== undefined) open.set(event.requestId, { asked: before.asked, attempt: null })
      return endedOf(before)
    }
    case 'AttemptSucceeded':
    case 'RequestFailed':
    case 'RequestCancelled':
    case 'RequestAbandoned': {
      const before = open.get(event.requestId)
      open.delete(event.requestId)
      return endedOf(before)
    }
    default:
      return undefined
  }
}

const endedOf = <A>(request: OpenRequest<A> | undefined): EndedAttempt<A> | undefined =>
  request === undefined || request.attempt === null ? undefined : { asked: request.asked, ...request.attempt }
