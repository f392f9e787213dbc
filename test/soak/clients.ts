/**
 * Clients as a box meets them: most ask and listen to the end, some leave at every stage, read slowly, send megabytes, ask for
 * counts and lists, or send nonsense. Which one comes next is drawn from a seed.
 */
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { draw } from '#infra/simulator/draws.ts'
import { callBody } from '#test/simulator.ts'

export interface Target {
  readonly port: number
  readonly token: string
}

/** How often each way has ended how: `stream 200`, `leavesInStream left`. */
export type Outcomes = ReadonlyMap<string, number>

export interface Crowd {
  readonly outcomes: Outcomes
  /** No new requests until the returned function is called; resolves when nothing is under way. */
  readonly pause: () => Promise<() => void>
  /** No new requests; resolves when the last one is over. */
  readonly stop: () => Promise<void>
}

/** Requests over one connection before the client goes and another comes. */
const PER_CONNECTION = 8
const BIG_CHARACTERS = 1_000_000
const SLOW_MS = 1_500
const LEAVES_AFTER_MS = 30

interface Wish {
  readonly agent: Agent
  readonly to: Target
  readonly n: number
}

const json = { 'content-type': 'application/json' }

/** A conversation of its own every few requests, so that what is kept of conversations comes and goes. */
const ask = (n: number, more: object = {}): { readonly body: string; readonly headers: Record<string, string> } => ({
  body: JSON.stringify(callBody({ stream: true, ...more })),
  headers: {
    ...json,
    'x-claude-code-session-id': `session-${Math.floor(n / 5)}`,
    'x-claude-code-agent-id': `agent-${n % 7}`,
    'x-signalbox-project': `project-${Math.floor(n / 100)}`,
  },
})

interface Sending {
  readonly method?: string
  readonly path?: string
  readonly body?: string
  readonly headers?: Record<string, string>
  /** What to do with the answer; default: read it to its end. */
  readonly hear?: (answer: IncomingMessage) => void
  /** Leaves so many ms after it has sent everything. */
  readonly leavesAfterMs?: number
  /** Sends so much of the body and leaves. */
  readonly sends?: number
}

/** Resolves with the status, or `left` or `lost` when there was none, or not all of it. */
const send = ({ agent, to }: Wish, sending: Sending): Promise<string> =>
  new Promise((resolve) => {
    const { method = 'POST', path = '/v1/messages', body, headers = {}, hear, leavesAfterMs, sends } = sending
    let isLeaving = false
    const options: RequestOptions = {
      ...{ host: '127.0.0.1', port: to.port, agent, method, path },
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
    }
    const leave = (): void => {
      isLeaving = true
      outgoing.destroy()
    }
    const outgoing = request(options, (answer) => {
      answer.on('error', () => undefined)
      answer.on('close', () =>
        resolve(isLeaving ? 'left' : answer.complete ? String(answer.statusCode) : `${answer.statusCode} broken`),
      )
      if (hear === undefined) answer.resume()
      else hear(answer)
    })
    outgoing.on('error', () => resolve(isLeaving ? 'left' : 'lost'))
    if (sends === undefined) outgoing.end(body)
    else outgoing.write((body ?? '').slice(0, sends), leave)
    if (leavesAfterMs !== undefined) setTimeout(leave, leavesAfterMs)
  })

const WAYS: Readonly<Record<string, (wish: Wish) => Promise<string>>> = {
  stream: (wish) => send(wish, ask(wish.n)),
  whole: (wish) => send(wish, ask(wish.n, { stream: false })),
  big: (wish) => send(wish, ask(wish.n, { messages: [{ role: 'user', content: 'word '.repeat(BIG_CHARACTERS / 5) }] })),
  slow: (wish) =>
    send(wish, {
      ...ask(wish.n),
      hear: (answer) => {
        answer.once('data', () => {
          answer.pause()
          setTimeout(() => answer.resume(), SLOW_MS)
        })
      },
    }),
  leavesWhileSending: (wish) => send(wish, { ...ask(wish.n), sends: 40 }),
  leavesAtOnce: (wish) => send(wish, { ...ask(wish.n), leavesAfterMs: 0 }),
  leavesBeforeAnswer: (wish) => send(wish, { ...ask(wish.n), leavesAfterMs: LEAVES_AFTER_MS }),
  leavesInStream: (wish) =>
    send(wish, { ...ask(wish.n), hear: (answer) => answer.once('data', () => answer.destroy()) }).then((how) =>
      how.endsWith('broken') ? 'left' : how,
    ),
  count: (wish) => send(wish, { ...ask(wish.n), path: '/v1/messages/count_tokens' }),
  models: (wish) => send(wish, { method: 'GET', path: '/v1/models' }),
  nonsense: (wish) => send(wish, { body: '{"model":', headers: json }),
  operator: (wish) =>
    send(wish, {
      method: 'GET',
      path: OPERATOR_PATHS[wish.n % OPERATOR_PATHS.length] ?? '/health',
      headers: { authorization: `Bearer ${wish.to.token}` },
    }),
}

const OPERATOR_PATHS = [
  '/health',
  '/admin/state',
  '/admin/requests',
  '/admin/costs?by=session',
  '/admin/events?limit=500',
  '/admin/providers',
]

/** Of a hundred requests. */
const SHARES: readonly (readonly [way: string, share: number])[] = [
  ['stream', 40],
  ['whole', 12],
  ['big', 3],
  ['slow', 5],
  ['leavesWhileSending', 4],
  ['leavesAtOnce', 3],
  ['leavesBeforeAnswer', 6],
  ['leavesInStream', 8],
  ['count', 6],
  ['models', 3],
  ['nonsense', 2],
  ['operator', 8],
]

const wayOf = (chance: number): string => {
  let left = chance * 100
  for (const [way, share] of SHARES) {
    if (left < share) return way
    left -= share
  }
  return 'stream'
}

/** Starts so many clients, each of which thinks for a while between two requests. */
export const startCrowd = (to: Target, options: { readonly clients: number; readonly seed: number }): Crowd => {
  const { clients, seed } = options
  const outcomes = new Map<string, number>()
  const stopped = new AbortController()
  let pausing = Promise.resolve()
  let underWay = 0
  const live = async (client: number): Promise<void> => {
    let agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let n = 0; !stopped.signal.aborted; n++) {
      if (n % PER_CONNECTION === PER_CONNECTION - 1) {
        agent.destroy()
        agent = new Agent({ keepAlive: true, maxSockets: 1 })
      }
      await pausing
      const way = wayOf(draw(seed, client, n, 1))
      underWay += 1
      const how = await WAYS[way]?.({ agent, to, n: client * 1_000_000 + n })
      underWay -= 1
      const name = `${way} ${how}`
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
      // Up to 600 ms: some thirty requests a second of sixteen clients.
      await wait(draw(seed, client, n, 2) * 600)
    }
    agent.destroy()
  }
  const all = Promise.all(Array.from({ length: clients }, (_, client) => live(client)))
  return {
    outcomes,
    pause: async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      pausing = promise
      while (underWay > 0) await wait(50)
      return resolve
    },
    stop: async () => {
      stopped.abort()
      await all
    },
  }
}
