/**
 * POST /v1/messages: reads and checks the request, hands it to the cascade. Runs outside the router, on Node's own objects,
 * because every byte of every stream passes here (docs/adr/0005).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Effect } from 'effect'
import { runCascade } from '#actors/cascade.ts'
import { Ledger } from '#actors/ledger.ts'
import type { Captures, HeaderList } from '#actors/ports.ts'
import { type ErrorAnswer, errorAnswer, errorBody } from '#domain/dialect/anthropic-error.ts'
import { readRequestInSteps } from '#domain/dialect/anthropic-request.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import type { RequestId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import { attemptTraceparent, traceOf } from '#domain/trace-context.ts'
import { readAdmission } from '#http/admitted.ts'
import { capturedResponse } from '#http/captured-response.ts'
import type { ClientAuth } from '#http/client-auth.ts'
import { clientResponse } from '#http/client-response.ts'
import { endGently, isStillSending } from '#http/linger.ts'
import { inTurns, readJsonBody } from '#http/read-body.ts'
import { newRequestId } from '#http/request-id.ts'

export interface MessagesOptions {
  /** Bytes. */
  readonly bodyLimit: number
  /** Told how many bytes the body has. */
  readonly bodyRead: (bytes: number) => void
  readonly ownHeaders: HeaderList
  /** Strategies that a request may ask for, now. */
  readonly strategies: () => readonly Policy['routing']['strategy'][]
  readonly auth: ClientAuth
  /** Absent: no provider is told of a trace. */
  readonly tracing?: TracingOptions
  /** Tells the client of budgets and limits where the provider tells nothing. */
  readonly quotaHeaders: boolean
  /** Absent: nothing is captured. */
  readonly captures?: Pick<Captures['Service'], 'begin'>
  readonly cancelledBy: () => 'client' | 'shutdown'
}

export interface TracingOptions {
  /** Providers are told the trace of their attempt. */
  readonly propagate: boolean
  /** Share of the traces that begin here which are recorded. */
  readonly sampleShare: number
}

/** The vendors' part of a trace (`tracestate`) belongs to the client's, and goes along with that only. */
const traceHeaders = (
  { requestId, traceparent }: Pick<RequestAdmitted, 'requestId' | 'traceparent'>,
  attempt: number,
  traceState: HeaderList,
  sampleShare: number,
): HeaderList => [
  ['traceparent', attemptTraceparent(requestId, traceparent, attempt, sampleShare)],
  ...(traceparent === undefined ? [] : traceState),
]

/** Name and value of every header, names in lower case, repetitions kept. */
export const headerList = (request: IncomingMessage): HeaderList => {
  const list: (readonly [string, string])[] = []
  const { rawHeaders } = request
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    list.push([(rawHeaders[i] ?? '').toLowerCase(), rawHeaders[i + 1] ?? ''])
  }
  return list
}

/** As the socket tells it; empty when it is gone already. */
export const remoteAddress = (request: IncomingMessage): string => request.socket.remoteAddress ?? ''

/** Answers with an error of our own. */
export const refuse = (
  response: ServerResponse,
  requestId: RequestId,
  answer: ErrorAnswer,
  ownHeaders: HeaderList,
): void => {
  if (response.headersSent || response.destroyed) return
  const client = clientResponse(response)
  const body = Buffer.from(errorBody(answer, requestId))
  const lingers = isStillSending(response)
  client.start(answer.status, [
    ['content-type', 'application/json'],
    ['request-id', requestId],
    ['x-signalbox-request-id', requestId],
    ...(lingers ? [['content-length', String(body.length)] as const] : []),
    ...answer.headers,
    ...ownHeaders,
  ])
  if (lingers) {
    client.write(body)
    endGently(response)
  } else client.end(body)
}

export const handleMessages = Effect.fnUntraced(function* (
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
  options: MessagesOptions,
) {
  const requestId = newRequestId()
  const { ownHeaders, auth } = options
  const clock = yield* Effect.clockWith(Effect.succeed)
  const ledger = yield* Ledger
  const client = yield* auth.admit(
    headerList(request),
    'messages',
    clock.currentTimeMillisUnsafe(),
    remoteAddress(request),
  )
  if (client._tag === 'Refused') {
    refuse(response, requestId, client.answer, ownHeaders)
    return
  }
  const body = yield* readJsonBody(request, options.bodyLimit).pipe(
    Effect.catch((refused) => {
      refuse(response, requestId, refused.answer, ownHeaders)
      return Effect.undefined
    }),
  )
  if (body === undefined) return
  options.bodyRead(body.length)
  const reading = yield* inTurns(body, readRequestInSteps(body, true))
  if (reading._tag === 'Invalid') {
    refuse(response, requestId, errorAnswer.invalidRequest(reading.message), ownHeaders)
    return
  }
  const admission = readAdmission({
    requestId,
    request: reading.request,
    bodyBytes: body.length,
    header: (wanted) => client.headers.find(([name]) => name === wanted)?.[1],
    strategies: options.strategies(),
    client,
  })
  if (admission._tag === 'Invalid') {
    refuse(response, requestId, errorAnswer.invalidRequest(admission.message), ownHeaders)
    return
  }
  const { admitted } = admission
  const refusal = auth.refusal(client, admitted.model, clock.currentTimeMillisUnsafe())
  if (refusal !== undefined) {
    refuse(response, requestId, refusal, ownHeaders)
    return
  }
  const { tracing } = options
  const traceState = client.headers.filter(([name]) => name === 'tracestate')
  const traceUpstream = (attempt: number): HeaderList =>
    traceHeaders(admitted, attempt, traceState, tracing?.sampleShare ?? 0)
  const tap = options.captures?.begin(admitted, body)
  const captured = tap && capturedResponse(clientResponse(response), tap)
  const serving = runCascade({
    admitted,
    request: {
      path: '/v1/messages',
      query,
      method: 'POST',
      headers: client.headers,
      body,
      isClean: reading.request.isClean,
    },
    client: captured?.client ?? clientResponse(response),
    ownHeaders: [...ownHeaders, ['x-signalbox-trace-id', traceOf(requestId, admitted.traceparent).traceId]],
    ...(tracing?.propagate === true ? { traceUpstream } : {}),
    quotaHeaders: options.quotaHeaders,
    cancelledBy: options.cancelledBy,
  })
  if (captured === undefined) yield* serving
  else {
    const over = Effect.sync(() => {
      const { finished } = ledger.state.projections.requests
      captured.over(finished.findLast((ended) => ended.requestId === requestId)?.provider)
    })
    yield* Effect.ensuring(serving, over)
  }
})
