/**
 * One GET at a provider's own address, beside the wires: through the same transport, proxy and authorities as its calls.
 */
import { Effect } from 'effect'
import type { UpstreamAnswer } from '#actors/ports.ts'
import { concatBytes } from '#domain/concat-bytes.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { makeTransport } from '#infra/upstream/transport.ts'
import { transportOptions } from '#infra/upstream/upstreams.ts'

/** What is looked at is far smaller; the rest is not waited for. */
const MAX_BYTES = 64 * 1024

/** @param path after the origin @param headers flat: name, value, name, value … */
export const plainGet = (
  provider: ResolvedProvider,
  path: string,
  headers: readonly string[],
): Effect.Effect<UpstreamAnswer, FailureReason> =>
  Effect.acquireUseRelease(
    Effect.sync(() => makeTransport(transportOptions(provider))),
    (transport) =>
      Effect.callback<UpstreamAnswer, FailureReason>((resume) => {
        const pieces: Uint8Array[] = []
        let bytes = 0
        let head: Pick<UpstreamAnswer, 'status' | 'headers'> = { status: 0, headers: [] }
        const done = (): void => resume(Effect.succeed({ ...head, body: concatBytes(pieces) }))
        const exchange = transport.send(
          { method: 'GET', path, headers, body: null },
          {
            connected: () => undefined,
            headers: (status, list) => {
              head = { status, headers: list }
            },
            data: (chunk) => {
              pieces.push(chunk)
              bytes += chunk.length
              if (bytes > MAX_BYTES) done()
              return true
            },
            end: done,
            fail: (reason) => resume(Effect.fail(reason)),
          },
        )
        return Effect.sync(() => exchange.abort())
      }),
    (transport) => Effect.promise(() => transport.destroy()),
  )
