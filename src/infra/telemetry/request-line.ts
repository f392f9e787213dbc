/**
 * The line of a request: gathered from its events as they are committed, complete at its terminal event. The figures are those
 * of the books (domain/books.ts), so log and cost reports agree.
 */
import { bookEvent, type RequestBook } from '#domain/book-event.ts'
import type { BookedRequest } from '#domain/books.ts'
import { type RequestId, requestId } from '#domain/ids.ts'
import type { CommittedEvent } from '#domain/recorded-event.ts'
import { spanIdOf, traceOf } from '#domain/trace-context.ts'
import { type Given, isoTime, type LineFields, type RequestLine } from '#infra/telemetry/log-line.ts'

/** What is known of a request so far. */
export interface Gathered {
  readonly book: RequestBook
  readonly traceparent?: string
  /** Attempts that failed, in order; as many as the policy allows fallbacks. */
  readonly failed: readonly { readonly provider: string; readonly reason: string }[]
}

/** After the next event of a request; undefined for one whose admission was not heard of. */
export const gather = (known: Gathered | undefined, recorded: CommittedEvent): Gathered | undefined => {
  // The line does not tell the place in the log.
  const { event, occurredAt, position = 0 } = recorded
  const book = bookEvent(known?.book, event, occurredAt, position)?.book
  if (event._tag === 'RequestAdmitted') {
    const { traceparent } = event
    return book && { book, failed: [], ...(traceparent === undefined ? {} : { traceparent }) }
  }
  if (known === undefined) return undefined
  const failed =
    event._tag === 'AttemptFailed'
      ? [...known.failed, { provider: event.provider, reason: event.reason._tag }]
      : known.failed
  return { ...known, failed, book: book ?? known.book }
}

/** @param endedAt epoch ms */
export const requestLine = (
  { book: { row }, failed, traceparent }: Gathered,
  endedAt: number,
): { readonly message: string; readonly fields: LineFields } => ({
  message: describeRequest(row),
  fields: { _tag: 'LineFields', at: endedAt, fields: fieldsOf(row, failed, requestId(row.requestId), traceparent) },
})

const fieldsOf = (
  row: BookedRequest,
  failed: Gathered['failed'],
  id: RequestId,
  traceparent: string | undefined,
): Given<RequestLine> => {
  const durationMs = Math.max(0, row.durationMs ?? 0)
  const outcome = row.outcome ?? 'abandoned'
  return {
    'event.dataset': 'signalbox.request',
    'event.action': 'request',
    'event.outcome': outcome === 'succeeded' ? 'success' : outcome === 'failed' ? 'failure' : 'unknown',
    'event.start': isoTime(row.admittedAt),
    'event.end': isoTime(row.admittedAt + durationMs),
    // An abandoned request may be found after months, and more than 104 days are no exact number of nanoseconds.
    'event.duration': Math.min(durationMs * NANOS_PER_MS, Number.MAX_SAFE_INTEGER),
    'trace.id': traceOf(id, traceparent).traceId,
    'span.id': spanIdOf(id, 0),
    'http.request.id': row.requestId,
    'http.request.method': 'POST',
    'url.path': '/v1/messages',
    ...present('http.response.status_code', row.status),
    ...present('error.type', outcome === 'failed' ? row.reason : null),
    'signalbox.request_id': row.requestId,
    'signalbox.outcome': outcome,
    'signalbox.model': row.model,
    ...present('signalbox.served_model', row.servedModel),
    ...present('signalbox.provider', row.provider),
    ...present('signalbox.strategy', row.strategy),
    'signalbox.stream': row.stream,
    'signalbox.attempts': row.attempts,
    'signalbox.fallbacks': Math.max(0, row.attempts - 1),
    ...(failed.length === 0
      ? {}
      : {
          'signalbox.failed_providers': failed.map(({ provider }) => provider),
          'signalbox.failed_reasons': failed.map(({ reason }) => reason),
        }),
    ...present('signalbox.reason', row.reason),
    ...present('signalbox.ttft_ms', row.ttftMs),
    'signalbox.tokens.input': row.inputTokens,
    'signalbox.tokens.output': row.outputTokens,
    'signalbox.tokens.cache_read': row.cacheReadTokens,
    'signalbox.tokens.cache_write': row.cacheWrite5mTokens + row.cacheWrite1hTokens,
    'signalbox.cost_usd': row.costNanoUsd / NANO,
    'signalbox.cost_estimated': row.estimated,
    'signalbox.unpriced': row.unpriced,
    ...present('signalbox.session_id', row.sessionId),
    ...present('signalbox.agent_id', row.agentId),
    ...present('signalbox.client_key', row.clientKey),
    ...present('signalbox.project', row.project),
  }
}

const NANOS_PER_MS = 1_000_000
const NANO = 1_000_000_000

/** A member, or none for what is not known. */
const present = <K extends string, V>(name: K, value: V | null): { readonly [P in K]?: V } =>
  // The computed name widens to string; it is K.
  (value === null ? {} : { [name]: value }) as { readonly [P in K]?: V }

const describeRequest = (row: BookedRequest): string => {
  const took = `${((row.durationMs ?? 0) / 1_000).toFixed(1)} s`
  const attempts = row.attempts === 1 ? '' : `, ${row.attempts} attempts`
  switch (row.outcome) {
    case 'succeeded': {
      const prompt = row.inputTokens + row.cacheReadTokens + row.cacheWrite5mTokens + row.cacheWrite1hTokens
      const cost =
        row.unpriced > 0 && row.costNanoUsd === 0 ? 'price unknown' : `$${(row.costNanoUsd / NANO).toFixed(4)}`
      return `${row.model}: served by ${row.provider} in ${took}${attempts}, ${prompt} + ${row.outputTokens} tokens, ${cost}`
    }
    case 'failed':
      return `${row.model}: failed with ${row.status} (${row.reason}) after ${took}${attempts}`
    case 'cancelled':
      return `${row.model}: cancelled after ${took}${attempts}`
    default:
      return `${row.model}: closed as abandoned by an earlier process${attempts}`
  }
}
