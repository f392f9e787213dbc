/**
 * The cheapest possible provider, for benchmarks: it reads a request to its end and sends prepared bytes, whatever was
 * asked. No script, no recording, no Effect on the way.
 */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { composeMessage } from '#infra/simulator/compose.ts'
import { messageObject } from '#infra/simulator/content.ts'
import { generousLimits, makeRateLimits } from '#infra/simulator/rate-limits.ts'
import { answer } from '#infra/simulator/script.ts'
import { streamEvents } from '#infra/simulator/stream-events.ts'

export interface StaticOptions {
  readonly mode: 'static-json' | 'static-stream'
  /** Pause between the writes of a stream, in ms; 0 = one per turn of the event loop. */
  readonly writeEveryMs: number
}

/** 60 events in 15 writes. */
export const STATIC_EVENTS = 60
const EVENTS_PER_WRITE = 4
/** message_start, block start, ping, block stop, message_delta, message_stop. */
const EVENTS_AROUND_DELTAS = 6
const CHARACTERS_PER_DELTA = 24

/** Not yet listening. */
export const makeStaticServer = (options: StaticOptions): Server => {
  const { json, writes } = prepare()
  const common = [['request-id', 'req_011CStatic'], ...makeRateLimits(generousLimits).headers(Date.now())].flat()
  const jsonHead = ['content-type', 'application/json', 'content-length', String(json.length), ...common]
  const streamHead = ['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache', ...common]

  const server = createServer({ keepAlive: true, noDelay: true }, (request, response) => {
    request.resume()
    request.on('end', () => {
      if (options.mode === 'static-json') {
        response.writeHead(200, jsonHead)
        response.end(json)
      } else {
        response.writeHead(200, streamHead)
        sendFrom(0, response)
      }
    })
  })
  server.keepAliveTimeout = 0

  const sendFrom = (index: number, response: ServerResponse): void => {
    const bytes = writes[index]
    if (response.destroyed) return
    if (bytes === undefined) {
      response.end()
      return
    }
    response.write(bytes)
    const next = (): void => sendFrom(index + 1, response)
    if (options.writeEveryMs > 0) setTimeout(next, options.writeEveryMs)
    else setImmediate(next)
  }
  return server
}

const prepare = (): { readonly json: Buffer; readonly writes: readonly Buffer[] } => {
  const length = (STATIC_EVENTS - EVENTS_AROUND_DELTAS) * CHARACTERS_PER_DELTA
  const text = 'A static simulated answer. '.repeat(length).slice(0, length)
  const message = composeMessage(answer(text), {
    blocks: [{ type: 'text', text }],
    body: { model: 'claude-opus-5-5', messages: [] },
    prompt: { inputTokens: 1_000, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 },
    seed: 1,
    requestId: 'static',
  })
  const events = streamEvents(message, { charactersPerDelta: CHARACTERS_PER_DELTA }).map(({ bytes }) => bytes)
  const writes: Buffer[] = []
  for (let i = 0; i < events.length; i += EVENTS_PER_WRITE)
    writes.push(Buffer.concat(events.slice(i, i + EVENTS_PER_WRITE)))
  return { json: Buffer.from(JSON.stringify(messageObject(message))), writes }
}
