/**
 * A provider that begins every answer and ends none before it is told to: as many streams as a test wants are under way at once.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Effect, type Scope } from 'effect'
import { wire } from '#test/box.ts'

export interface HeldProvider {
  readonly url: string
  /** Answers that have begun and not ended. */
  readonly open: () => number
  /** Bodies that were read to their end, all in all. */
  readonly asked: () => number
  /** Ends every open answer in good order, and from now on each as it comes. */
  readonly release: () => void
}

export const startHeldProvider: Effect.Effect<HeldProvider, never, Scope.Scope> = Effect.gen(function* () {
  const open = new Set<ServerResponse>()
  let asked = 0
  let isHolding = true
  const end = (response: ServerResponse) => response.end(wire.blockStop + wire.finish + wire.stop)
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      asked += 1
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(wire.start('claude-opus-5-5') + wire.block + wire.delta('first'))
      if (isHolding) open.add(response)
      else end(response)
      response.on('close', () => open.delete(response))
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, '127.0.0.1', () => resume(Effect.void))
    }),
    () => Effect.sync(() => server.close().closeAllConnections()),
  )
  return {
    // A TCP server's address is always an AddressInfo once it listens.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => open.size,
    asked: () => asked,
    release: () => {
      isHolding = false
      for (const response of open) end(response)
    },
  }
})
