/**
 * The benchmark's upstream, a process of its own: reads a request to its end and sends prepared bytes, in the dialect of the
 * path. A stream goes out in 15 writes, `UPSTREAM_PAUSE_MS` apart; with 0 each in a later turn of the event loop.
 */
import { createServer, type ServerResponse } from 'node:http'
import { jsonAnswer, streamAnswer } from './answers.ts'
import { chatJsonAnswer, chatStreamAnswer } from './chat-answers.ts'
import { listening } from './child.ts'

const pauseMs = Number(process.env.UPSTREAM_PAUSE_MS ?? 0)

const anthropic = {
  json: jsonAnswer(),
  writes: streamAnswer(),
  headers: [
    ['request-id', 'req_011CBenchBenchBenchBench'],
    ['anthropic-ratelimit-requests-limit', '4000'],
    ['anthropic-ratelimit-requests-remaining', '3999'],
    ['anthropic-ratelimit-input-tokens-limit', '4000000'],
    ['anthropic-ratelimit-input-tokens-remaining', '3990000'],
    ['anthropic-ratelimit-output-tokens-limit', '800000'],
    ['anthropic-ratelimit-output-tokens-remaining', '799000'],
  ].flat(),
}
const chat = {
  json: chatJsonAnswer(),
  writes: chatStreamAnswer(),
  headers: [
    ['x-request-id', 'req_bench0bench0bench0bench0bench0'],
    ['openai-processing-ms', '412'],
    ['x-ratelimit-limit-requests', '4000'],
    ['x-ratelimit-remaining-requests', '3999'],
    ['x-ratelimit-reset-requests', '15ms'],
    ['x-ratelimit-limit-tokens', '4000000'],
    ['x-ratelimit-remaining-tokens', '3990000'],
    ['x-ratelimit-reset-tokens', '150ms'],
  ].flat(),
}
const jsonHead = ['content-type', 'application/json']
const streamHead = ['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache']
const NO_MODELS = '{"data":[],"has_more":false,"first_id":null,"last_id":null}'
/** Where the flag is in a request of Claude Code: in its last few bytes. */
const TAIL_BYTES = 64

const server = createServer((request, response) => {
  let last: Buffer = Buffer.alloc(0)
  request.on('data', (chunk: Buffer) => {
    last = chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([last, chunk])
  })
  request.on('end', () => {
    const { json, writes, headers } = request.url?.endsWith('/chat/completions') ? chat : anthropic
    if (request.method !== 'POST') {
      response.writeHead(200, ['content-type', 'application/json']).end(NO_MODELS)
    } else if (last.subarray(-TAIL_BYTES).includes('"stream":true')) {
      response.writeHead(200, [...streamHead, ...headers])
      writeFrom(writes, 0, response)
    } else {
      response.writeHead(200, [...jsonHead, 'content-length', String(json.length), ...headers]).end(json)
    }
  })
})
// Connections stay open for as long as the proxies keep them.
server.keepAliveTimeout = 0

const writeFrom = (writes: readonly Buffer[], index: number, response: ServerResponse): void => {
  const bytes = writes[index]
  if (bytes === undefined) {
    response.end()
    return
  }
  response.write(bytes)
  const next = (): void => writeFrom(writes, index + 1, response)
  if (pauseMs > 0) setTimeout(next, pauseMs)
  else setImmediate(next)
}

listening(server)
