/**
 * A TCP proxy on loopback that breaks what passes through it, in the words of toxiproxy (github.com/Shopify/toxiproxy). It stands
 * between a client and a box, a box and a provider, or a box and its database. Toxics hold for one direction of every connection,
 * those that are open too, and may be changed at any moment. What is drawn is drawn from a seed; where the chunks break is the
 * kernel's choice.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Effect, type Scope } from 'effect'
import { draw } from '#infra/simulator/draws.ts'
import { carry, type Direction, type Rules, type Toxic } from '#test/fault-lane.ts'

export interface FaultProxy {
  readonly port: number
  readonly url: string
  /** In place of the toxics that the direction had. */
  readonly set: (direction: Direction, ...toxics: readonly Toxic[]) => void
  /** No toxics; whatever was held back goes on. */
  readonly clear: () => void
  /** Resets every connection and refuses new ones, until `up`. */
  readonly down: Effect.Effect<void>
  readonly up: Effect.Effect<void>
  /** Connections that are open, and all that there ever were. */
  readonly open: () => number
  readonly accepted: () => number
  /** Bytes that were passed on. */
  readonly passed: (direction: Direction) => number
}

export const startFaultProxy = (to: {
  readonly port: number
  readonly seed?: number
}): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const rules: Rules = {
      toxics: { up: [], down: [] },
      version: { up: 0, down: 0 },
      passed: { up: 0, down: 0 },
      changed: Promise.withResolvers(),
    }
    const links = new Set<Link>()
    let accepted = 0
    const server = createServer({ allowHalfOpen: true }, (client) => {
      accepted += 1
      const link = openLink(client, connect({ port: to.port, host: '127.0.0.1', allowHalfOpen: true }), rules, [
        to.seed ?? 1,
        accepted,
      ])
      links.add(link)
      link.closed.then(() => links.delete(link))
    })
    yield* Effect.addFinalizer(() => down)
    const port = yield* listen(server, 0)
    const down = Effect.callback<void>((resume) => {
      for (const link of links) link.reset()
      server.close(() => resume(Effect.void))
    })
    const change = (direction: Direction, toxics: readonly Toxic[]): void => {
      rules.toxics[direction] = toxics
      rules.version[direction] += 1
      const { changed } = rules
      rules.changed = Promise.withResolvers()
      changed.resolve()
      for (const link of links) link.applyTimers()
    }
    return {
      port,
      url: `http://127.0.0.1:${port}`,
      set: (direction, ...toxics) => change(direction, toxics),
      clear: () => {
        change('up', [])
        change('down', [])
      },
      down,
      up: Effect.asVoid(listen(server, port)),
      open: () => links.size,
      accepted: () => accepted,
      passed: (direction) => rules.passed[direction],
    }
  })

const listen = (server: Server, port: number): Effect.Effect<number> =>
  Effect.callback((resume) => {
    server.listen(port, '127.0.0.1', () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

interface Link {
  readonly closed: Promise<void>
  readonly reset: () => void
  /** Toxics that act by time alone begin to count. */
  readonly applyTimers: () => void
}

const openLink = (client: Socket, server: Socket, rules: Rules, seed: readonly [seed: number, link: number]): Link => {
  const over = new AbortController()
  const gone = new Promise<void>((resolve) => over.signal.addEventListener('abort', () => resolve()))
  const sockets = [client, server]
  let timers: NodeJS.Timeout[] = []
  const close = (how: 'fin' | 'reset'): void => {
    over.abort()
    for (const timer of timers) clearTimeout(timer)
    for (const socket of sockets) {
      if (how === 'reset') socket.resetAndDestroy()
      else socket.end(() => socket.destroy())
    }
  }
  const applyTimers = (): void => {
    for (const timer of timers) clearTimeout(timer)
    timers = [...rules.toxics.up, ...rules.toxics.down].flatMap((toxic) => {
      if (toxic._tag === 'ResetPeer') return [setTimeout(close, toxic.afterMs, 'reset')]
      return toxic._tag === 'Timeout' && toxic.afterMs !== undefined ? [setTimeout(close, toxic.afterMs, 'fin')] : []
    })
  }
  const lane = (direction: Direction, source: Socket, sink: Socket): Promise<void> => {
    let n = 0
    const chance = (): number => draw(...seed, direction === 'up' ? 0 : 1, n++)
    return carry({ direction, source, sink, rules, close, over: over.signal, gone, chance })
  }
  // What happens to a socket is heard by the lane that reads it.
  for (const socket of sockets) socket.setNoDelay(true).on('error', () => undefined)
  const closed = Promise.all([
    ...sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    lane('up', client, server),
    lane('down', server, client),
  ]).then(() => over.abort())
  applyTimers()
  return { closed, reset: () => close('reset'), applyTimers }
}
