/**
 * What a log says was asked, as a script that can be played again: calls of clients in the order of their beginnings, each with
 * what was tried for it and what came of it. A client's retry belongs to the call that it repeats.
 */
import type { AttemptFailed, AttemptSucceeded, DomainEvent, LimitReading, RequestAdmitted } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import { requestKind } from '#domain/request-kind.ts'
import type { Usage } from '#domain/usage.ts'

/** An event with its time (epoch ms), as the log has it. */
export interface Happened {
  readonly event: DomainEvent
  readonly occurredAt: number
}

export interface LoggedAttempt {
  readonly provider: ProviderId
  readonly model: ModelId
  /** Epoch ms. */
  readonly startedAt: number
  readonly endedAt: number
  /** Null: no content came. */
  readonly ttftMs: number | null
  /** Null: it succeeded. */
  readonly reason: FailureReason | null
  /** Of a failure: what the pauses after it were drawn by. */
  readonly draw: number | null
  readonly usage: Usage | null
  readonly costNanoUsd: number
  readonly limits: readonly LimitReading[]
}

export interface LoggedRequest {
  readonly admitted: RequestAdmitted
  /** Epoch ms. */
  readonly at: number
  readonly endedAt: number
  readonly end: 'answered' | 'failed' | 'left'
  readonly firstChoice: ProviderId | null
  readonly propensity: number
  readonly attempts: readonly LoggedAttempt[]
}

export interface LoggedCall {
  /** Its place in the traffic: 0, 1, 2 … */
  readonly key: number
  /** What belongs together: calls of a session depend on each other, those of two sessions hardly. */
  readonly session: string
  /** The main loop of a session, one of its agents; a background call is alone. */
  readonly conversation: string
  readonly requests: readonly [LoggedRequest, ...LoggedRequest[]]
}

/** Longest pause of Claude Code before a retry: `retry-after` of a minute and a quarter of jitter (wire.md 5). */
const RETRY_WITHIN_MS = 90_000

/** Requests that had not ended at the end of the log are not among them. */
export const trafficOf = (events: Iterable<Happened>): readonly LoggedCall[] => callsOf(requestsOf(events))

interface OpenRequest {
  /** Of its admission: several may come in one millisecond, and the first of them takes the room that is left. */
  readonly order: number
  readonly admitted: RequestAdmitted
  readonly at: number
  firstChoice: ProviderId | null
  propensity: number
  startedAt: number
  readonly attempts: LoggedAttempt[]
}

const requestsOf = (events: Iterable<Happened>): readonly LoggedRequest[] => {
  const open = new Map<RequestId, OpenRequest>()
  const done: { readonly order: number; readonly request: LoggedRequest }[] = []
  let admitted = 0
  const end = (id: RequestId, how: LoggedRequest['end'], endedAt: number): void => {
    const request = open.get(id)
    if (request === undefined) return
    open.delete(id)
    const { order, startedAt: _, ...rest } = request
    done.push({ order, request: { ...rest, endedAt, end: how } })
  }
  for (const { event, occurredAt } of events) {
    switch (event._tag) {
      case 'RequestAdmitted':
        admitted += 1
        open.set(event.requestId, {
          order: admitted,
          admitted: event,
          at: occurredAt,
          firstChoice: null,
          propensity: 1,
          startedAt: occurredAt,
          attempts: [],
        })
        break
      case 'RouteChosen': {
        const request = open.get(event.requestId)
        if (request === undefined) break
        request.firstChoice = event.order[0] ?? null
        request.propensity = event.propensity
        break
      }
      case 'AttemptStarted': {
        const request = open.get(event.requestId)
        if (request !== undefined) request.startedAt = occurredAt
        break
      }
      case 'AttemptSucceeded':
      case 'AttemptFailed': {
        const request = open.get(event.requestId)
        request?.attempts.push(attemptOf(event, request.startedAt, occurredAt))
        if (event._tag === 'AttemptSucceeded') end(event.requestId, 'answered', occurredAt)
        break
      }
      case 'RequestFailed':
        end(event.requestId, 'failed', occurredAt)
        break
      case 'RequestCancelled':
      case 'RequestAbandoned':
        end(event.requestId, 'left', occurredAt)
        break
    }
  }
  return done.toSorted((a, b) => a.order - b.order).map(({ request }) => request)
}

const attemptOf = (event: AttemptSucceeded | AttemptFailed, startedAt: number, endedAt: number): LoggedAttempt => {
  const isSuccess = event._tag === 'AttemptSucceeded'
  const reported = isSuccess ? event.reportedCostNanoUsd : undefined
  return {
    provider: event.provider,
    model: event.model,
    startedAt,
    endedAt,
    ttftMs: isSuccess ? event.ttftMs : null,
    reason: isSuccess ? null : event.reason,
    draw: isSuccess ? null : event.draw,
    usage: event.usage ?? null,
    costNanoUsd: reported ?? event.costNanoUsd ?? 0,
    limits: event.limits ?? [],
  }
}

const callsOf = (requests: readonly LoggedRequest[]): readonly LoggedCall[] => {
  const calls: { session: string; conversation: string; requests: [LoggedRequest, ...LoggedRequest[]] }[] = []
  const failed = new Map<string, (typeof calls)[number]>()
  for (const request of requests) {
    const same = sameCall(request.admitted)
    const before = failed.get(same)
    failed.delete(same)
    const last = before?.requests.at(-1)
    const repeats = last !== undefined && request.at >= last.endedAt && request.at - last.endedAt <= RETRY_WITHIN_MS
    const { sessionId, requestId, agentId } = request.admitted
    const session = sessionId ?? requestId
    const isAlone = sessionId === undefined || requestKind(request.admitted) === 'background'
    const call = repeats
      ? before
      : {
          session,
          conversation: isAlone ? requestId : `${session} ${agentId ?? ''}`,
          requests: [request] as [LoggedRequest],
        }
    if (call === undefined) continue
    if (repeats) call.requests.push(request)
    else calls.push(call)
    if (request.end === 'failed') failed.set(same, call)
  }
  return calls.map((call, key) => ({ ...call, key }))
}

const sameCall = ({ sessionId, agentId, model, bodyBytes, messages, tools }: RequestAdmitted): string =>
  JSON.stringify([sessionId, agentId, model, bodyBytes, messages, tools])
