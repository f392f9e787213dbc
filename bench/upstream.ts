/**
 * The benchmark's upstream, a process of its own: reads a request to its end and sends prepared bytes. A stream goes out in
 * 15 writes, `UPSTREAM_PAUSE_MS` apart; with 0 each in a later turn of the event loop.
 */
import { createServer, type ServerResponse } from 'node:http'
import { jsonAnswer, streamAnswer } from './answers.ts'
import { listening } from './child.ts'

const json = jsonAnswer()
const writes = streamAnswer()
const pauseMs = Number(process.env.UPSTREAM_PAUSE_MS ?? 0)

const common = [
  ['request-id', 'req_011CBenchBenchBenchBench'],
  ['anthropic-ratelimit-requests-limit', '4000'],
  ['anthropic-ratelimit-requests-remaining', '3999'],
  ['anthropic-ratelimit-input-tokens-limit', '4000000'],
  ['anthropic-ratelimit-input-tokens-remaining', '3990000'],
  ['anthropic-ratelimit-output-tokens-limit', '800000'],
  ['anthropic-ratelimit-output-tokens-remaining', '799000'],
].flat()
const jsonHead = ['content-type', 'application/json', 'content-length', String(json.length), ...common]
const streamHead = ['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache', ...common]
const NO_MODELS = '{"data":[],"has_more":false,"first_id":null,"last_id":null}'
/** Where the flag is in a request of Claude Code: in its last few bytes. */
const TAIL_BYTES = 64

const server = createServer((request, response) => {
  let last: Buffer = Buffer.alloc(0)
  request.on('data', (chunk: Buffer) => {
    last = chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([last, chunk])
  })
  request.on('end', () => {
    if (request.method !== 'POST') {
      response.writeHead(200, ['content-type', 'application/json']).end(NO_MODELS)
    } else if (last.subarray(-TAIL_BYTES).includes('"stream":true')) {
      response.writeHead(200, streamHead)
      writeFrom(0, response)
    } else {
      response.writeHead(200, jsonHead).end(json)
    }
  })
})
// Connections stay open for as long as the proxies keep them.
server.keepAliveTimeout = 0

const writeFrom = (index: number, response: ServerResponse): void => {
  const bytes = writes[index]
  if (bytes === undefined) {
    response.end()
    return
  }
  response.write(bytes)
  const next = (): void => writeFrom(index + 1, response)
  if (pauseMs > 0) setTimeout(next, pauseMs)
  else setImmediate(next)
}

listening(server)
