/**
 * /admin/route: whom a request would be sent to now, and why, without sending or recording anything.
 */

import type { IncomingMessage } from 'node:http'
import * as NodeHttpServerRequest from '@effect/platform-node/NodeHttpServerRequest'
import { Effect, Random, Schema } from 'effect'
import { HttpServerResponse } from 'effect/http'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { routeOf } from '#actors/gateway-state.ts'
import { Ledger } from '#actors/ledger.ts'
import { explainRoute, RouteExplanation } from '#actors/views/explanation.ts'
import { readRequestInSteps } from '#domain/dialect/anthropic-request.ts'
import { ModelId } from '#domain/ids.ts'
import { REQUEST_KINDS } from '#domain/policy.ts'
import { requestKind } from '#domain/request-kind.ts'
import { Access, OnlyReads } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { adminError, InvalidRequest } from '#http/admin/admin-error.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'
import { readAdmission } from '#http/admitted.ts'
import { inTurns, readJsonBody } from '#http/read-body.ts'
import { newRequestId } from '#http/request-id.ts'

/** What stands around a request that is to be tried with headers, or with a draw of one's own. */
const Question = Schema.Struct({
  request: Schema.Record(Schema.String, Schema.Json),
  /** Those of the client that routing reads, e.g. `x-claude-code-session-id`, `x-signalbox-strategy`. */
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** In [0, 1), instead of a random one. */
  draw: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0), Schema.isLessThan(1))),
}).annotate({ identifier: 'RouteQuestion' })

export const RouteAnswer = Schema.Struct({
  /** Epoch ms of the decision. */
  at: Schema.Finite,
  /** What was read of the request. */
  request: Schema.Struct({
    model: ModelId,
    kind: Schema.Literals(REQUEST_KINDS),
    stream: Schema.Boolean,
    messages: Schema.Int,
    tools: Schema.Int,
    images: Schema.Int,
    bodyBytes: Schema.Int,
    needs: Schema.Array(Schema.String),
  }),
  route: RouteExplanation,
})

export const routeGroup = HttpApiGroup.make('route')
  .add(
    HttpApiEndpoint.post('dryRun', '/', {
      payload: [Question, Schema.Record(Schema.String, Schema.Json).annotate({ identifier: 'MessagesRequest' })],
      success: RouteAnswer,
      error: InvalidRequest,
    })
      .annotate(OnlyReads, true)
      .annotateMerge(
        OpenApi.annotations({
          description:
            'The decision that would be taken now: candidates in order with their factors, who is left out and why. The body is a Messages request, or `{request, headers, draw}` around one. Nothing is sent, nothing is recorded.',
        }),
      ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/route')
  .annotateMerge(OpenApi.annotations({ description: 'Ask for a decision without sending a request.' }))

const isQuestion = Schema.is(Question)

/** The request's own bytes, which its size is estimated from, and what was sent around it. */
const questionIn = (body: Uint8Array) => {
  const parsed: unknown = JSON.parse(Buffer.from(body).toString())
  if (!isQuestion(parsed)) return { body, headers: {}, draw: undefined }
  return { body: Buffer.from(JSON.stringify(parsed.request)), headers: parsed.headers ?? {}, draw: parsed.draw }
}

export const routeLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(routeGroup),
  'route',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { bodyLimit, strategies } = yield* Admin
    const clock = yield* Effect.clockWith(Effect.succeed)

    return handlers.handleRaw(
      'dryRun',
      Effect.fnUntraced(function* ({ request }) {
        // The server speaks HTTP/1.1 only.
        const incoming = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
        const reading = yield* Effect.result(readJsonBody(incoming, bodyLimit))
        if (reading._tag === 'Failure') {
          const { status, message } = reading.failure.answer
          const make = status === 413 ? adminError.tooLarge : adminError.unsupportedMediaType
          return HttpServerResponse.jsonUnsafe(make(message), { status })
        }
        const asked = yield* Effect.try({
          try: () => questionIn(reading.success),
          catch: () => adminError.invalidRequest('The request body is not valid JSON'),
        })
        const valid = yield* inTurns(asked.body, readRequestInSteps(asked.body, true))
        if (valid._tag === 'Invalid') return yield* Effect.fail(adminError.invalidRequest(valid.message))
        const headers = new Map(Object.entries(asked.headers).map(([name, value]) => [name.toLowerCase(), value]))
        const admission = readAdmission({
          requestId: newRequestId(),
          request: valid.request,
          bodyBytes: asked.body.length,
          header: (name) => headers.get(name),
          strategies: strategies(),
        })
        if (admission._tag === 'Invalid') return yield* Effect.fail(adminError.invalidRequest(admission.message))
        const { admitted } = admission
        const draw = asked.draw ?? (yield* Random.next)
        const at = clock.currentTimeMillisUnsafe()
        const route = routeOf(ledger.state, { _tag: 'RequestAdmitted', ...admitted, draw }, at)
        const { model, stream, messages, tools, images, bodyBytes, needs = [] } = admitted
        return {
          at,
          request: { ...{ model, stream, messages, tools, images, bodyBytes, needs }, kind: requestKind(admitted) },
          route: explainRoute(route, draw, ledger.state.policy.routing.weights),
        }
      }),
    )
  }),
)
