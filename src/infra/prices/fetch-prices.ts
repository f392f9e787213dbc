/**
 * Gets a price book from a URL: one exchange without a credential, no redirects.
 */
import { Data, Effect, Result } from 'effect'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'
import type { FailureReason } from '#domain/failure.ts'
import { type PriceBook, readPriceBook } from '#infra/prices/price-book.ts'
import { makeTransport, type Transport } from '#infra/upstream/transport.ts'

/** Why there are no prices; nothing of the URL, which may hold a secret. */
export class PriceFetchError extends Data.TaggedError('PriceFetchError')<{
  readonly why:
    | { readonly _tag: 'Unreachable'; readonly reason: FailureReason }
    | { readonly _tag: 'Refused'; readonly status: number }
    | { readonly _tag: 'TooSlow' }
    | { readonly _tag: 'TooLarge' }
    /** `what`: as of readPriceBook. */
    | { readonly _tag: 'NoPrices'; readonly what: string }
}> {}

const TIMEOUT_MS = 30_000
/** The data of the package has one and a half megabytes. */
const MAX_BYTES = 16 * 1024 * 1024

export const fetchPrices = (url: string): Effect.Effect<PriceBook, PriceFetchError> =>
  Effect.timeoutOrElse(fetchText(new URL(url)), {
    duration: TIMEOUT_MS,
    orElse: () => Effect.fail(new PriceFetchError({ why: { _tag: 'TooSlow' } })),
  }).pipe(
    Effect.flatMap((text) => {
      const read = readPriceBook(text)
      return Result.isSuccess(read)
        ? Effect.succeed(read.success)
        : Effect.fail(new PriceFetchError({ why: { _tag: 'NoPrices', what: read.failure } }))
    }),
  )

const fetchText = (url: URL): Effect.Effect<string, PriceFetchError> =>
  Effect.acquireUseRelease(
    // No credential goes there, and companies keep theirs in their own networks.
    Effect.sync(() => makeTransport({ origin: url.origin, connectTimeoutMs: TIMEOUT_MS, allowPrivate: true })),
    (transport) => getText(transport, `${url.pathname}${url.search}`),
    (transport) => Effect.promise(() => transport.destroy()),
  )

const getText = (transport: Transport, path: string): Effect.Effect<string, PriceFetchError> =>
  Effect.callback((resume) => {
    const pieces: Uint8Array[] = []
    let bytes = 0
    let status = 0
    const fail = (why: PriceFetchError['why']): void => resume(Effect.fail(new PriceFetchError({ why })))
    const exchange = transport.send(
      {
        method: 'GET',
        path,
        headers: ['accept', 'application/json', 'accept-encoding', 'identity'],
        body: null,
      },
      {
        connected: () => undefined,
        headers: (code) => {
          status = code
        },
        data: (chunk) => {
          bytes += chunk.length
          if (bytes > MAX_BYTES) {
            exchange.abort()
            fail({ _tag: 'TooLarge' })
          } else keepPiece(pieces, chunk)
          return true
        },
        end: () => {
          if (status === 200) resume(Effect.succeed(new TextDecoder().decode(concatBytes(pieces))))
          else fail({ _tag: 'Refused', status })
        },
        fail: (reason) => fail({ _tag: 'Unreachable', reason }),
      },
    )
    return Effect.sync(() => exchange.abort())
  })
