/**
 * A local HTTP server that takes messages of alerts, or does not: what it does to each is said by a script, and when that is over
 * it takes everything.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Effect, type Scope } from 'effect'

export type Reception =
  /** Answers with this status. */
  | { readonly status: number; readonly location?: string }
  /** Never answers. */
  | { readonly hangs: true }
  /** Breaks the connection off. */
  | { readonly breaks: true }

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Receiver {
  readonly url: string
  readonly port: number
  /** Everything that came, taken or not. */
  readonly received: readonly Received[]
}

/** @param port of an earlier one, to come back at the same place */
export const startReceiver = (
  script: readonly Reception[] = [],
  port = 0,
): Effect.Effect<Receiver, never, Scope.Scope> =>
  Effect.gen(function* () {
    const received: Received[] = []
    const server = createServer((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request
        const reception = script[received.length] ?? { status: 204 }
        received.push({ method, path, headers, body: Buffer.concat(pieces).toString() })
        if ('breaks' in reception) request.socket.destroy()
        else if ('status' in reception) {
          const { status, location } = reception
          response.writeHead(status, location === undefined ? {} : { location }).end('secret words of the receiver')
        }
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(port, '127.0.0.1', () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        }),
    )
    const bound = (server.address() as AddressInfo).port
    return { url: `http://127.0.0.1:${bound}`, port: bound, received }
  })
