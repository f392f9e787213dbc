/**
 * The spans of a request, made of its events at its end: one for the request as its client sees it, one below it for every
 * attempt. Names are those of OpenTelemetry (gen-ai-names.ts and the HTTP conventions), what they have no name for begins with
 * `signalbox.`. No prompt and no completion is in them, because none is in the events.
 */
import { OtlpResource, type OtlpTracer } from 'effect/observability'
import type { AttemptFailed, AttemptStarted, AttemptSucceeded, DomainEvent, RequestAdmitted } from '#domain/events.ts'
import type { CommittedEvent } from '#domain/recorded-event.ts'
import { spanIdOf, traceOf } from '#domain/trace-context.ts'
import { GEN_AI_ATTRIBUTES, GEN_AI_OPERATION, genAiUsage } from '#infra/telemetry/gen-ai-names.ts'

export type OtlpSpan = OtlpTracer.ScopeSpan['spans'][number]

/** Who an attempt went to, as far as the configuration of now knows. */
export interface SpanPeer {
  /** Value of `gen_ai.provider.name`. */
  readonly name: string
  readonly address?: string
  readonly port?: number
}

interface TracedAttempt {
  readonly started: AttemptStarted
  readonly startedAt: number
  readonly ended?: AttemptSucceeded | AttemptFailed
  readonly endedAt?: number
}

/** What is known of a request so far. */
export interface OpenTrace {
  readonly admitted: RequestAdmitted
  readonly admittedAt: number
  readonly strategy?: string
  readonly attempts: readonly TracedAttempt[]
}

/** After the next event of a request; undefined for one whose admission was not heard of. */
export const followTrace = (
  open: OpenTrace | undefined,
  { event, occurredAt: at }: CommittedEvent,
): OpenTrace | undefined => {
  if (event._tag === 'RequestAdmitted') return { admitted: event, admittedAt: at, attempts: [] }
  if (open === undefined) return undefined
  switch (event._tag) {
    case 'RouteChosen':
      return { ...open, strategy: event.strategy }
    case 'AttemptStarted':
      return { ...open, attempts: [...open.attempts, { started: event, startedAt: at }] }
    case 'AttemptSucceeded':
    case 'AttemptFailed':
      return {
        ...open,
        attempts: open.attempts.map((one) =>
          one.started.attempt === event.attempt ? { ...one, ended: event, endedAt: at } : one,
        ),
      }
    default:
      return open
  }
}

/**
 * @param last the terminal event
 * @param endedAt epoch ms
 * @param peerOf who a provider is, by its id
 */
export const spansOf = (
  open: OpenTrace,
  last: DomainEvent,
  endedAt: number,
  peerOf: (provider: string) => SpanPeer,
): readonly OtlpSpan[] => {
  const { requestId, traceparent } = open.admitted
  const trace = traceOf(requestId, traceparent)
  const own = spanIdOf(requestId, 0)
  const common = { traceId: trace.traceId, ...NOTHING_DROPPED }
  return [
    {
      ...common,
      spanId: own,
      parentSpanId: trace.parentSpanId,
      name: 'POST /v1/messages',
      kind: KIND.server,
      startTimeUnixNano: nanos(open.admittedAt),
      endTimeUnixNano: nanos(endedAt),
      attributes: requestAttributes(open, last),
      events: requestEvents(open),
      status: requestStatus(last),
    },
    ...open.attempts.map((attempt): OtlpSpan => {
      const { started, startedAt, ended } = attempt
      return {
        ...common,
        spanId: spanIdOf(requestId, started.attempt),
        parentSpanId: own,
        name: `${GEN_AI_OPERATION} ${started.model}`,
        kind: KIND.client,
        startTimeUnixNano: nanos(startedAt),
        endTimeUnixNano: nanos(attempt.endedAt ?? endedAt),
        attributes: attemptAttributes(open.admitted, attempt, peerOf(started.provider)),
        events: ended?._tag === 'AttemptSucceeded' ? [spanEvent('first token', startedAt + ended.ttftMs)] : [],
        status: attemptStatus(ended),
      }
    }),
  ]
}

/** Of the protocol. */
const KIND = { server: 2, client: 3 }
const UNSET: OtlpSpan['status'] = { code: 0 }
const failed = (reason: string): OtlpSpan['status'] => ({ code: 2, message: reason })
const NOTHING_DROPPED = { droppedAttributesCount: 0, droppedEventsCount: 0, links: [], droppedLinksCount: 0 }
const NANO = 1_000_000_000

/** A number of 19 digits, so a text; microseconds of a time that was measured in parts of milliseconds are kept. */
const nanos = (ms: number): string => String(BigInt(Math.round(ms * 1_000)) * 1_000n)

type Attributes = Record<string, unknown>

const attributes = (entries: Attributes): OtlpSpan['attributes'] =>
  OtlpResource.entriesToAttributes(Object.entries(entries).filter(([, value]) => value !== undefined))

/** A figure that is a fraction by its nature stays one where it happens to be whole. */
const fraction = (key: string, value: number | undefined): OtlpSpan['attributes'] =>
  value === undefined ? [] : [{ key, value: { doubleValue: value } }]

const requestAttributes = ({ admitted, strategy, attempts }: OpenTrace, last: DomainEvent): OtlpSpan['attributes'] =>
  attributes({
    'http.request.method': 'POST',
    'http.route': '/v1/messages',
    'url.path': '/v1/messages',
    'http.request.body.size': admitted.bodyBytes,
    'http.response.status_code': 'status' in last ? last.status : undefined,
    'error.type': errorOf(last),
    [GEN_AI_ATTRIBUTES['AttemptStarted.model']]: admitted.model,
    [GEN_AI_ATTRIBUTES['RequestAdmitted.stream']]: admitted.stream,
    [GEN_AI_ATTRIBUTES['RequestAdmitted.maxTokens']]: admitted.maxTokens,
    [GEN_AI_ATTRIBUTES['RequestAdmitted.sessionId']]: admitted.sessionId,
    'signalbox.request_id': admitted.requestId,
    'signalbox.outcome': OUTCOMES[last._tag],
    'signalbox.strategy': strategy,
    'signalbox.attempts': attempts.length,
    'signalbox.agent_id': admitted.agentId,
    'signalbox.client_key': admitted.clientKey,
    'signalbox.project': admitted.project,
  })

const OUTCOMES: { readonly [type: string]: string } = {
  AttemptSucceeded: 'succeeded',
  RequestFailed: 'failed',
  RequestCancelled: 'cancelled',
  RequestAbandoned: 'abandoned',
}

const requestEvents = ({ attempts }: OpenTrace): OtlpSpan['events'] =>
  attempts.flatMap(({ started, startedAt }, index) => [
    ...(index === 0
      ? []
      : [spanEvent('fallback', startedAt, { from: attempts[index - 1]?.started.provider, to: started.provider })]),
    ...(started.probe === undefined ? [] : [spanEvent('half-open probe', startedAt, { provider: started.provider })]),
  ])

const spanEvent = (name: string, at: number, more: Attributes = {}): OtlpSpan['events'][number] => ({
  name,
  timeUnixNano: nanos(at),
  attributes: attributes(Object.fromEntries(Object.entries(more).map(([key, value]) => [`signalbox.${key}`, value]))),
  droppedAttributesCount: 0,
})

const ABANDONED = 'Abandoned'

const errorOf = (last: DomainEvent): string | undefined => {
  if (last._tag === 'RequestFailed') return last.reason._tag
  return last._tag === 'RequestAbandoned' ? ABANDONED : undefined
}

/** A success is left unset, as the conventions ask of whoever is not the application itself; so is a client that left. */
const requestStatus = (last: DomainEvent): OtlpSpan['status'] => {
  const error = errorOf(last)
  return error === undefined ? UNSET : failed(error)
}

const attemptStatus = (ended: TracedAttempt['ended']): OtlpSpan['status'] => {
  if (ended === undefined) return failed(ABANDONED)
  return ended._tag === 'AttemptSucceeded' || ended.reason._tag === 'Cancelled' ? UNSET : failed(ended.reason._tag)
}

const attemptAttributes = (
  admitted: RequestAdmitted,
  { started, ended }: TracedAttempt,
  peer: SpanPeer,
): OtlpSpan['attributes'] => {
  const success = ended?._tag === 'AttemptSucceeded' ? ended : undefined
  const reason = ended?._tag === 'AttemptFailed' ? ended.reason : undefined
  const cost = success?.reportedCostNanoUsd ?? ended?.costNanoUsd
  return [
    ...attributes({
      'gen_ai.operation.name': GEN_AI_OPERATION,
      [GEN_AI_ATTRIBUTES['AttemptStarted.provider']]: peer.name,
      [GEN_AI_ATTRIBUTES['AttemptStarted.model']]: started.model,
      [GEN_AI_ATTRIBUTES['RequestAdmitted.stream']]: admitted.stream,
      [GEN_AI_ATTRIBUTES['RequestAdmitted.maxTokens']]: admitted.maxTokens,
      [GEN_AI_ATTRIBUTES['RequestAdmitted.sessionId']]: admitted.sessionId,
      [GEN_AI_ATTRIBUTES['AttemptSucceeded.model']]: success?.model,
      [GEN_AI_ATTRIBUTES['AttemptSucceeded.upstreamRequestId']]: ended?.upstreamRequestId,
      [GEN_AI_ATTRIBUTES['AttemptSucceeded.stopReason']]:
        success?.stopReason == null ? undefined : [success.stopReason],
      [GEN_AI_ATTRIBUTES['AttemptFailed.reason']]: ended === undefined ? ABANDONED : reason?._tag,
      ...(ended?.usage === undefined ? {} : genAiUsage(ended.usage)),
      'http.request.method': 'POST',
      'http.request.resend_count': started.attempt > 1 ? started.attempt - 1 : undefined,
      'http.response.status_code':
        success?.status ?? (reason !== undefined && 'status' in reason ? reason.status : undefined),
      'server.address': peer.address,
      'server.port': peer.port,
      'signalbox.request_id': admitted.requestId,
      'signalbox.provider': started.provider,
      'signalbox.attempt': started.attempt,
      'signalbox.probe': started.probe === undefined ? undefined : true,
    }),
    ...fraction(GEN_AI_ATTRIBUTES['AttemptSucceeded.ttftMs'], success && success.ttftMs / 1_000),
    ...fraction('signalbox.cost_usd', cost === undefined ? undefined : cost / NANO),
  ]
}
