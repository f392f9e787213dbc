/**
 * A server that takes everything and keeps nothing: a collector of spans, a receiver of alerts, for as long as a test likes.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Effect, type Scope } from 'effect'

/** Its URL. */
export const startSink: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function* () {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(204).end())
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, '127.0.0.1', () => resume(Effect.void))),
    () => Effect.sync(() => server.close().closeAllConnections()),
  )
  // A TCP server's address is always an AddressInfo once it listens.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
