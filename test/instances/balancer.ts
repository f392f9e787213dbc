/**
 * A plain TCP balancer on loopback: each connection goes to the next backend that takes it. No stickiness, no health checks beyond
 * whether somebody listens.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Effect, type Scope } from 'effect'

export interface Balancer {
  readonly port: number
  /** In place of those that it had. */
  readonly set: (ports: readonly number[]) => void
}

export const startBalancer: Effect.Effect<Balancer, never, Scope.Scope> = Effect.gen(function* () {
  let ports: readonly number[] = []
  let turn = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client)
    client.on('close', () => sockets.delete(client)).on('error', () => client.destroy())
    const tryNext = (left: number): void => {
      const port = ports[turn % Math.max(1, ports.length)]
      turn += 1
      if (left === 0 || port === undefined) {
        client.destroy()
        return
      }
      const backend = connect(port, '127.0.0.1')
      let isOpen = false
      backend.once('connect', () => {
        isOpen = true
        client.pipe(backend)
        backend.pipe(client)
      })
      backend.on('error', () => (isOpen ? client.resetAndDestroy() : tryNext(left - 1)))
      backend.on('close', () => isOpen && client.destroy())
      client.on('close', () => backend.destroy())
    }
    tryNext(ports.length)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, '127.0.0.1', () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      }),
  )
  return {
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      ports = next
    },
  }
})
