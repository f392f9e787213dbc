/**
 * POST /v1/messages/count_tokens: asks the providers in the order of the policy until one answers. Nothing is recorded and
 * no machine moves, however many of Claude Code's 25 counts at once fail.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Effect, Result } from 'effect'
import { admission } from '#actors/gateway-state.ts'
import { Ledger } from '#actors/ledger.ts'
import { type HeaderList, Upstreams } from '#actors/ports.ts'
import type { ProviderError } from '#actors/provider-error.ts'
import { answerHeaders } from '#actors/respond.ts'
import { sideCall } from '#actors/side-call.ts'
import { errorAnswer } from '#domain/dialect/anthropic-error.ts'
import { readRequest } from '#domain/dialect/anthropic-request.ts'
import { setTopLevelString } from '#domain/dialect/raw-json.ts'
import { retryableElsewhere } from '#domain/failure.ts'
import { modelId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import { clientResponse } from '#http/client-response.ts'
import { headerList, refuse } from '#http/messages.ts'
import { readJsonBody } from '#http/read-body.ts'
import { newRequestId } from '#http/request-id.ts'

/** A count is cheap for everybody; one that takes longer will not come. */
const TIMEOUT_MS = 15_000

export const handleCountTokens = Effect.fnUntraced(function* (
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
  options: { readonly bodyLimit: number; readonly ownHeaders: HeaderList },
) {
  const requestId = newRequestId()
  const { ownHeaders } = options
  const body = yield* readJsonBody(request, options.bodyLimit).pipe(
    Effect.catch((refused) => {
      refuse(response, requestId, refused.answer, ownHeaders)
      return Effect.undefined
    }),
  )
  if (body === undefined) return
  const reading = readRequest(body, false)
  if (reading._tag === 'Invalid') {
    refuse(response, requestId, errorAnswer.invalidRequest(reading.message), ownHeaders)
    return
  }
  const { state } = yield* Ledger
  const upstreams = yield* Upstreams
  const clock = yield* Effect.clockWith(Effect.succeed)
  const now = () => clock.currentTimeMillisUnsafe()
  const asked = modelId(reading.request.model)

  // Providers that are well come first, but a count may also try one that is not.
  const providers = state.policy.providers
    .filter((provider) => provider.enabled)
    .toSorted((a, b) => rank(a.id) - rank(b.id) || a.priority - b.priority)
  function rank(id: (typeof state.policy.providers)[number]['id']): number {
    return admission(state, id, now()).admit === 'yes' ? 0 : 1
  }

  let last: ProviderError | undefined
  for (const provider of providers) {
    const upstream = upstreams.get(provider.id)
    const model = resolveModel(provider, asked)
    if (upstream === undefined || model === undefined) continue
    const result = yield* Effect.result(
      sideCall(
        upstream,
        {
          path: '/v1/messages/count_tokens',
          query,
          method: 'POST',
          headers: headerList(request),
          body: model === asked ? body : setTopLevelString(body, 'model', model),
        },
        now,
      ).pipe(Effect.timeoutOption(TIMEOUT_MS)),
    )
    if (Result.isSuccess(result)) {
      if (result.success._tag === 'None') continue
      const answer = result.success.value
      const client = clientResponse(response)
      client.start(
        answer.status,
        answerHeaders(answer.headers, { requestId, provider: provider.id, model }, ownHeaders),
      )
      client.end(answer.body)
      return
    }
    last = result.failure
    if (!retryableElsewhere(last.reason)) break
  }

  if (last?.answer !== undefined && last.reason._tag !== 'CredentialRefused') {
    const client = clientResponse(response)
    client.start(last.answer.status, answerHeaders(last.answer.headers, { requestId }, ownHeaders))
    client.end(last.answer.body)
    return
  }
  refuse(
    response,
    requestId,
    last?.reason._tag === 'CredentialRefused'
      ? errorAnswer.hopeless('The provider refused the credential that Signalbox holds for it.')
      : errorAnswer.overloaded('No provider could count the tokens.', 1_000),
    ownHeaders,
  )
})
