/**
 * Calls beside the messages path: token counts and model lists. They go through the providers in order, are never recorded
 * as requests and never move a machine (a failing count says nothing about a provider's health).
 */
import { Effect } from 'effect'
import type { Upstream, UpstreamAnswer, UpstreamRequest } from '#actors/ports.ts'
import { ProviderError } from '#actors/provider-error.ts'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'
import type { FailureReason } from '#domain/failure.ts'

/** Answers above this are not what was asked for. */
const MAX_BYTES = 8 * 1024 * 1024

/** One whole exchange. Fails with ProviderError for anything but a 2xx; times out by the caller. */
export const sideCall = (
  upstream: Upstream,
  request: UpstreamRequest,
  now: () => number,
): Effect.Effect<UpstreamAnswer, ProviderError> =>
  Effect.callback((resume) => {
    const pieces: Uint8Array[] = []
    let bytes = 0
    let status = 0
    let headers: UpstreamAnswer['headers'] = []
    const fail = (reason: FailureReason, answer?: UpstreamAnswer): void =>
      resume(
        Effect.fail(
          new ProviderError({
            reason,
            stage: 'S0',
            usage: undefined,
            upstreamRequestId: undefined,
            headers,
            answer,
            mirror: undefined,
          }),
        ),
      )
    const exchange = upstream.open(request, {
      connected: () => undefined,
      headers: (code, list) => {
        status = code
        headers = list
      },
      data: (chunk) => {
        bytes += chunk.length
        if (bytes > MAX_BYTES) {
          exchange.abort()
          fail({ _tag: 'MalformedOutput', detail: `the answer is larger than ${MAX_BYTES} bytes` })
        } else keepPiece(pieces, chunk)
        return true
      },
      end: () => {
        const answer = { status, headers, body: concatBytes(pieces) }
        const refusal = upstream.classify(answer, now())
        if (refusal === undefined) resume(Effect.succeed(answer))
        else fail(refusal.reason, refusal.answer)
      },
      fail,
    })
    return Effect.sync(() => exchange.abort())
  })
