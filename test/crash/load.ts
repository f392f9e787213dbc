/**
 * Clients on keep-alive connections that ask and ask until they are told to stop, and remember how each answer ended.
 */
import * as http from 'node:http'
import * as https from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'
import { draw } from '#infra/simulator/draws.ts'
import { callBody } from '#test/simulator.ts'

/** One answer that has begun. Requests that got no response line are not among them: nobody was promised anything. */
export interface HeardAnswer {
  readonly requestId: string
  readonly status: number
  /** The HTTP message came to its end, and, if it is a stream, to its message_stop. */
  readonly complete: boolean
  readonly stream: boolean
}

const LOST_SERVER_MS = 100

export interface Load {
  readonly answers: readonly HeardAnswer[]
  /** No new requests; resolves when the last answer has ended, one way or another. */
  readonly stop: () => Promise<void>
  /** Resolves with the n-th answer that was complete, or when the load has been stopped. */
  readonly complete: (n: number) => Promise<void>
}

/**
 * `persistent`: a client that loses its server asks again a moment later; else it ends. `key`: every second client has it. `authority`:
 * PEM; they ask over TLS. Each is a session of its own.
 */
export const startLoad = (
  port: number,
  connections: number,
  seed: number,
  {
    persistent = false,
    pauseMs = 0,
    key,
    authority,
  }: {
    readonly persistent?: boolean
    readonly pauseMs?: number
    readonly key?: string | undefined
    readonly authority?: string
  } = {},
): Load => {
  const answers: HeardAnswer[] = []
  const waiting = new Set<() => void>()
  let stopped = false

  const tell = () => {
    for (const look of waiting) look()
  }
  const client = async (connection: number): Promise<void> => {
    const kept = { keepAlive: true, maxSockets: 1 }
    const agent = authority === undefined ? new http.Agent(kept) : new https.Agent({ ...kept, ca: authority })
    const headers = {
      ...{ 'x-claude-code-session-id': `session-${connection}`, 'x-signalbox-project': `project-${connection % 3}` },
      ...(key === undefined || connection % 2 === 0 ? {} : { 'x-signalbox-key': key }),
    }
    for (let n = 0; !stopped; n++) {
      const answer = await ask(port, agent, draw(seed, connection, n) < 0.7, headers)
      if (answer === undefined && !persistent) break
      if (answer !== undefined) answers.push(answer)
      tell()
      const waitMs = answer === undefined ? LOST_SERVER_MS : pauseMs
      if (waitMs > 0) await wait(waitMs)
    }
    agent.destroy()
  }
  const clients = Promise.all(Array.from({ length: connections }, (_, connection) => client(connection)))

  return {
    answers,
    stop: async () => {
      stopped = true
      tell()
      await clients
    },
    complete: (n) =>
      new Promise((resolve) => {
        const look = () => {
          if (!stopped && answers.filter(({ complete }) => complete).length < n) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}

/** Undefined when the server is gone. */
const ask = (
  port: number,
  agent: http.Agent,
  stream: boolean,
  more: Readonly<Record<string, string>>,
): Promise<HeardAnswer | undefined> =>
  new Promise((resolve) => {
    const body = JSON.stringify(callBody({ stream }))
    const sent = (agent instanceof https.Agent ? https : http).request(
      {
        host: '127.0.0.1',
        port,
        agent,
        method: 'POST',
        path: '/v1/messages',
        headers: { ...more, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', () => undefined)
        response.on('close', () => {
          const text = Buffer.concat(chunks).toString()
          const status = response.statusCode ?? 0
          resolve({
            requestId: String(response.headers['x-signalbox-request-id']),
            status,
            complete:
              response.complete && (!stream || status !== 200 || /event: message_stop\ndata: [^\n]+\n\n$/.test(text)),
            stream,
          })
        })
      },
    )
    sent.on('error', () => resolve(undefined))
    sent.end(body)
  })
