/**
 * POST /v1/messages: reads and checks the request, hands it to the cascade. Runs outside the router, on Node's own objects,
 * because every byte of every stream passes here (docs/adr/0005).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Effect } from 'effect'
import { runCascade } from '#actors/cascade.ts'
import { Ledger } from '#actors/ledger.ts'
import type { HeaderList } from '#actors/ports.ts'
import { type ErrorAnswer, errorAnswer, errorBody } from '#domain/dialect/anthropic-error.ts'
import { readRequestInSteps } from '#domain/dialect/anthropic-request.ts'
import { modelId, type RequestId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import { clientResponse } from '#http/client-response.ts'
import { inTurns, readJsonBody } from '#http/read-body.ts'
import { newRequestId } from '#http/request-id.ts'

export interface MessagesOptions {
  /** Bytes. */
  readonly bodyLimit: number
  readonly ownHeaders: HeaderList
  /** Strategies that a request may ask for, now. */
  readonly strategies: () => readonly Policy['routing']['strategy'][]
  readonly cancelledBy: () => 'client' | 'shutdown'
}

/** Name and value of every header, names in lower case, repetitions kept. */
export const headerList = (request: IncomingMessage): HeaderList => {
  const list: (readonly [string, string])[] = []
  const { rawHeaders } = request
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    list.push([(rawHeaders[i] ?? '').toLowerCase(), rawHeaders[i + 1] ?? ''])
  }
  return list
}

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value)

/** Answers with an error of our own. */
export const refuse = (
  response: ServerResponse,
  requestId: RequestId,
  answer: ErrorAnswer,
  ownHeaders: HeaderList,
): void => {
  if (response.headersSent || response.destroyed) return
  const client = clientResponse(response)
  client.start(answer.status, [
    ['content-type', 'application/json'],
    ['request-id', requestId],
    ['x-signalbox-request-id', requestId],
    ...answer.headers,
    ...ownHeaders,
  ])
  client.end(Buffer.from(errorBody(answer, requestId)))
}

export const handleMessages = Effect.fnUntraced(function* (
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
  options: MessagesOptions,
) {
  const requestId = newRequestId()
  const { ownHeaders } = options
  const ledger = yield* Ledger
  if (ledger.health().overflowing) {
    refuse(
      response,
      requestId,
      errorAnswer.overloaded('The event log cannot keep up; try again shortly.', 5_000),
      ownHeaders,
    )
    return
  }
  const body = yield* readJsonBody(request, options.bodyLimit).pipe(
    Effect.catch((refused) => {
      refuse(response, requestId, refused.answer, ownHeaders)
      return Effect.undefined
    }),
  )
  if (body === undefined) return
  const reading = yield* inTurns(body, readRequestInSteps(body, true))
  if (reading._tag === 'Invalid') {
    refuse(response, requestId, errorAnswer.invalidRequest(reading.message), ownHeaders)
    return
  }
  const { model, stream, maxTokens, messages, tools, images, imageBytes, needs } = reading.request
  const wish = one(request.headers['x-signalbox-strategy'])
  const strategies = options.strategies()
  const strategy = strategies.find((name) => name === wish)
  if (wish !== undefined && strategy === undefined) {
    const message = `x-signalbox-strategy: ${clip(wish)} is no strategy here; there are ${strategies.join(', ')}`
    refuse(response, requestId, errorAnswer.invalidRequest(message), ownHeaders)
    return
  }
  const sessionId = one(request.headers['x-claude-code-session-id'])
  const agentId = one(request.headers['x-claude-code-agent-id'])
  const parentAgentId = one(request.headers['x-claude-code-parent-agent-id'])
  yield* runCascade({
    admitted: {
      requestId,
      model: modelId(clip(model)),
      stream,
      ...(maxTokens === undefined ? {} : { maxTokens }),
      bodyBytes: body.length,
      messages,
      tools,
      images,
      ...(imageBytes === 0 ? {} : { imageBytes }),
      ...(needs.length === 0 ? {} : { needs }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(sessionId === undefined ? {} : { sessionId: clip(sessionId) }),
      ...(agentId === undefined ? {} : { agentId: clip(agentId) }),
      ...(parentAgentId === undefined ? {} : { parentAgentId: clip(parentAgentId) }),
    },
    request: { path: '/v1/messages', query, method: 'POST', headers: headerList(request), body },
    client: clientResponse(response),
    ownHeaders,
    cancelledBy: options.cancelledBy,
  })
})

/** Names that a client invents do not fill the log. */
const clip = (text: string): string => (text.length > 200 ? text.slice(0, 200) : text)
