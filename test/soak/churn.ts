/**
 * Clients that come and go: each opens a connection, asks a few times, reads fast, slowly or not at all, and leaves, often in the
 * middle of an answer. What they do follows from a seed.
 */
import { Agent, type ClientRequest, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { draw } from '#infra/simulator/draws.ts'
import { callBody } from '#test/simulator.ts'

export interface Churn {
  readonly counts: {
    readonly asked: number
    readonly whole: number
    readonly left: number
    readonly wrong: readonly string[]
  }
  /** No new requests; resolves when the last client is gone. */
  readonly stop: () => Promise<void>
}

export const startChurn = (port: number, clients: number, seed: number): Churn => {
  const counts = { asked: 0, whole: 0, left: 0, wrong: [] as string[] }
  let stopped = false
  const client = async (number: number): Promise<void> => {
    for (let life = 0; !stopped; life++) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const requests = 1 + Math.floor(draw(seed, number, life, 0) * 4)
      for (let n = 0; n < requests && !stopped; n++)
        await ask(port, agent, (purpose) => draw(seed, number, life, n, purpose), counts)
      agent.destroy()
    }
  }
  const all = Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  return {
    counts,
    stop: async () => {
      stopped = true
      await all
    },
  }
}

interface Counts {
  asked: number
  whole: number
  left: number
  wrong: string[]
}

const PATHS = ['/readyz', '/metrics', '/v1/models', '/health']

const ask = (port: number, agent: Agent, chance: (purpose: number) => number, counts: Counts): Promise<void> =>
  new Promise((resolve) => {
    counts.asked++
    const isCall = chance(1) < 0.9
    const stream = chance(2) < 0.7
    const leavesAfter = chance(3) < 0.2 ? Math.floor(chance(4) * 3_000) : Number.POSITIVE_INFINITY
    const isSlow = chance(5) < 0.1
    const body = isCall
      ? JSON.stringify(callBody({ stream, system: 'x'.repeat(Math.floor(chance(6) * 20_000)) }))
      : undefined
    const sent: ClientRequest = request(
      {
        host: '127.0.0.1',
        port,
        agent,
        method: isCall ? 'POST' : 'GET',
        path: isCall ? '/v1/messages' : (PATHS[Math.floor(chance(7) * PATHS.length)] ?? '/'),
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }),
      },
      (response) => {
        let bytes = 0
        let tail = ''
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          tail = (tail + chunk.toString('latin1')).slice(-200)
          if (bytes > leavesAfter) {
            counts.left++
            sent.destroy()
          } else if (isSlow) {
            response.pause()
            sleep(10).then(() => response.resume())
          }
        })
        response.on('error', () => undefined)
        response.on('close', () => {
          const clean = response.complete
          const ended = !isCall || !stream || response.statusCode !== 200 || /event: (message_stop|error)\n/.test(tail)
          if (clean && ended) counts.whole++
          else if (clean) counts.wrong.push(`a clean end without message_stop: ${tail}`)
          resolve()
        })
      },
    )
    if (chance(8) < 0.03) sleep(Math.floor(chance(9) * 50)).then(() => sent.destroy())
    sent.on('error', () => resolve())
    sent.end(body)
  })
