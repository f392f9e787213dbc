/**
 * POST /v1/messages/count_tokens: a provider that counts this very model is asked; where none can, the count is estimated from
 * the size of the body and says so (`x-signalbox-estimate`). Nothing is recorded and no machine moves, however many of Claude
 * Code's 25 counts at once fail; the limits are their own (count-limits.ts). Never answers zero.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Effect, Option, Result } from 'effect'
import { promptEstimate } from '#actors/estimates.ts'
import { admission, type GatewayState } from '#actors/gateway-state.ts'
import { Ledger } from '#actors/ledger.ts'
import { type HeaderList, type UpstreamAnswer, Upstreams } from '#actors/ports.ts'
import { answerHeaders, type Served } from '#actors/respond.ts'
import { sideCall } from '#actors/side-call.ts'
import { sameModel } from '#domain/claude-models.ts'
import { errorAnswer } from '#domain/dialect/anthropic-error.ts'
import { readRequestInSteps } from '#domain/dialect/anthropic-request.ts'
import { parseTold } from '#domain/dialect/told-json.ts'
import { countsAgainst, type FailureReason, retryableElsewhere } from '#domain/failure.ts'
import { type ModelId, modelId, type ProviderId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import { refusedFeatures } from '#domain/projections/capabilities.ts'
import type { ClientAuth } from '#http/client-auth.ts'
import { clientResponse } from '#http/client-response.ts'
import type { CountLimits } from '#http/count-limits.ts'
import { headerList, refuse, remoteAddress } from '#http/messages.ts'
import { inTurns, readJsonBody } from '#http/read-body.ts'
import { newRequestId } from '#http/request-id.ts'

/** A count is cheap for everybody; one that takes longer will not come. */
const TIMEOUT_MS = 15_000

export const handleCountTokens = Effect.fnUntraced(function* (
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
  options: {
    readonly bodyLimit: number
    /** Told how many bytes the body has. */
    readonly bodyRead: (bytes: number) => void
    readonly ownHeaders: HeaderList
    readonly counts: CountLimits
    readonly auth: ClientAuth
  },
) {
  const requestId = newRequestId()
  const { ownHeaders, counts, auth } = options
  const clock = yield* Effect.clockWith(Effect.succeed)
  const now = () => clock.currentTimeMillisUnsafe()
  const client = yield* auth.admit(headerList(request), 'tokenCounts', now(), remoteAddress(request))
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
  const reading = yield* inTurns(body, readRequestInSteps(body, false))
  if (reading._tag === 'Invalid') {
    refuse(response, requestId, errorAnswer.invalidRequest(reading.message), ownHeaders)
    return
  }
  const { state } = yield* Ledger
  const upstreams = yield* Upstreams
  const asked = modelId(reading.request.model)
  const refusal = auth.refusal(client, asked, now())
  if (refusal !== undefined) {
    refuse(response, requestId, refusal, ownHeaders)
    return
  }
  const size = { ...reading.request, bodyBytes: body.length }

  const tell = (answer: UpstreamAnswer, who: Omit<Served, 'requestId'>, more: HeaderList = []): void => {
    const client = clientResponse(response)
    client.start(answer.status, answerHeaders(answer.headers, { requestId, ...who }, [...ownHeaders, ...more]))
    client.end(answer.body)
  }

  const candidates = candidatesFor(state, asked, now())
  for (const { provider, model } of candidates) {
    const upstream = upstreams.get(provider)
    // What another model would count is not what was asked.
    if (upstream?.counts !== true || !sameModel(asked, model) || !counts.may(provider, now())) continue
    const without = refusedFeatures(state.projections.capabilities, provider, model, now())
    const inputTokens = promptEstimate(state, size, model).tokens
    const call = sideCall(
      upstream,
      {
        path: '/v1/messages/count_tokens',
        query,
        method: 'POST',
        headers: client.headers,
        body,
        target: { asked, model, stream: false, without, inputTokens },
      },
      now,
    )
    const result = yield* counts.inTurn(provider, call).pipe(Effect.timeoutOption(TIMEOUT_MS), Effect.result)
    if (Result.isFailure(result)) {
      const { reason, answer } = result.failure
      if (isClients(reason) && answer !== undefined) {
        tell(answer, {})
        return
      }
      counts.note(provider, reason, now())
      continue
    }
    if (Option.isNone(result.success) || !isCount(result.success.value)) continue
    tell(result.success.value, { provider, model })
    return
  }

  const [first] = candidates
  if (first === undefined) {
    refuse(response, requestId, errorAnswer.notFound(`model: ${asked}`), ownHeaders)
    return
  }
  const { tokens, errorShare } = promptEstimate(state, size, first.model)
  tell(
    {
      status: 200,
      headers: [['content-type', 'application/json']],
      body: Buffer.from(JSON.stringify({ input_tokens: tokens })),
    },
    {},
    [['x-signalbox-estimate', `±${Math.round(errorShare * 100)}%`]],
  )
})

/** The request itself is wrong, or the client's own key: a count by somebody else would hide it. */
const isClients = (reason: FailureReason): boolean => {
  const blame = countsAgainst(reason)
  return blame === 'client' || (blame === 'request' && !retryableElsewhere(reason))
}

/** A zero, or anything else, would break the client's compaction. */
const isCount = ({ body }: UpstreamAnswer): boolean => {
  const count = parseTold(Buffer.from(body).toString())
  return typeof count === 'object' && count !== null && 'input_tokens' in count && Number(count.input_tokens) > 0
}

/** Providers that have the model, those that are well first: a count may also ask one that is not. */
const candidatesFor = (
  state: GatewayState,
  asked: ModelId,
  at: number,
): readonly { readonly provider: ProviderId; readonly model: ModelId }[] => {
  const rank = (id: ProviderId): number => (admission(state, id, at).admit === 'yes' ? 0 : 1)
  return state.policy.providers
    .filter((provider) => provider.enabled && state.machines.get(provider.id)?.state !== 'retired')
    .toSorted((a, b) => rank(a.id) - rank(b.id) || a.priority - b.priority)
    .flatMap((provider) => {
      const model = resolveModel(provider, asked)
      return model === undefined ? [] : [{ provider: provider.id, model }]
    })
}
