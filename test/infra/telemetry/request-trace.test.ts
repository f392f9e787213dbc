/** The spans of a request: who is below whom, when, and with which words of OpenTelemetry. */
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId } from '#domain/ids.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { spanIdOf, traceOf } from '#domain/trace-context.ts'
import { followTrace, type OpenTrace, type OtlpSpan, spansOf } from '#infra/telemetry/request-trace.ts'
import { requestNamed, served } from '#test/generators.ts'
import { envelopes } from '#test/recorded-events.ts'

const requestId = requestNamed(1)
const [vertex, anthropic] = [providerId('vertex'), providerId('anthropic')]
const model = modelId('claude-sonnet-5-5')
const AT = Date.UTC(2026, 10, 25)
const nanos = (ms: number) => `${AT + ms}000000`

const admitted = {
  _tag: 'RequestAdmitted',
  requestId,
  model,
  stream: true,
  maxTokens: 100,
  bodyBytes: 10,
  messages: 1,
  tools: 0,
  images: 0,
  sessionId: 'session',
  draw: 0.5,
} as const

type Moment = readonly [ms: number, event: DomainEvent]

const spansFor = (...moments: readonly Moment[]): readonly OtlpSpan[] => {
  const wrap = envelopes()
  let open: OpenTrace | undefined
  for (const [ms, event] of moments) {
    const [envelope] = wrap([event])
    // The log adds what no span reads.
    open = followTrace(open, { ...envelope, occurredAt: AT + ms } as RecordedEvent)
  }
  const [endedAt, last] = moments.at(-1) ?? [0, admitted]
  if (open === undefined) throw new Error('nothing was admitted')
  return spansOf(open, last, AT + endedAt, (id) => ({ name: `${id}.name`, address: `${id}.example.com`, port: 443 }))
}

const started = (attempt: number, provider: typeof vertex, more: object = {}) =>
  ({ _tag: 'AttemptStarted', requestId, attempt, provider, model, ...more }) as const
const failed = (attempt: number, provider: typeof vertex) =>
  ({
    _tag: 'AttemptFailed',
    requestId,
    attempt,
    provider,
    model,
    reason: { _tag: 'Overloaded', status: 529 },
    stage: 'S0',
    durationMs: 300,
    draw: 0,
  }) as const
const succeeded = (attempt: number, provider: typeof vertex) =>
  ({
    _tag: 'AttemptSucceeded',
    requestId,
    attempt,
    provider,
    model: modelId('claude-sonnet-5-5-20260929'),
    ...served,
    ttftMs: 250.5,
    durationMs: 1_000,
    upstreamRequestId: 'msg_1',
    costNanoUsd: 2_000_000,
  }) as const

const withFallback = spansFor(
  [0, admitted],
  [5, started(1, vertex)],
  [305, failed(1, vertex)],
  [305, started(2, anthropic, { probe: { leaseUntil: AT + 9_999 } })],
  [1_305, succeeded(2, anthropic)],
)

const attributesOf = (span: OtlpSpan | undefined): Readonly<Record<string, unknown>> =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, value]))

describe('the spans of a request with a fallback', () => {
  const [request, first, second] = withFallback

  it('are one for the request and one below it for each attempt, in one trace', () => {
    expect(withFallback).toHaveLength(3)
    expect(new Set(withFallback.map(({ traceId }) => traceId))).toEqual(
      new Set([traceOf(requestId, undefined).traceId]),
    )
    expect(request?.parentSpanId).toBeUndefined()
    expect([first?.parentSpanId, second?.parentSpanId]).toEqual([request?.spanId, request?.spanId])
    expect(withFallback.map(({ spanId }) => spanId)).toEqual([0, 1, 2].map((attempt) => spanIdOf(requestId, attempt)))
    // Server and client, as the protocol numbers them.
    expect(withFallback.map(({ kind }) => kind)).toEqual([2, 3, 3])
    expect(withFallback.map(({ name }) => name)).toEqual([
      'POST /v1/messages',
      'chat claude-sonnet-5-5',
      'chat claude-sonnet-5-5',
    ])
  })

  it('begin and end when what they tell of does', () => {
    expect(withFallback.map((span) => [span.startTimeUnixNano, span.endTimeUnixNano])).toEqual([
      [nanos(0), nanos(1_305)],
      [nanos(5), nanos(305)],
      [nanos(305), nanos(1_305)],
    ])
  })

  it('have an error where an attempt failed, and none where it did not', () => {
    expect(withFallback.map(({ status }) => status)).toEqual([
      { code: 0 },
      { code: 2, message: 'Overloaded' },
      { code: 0 },
    ])
    expect(attributesOf(first)).toMatchObject({
      'error.type': { stringValue: 'Overloaded' },
      'http.response.status_code': { intValue: 529 },
    })
  })

  it('tell of the fallback, the probe and the first token at their times', () => {
    expect(request?.events.map(({ name, timeUnixNano }) => [name, timeUnixNano])).toEqual([
      ['fallback', nanos(305)],
      ['half-open probe', nanos(305)],
    ])
    expect(second?.events).toMatchObject([{ name: 'first token', timeUnixNano: `${AT + 555}500000` }])
  })

  it('speak of what was asked, used and paid in the words of the conventions', () => {
    expect(attributesOf(second)).toEqual({
      'gen_ai.operation.name': { stringValue: 'chat' },
      'gen_ai.provider.name': { stringValue: 'anthropic.name' },
      'gen_ai.request.model': { stringValue: 'claude-sonnet-5-5' },
      'gen_ai.request.stream': { boolValue: true },
      'gen_ai.request.max_tokens': { intValue: 100 },
      'gen_ai.conversation.id': { stringValue: 'session' },
      'gen_ai.response.model': { stringValue: 'claude-sonnet-5-5-20260929' },
      'gen_ai.response.id': { stringValue: 'msg_1' },
      'gen_ai.response.finish_reasons': { arrayValue: { values: [{ stringValue: 'end_turn' }] } },
      'gen_ai.usage.input_tokens': { intValue: 13 },
      'gen_ai.usage.output_tokens': { intValue: 2 },
      'gen_ai.usage.cache_read.input_tokens': { intValue: 3 },
      'gen_ai.usage.cache_creation.input_tokens': { intValue: 9 },
      'gen_ai.response.time_to_first_chunk': { doubleValue: 0.2505 },
      'http.request.method': { stringValue: 'POST' },
      'http.request.resend_count': { intValue: 1 },
      'http.response.status_code': { intValue: 200 },
      'server.address': { stringValue: 'anthropic.example.com' },
      'server.port': { intValue: 443 },
      'signalbox.request_id': { stringValue: requestId },
      'signalbox.provider': { stringValue: 'anthropic' },
      'signalbox.attempt': { intValue: 2 },
      'signalbox.probe': { boolValue: true },
      'signalbox.cost_usd': { doubleValue: 0.002 },
    })
    expect(attributesOf(request)).toMatchObject({
      'http.route': { stringValue: '/v1/messages' },
      'http.response.status_code': { intValue: 200 },
      'signalbox.outcome': { stringValue: 'succeeded' },
      'signalbox.attempts': { intValue: 2 },
    })
  })
})

describe('the spans of a request', () => {
  it('that a client’s trace holds are below the client’s span', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const [request] = spansFor(
      [0, { ...admitted, traceparent }],
      [1, { _tag: 'RequestCancelled', requestId, attempts: 0, by: 'client' }],
    )
    expect(request).toMatchObject({
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      parentSpanId: '00f067aa0ba902b7',
      status: { code: 0 },
    })
  })

  it('that failed say why', () => {
    const [request] = spansFor(
      [0, admitted],
      [9, { _tag: 'RequestFailed', requestId, attempts: 0, status: 429, reason: { _tag: 'RateLimited' } }],
    )
    expect(request?.status).toEqual({ code: 2, message: 'RateLimited' })
    expect(attributesOf(request)).toMatchObject({
      'error.type': { stringValue: 'RateLimited' },
      'http.response.status_code': { intValue: 429 },
    })
  })

  it('that a dead process left end when they were found', () => {
    const [request, attempt] = spansFor(
      [0, admitted],
      [1, started(1, vertex)],
      [60_000, { _tag: 'RequestAbandoned', requestId, attempts: 1, provider: vertex }],
    )
    expect(request?.status).toEqual({ code: 2, message: 'Abandoned' })
    expect(attempt).toMatchObject({ endTimeUnixNano: nanos(60_000), status: { code: 2, message: 'Abandoned' } })
  })
})
