/**
 * The upstream of the section `large`, a process of its own. A small request gets a stream without end, whose chunks each
 * say when they were written; a large one the usual answer, all at once. Requests with the beta value `REFUSED_BETA` are
 * refused, as a provider refuses what it does not know.
 */
import { createServer, type ServerResponse } from 'node:http'
import { setInterval } from 'node:timers'
import { streamAnswer } from './answers.ts'
import { chatStreamAnswer } from './chat-answers.ts'
import { listening } from './child.ts'

const TICK_MS = 2
const LARGE_BYTES = 1_000_000
const refused = process.env.REFUSED_BETA

const anthropic = {
  answer: Buffer.concat(streamAnswer()),
  prelude:
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01BenchBenchBenchBenchBench","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"output_tokens":1}}}\n\n' +
    'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
  tick: (text: string): string =>
    `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${text}"}}\n\n`,
}
const chunk = (delta: string): string =>
  `data: {"id":"chatcmpl-Bench","object":"chat.completion.chunk","created":1795000000,"model":"bench-model","choices":[{"index":0,"delta":${delta},"finish_reason":null}]}\n\n`
const chat = {
  answer: Buffer.concat(chatStreamAnswer()),
  prelude: chunk('{"role":"assistant","content":""}'),
  tick: (text: string): string => chunk(`{"content":"${text}"}`),
}

/** The monotonic clock that all processes of the machine share, µs. */
const now = (): string => String(process.hrtime.bigint() / 1_000n)

const tick = (response: ServerResponse, { prelude, tick }: typeof anthropic): void => {
  response.write(prelude)
  const timer = setInterval(() => response.write(tick(now())), TICK_MS)
  response.on('close', () => clearInterval(timer))
}

const REFUSAL = JSON.stringify({
  type: 'error',
  error: {
    type: 'invalid_request_error',
    message: `Unexpected value(s) \`${refused}\` for the \`anthropic-beta\` header`,
  },
})

const server = createServer((request, response) => {
  let size = 0
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
  })
  request.on('end', () => {
    const dialect = request.url?.endsWith('/chat/completions') ? chat : anthropic
    if (request.method !== 'POST') {
      response.writeHead(200, ['content-type', 'application/json']).end('{"data":[],"has_more":false}')
    } else if (refused !== undefined && String(request.headers['anthropic-beta']).includes(refused)) {
      response.writeHead(400, ['content-type', 'application/json']).end(REFUSAL)
    } else {
      response.writeHead(200, ['content-type', 'text/event-stream; charset=utf-8'])
      if (size > LARGE_BYTES) response.end(dialect.answer)
      else tick(response, dialect)
    }
  })
})
server.keepAliveTimeout = 0

listening(server)
