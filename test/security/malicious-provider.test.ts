/**
 * What can a provider do that means ill, or is in somebody else's hands? It gets the prompts that it is asked; beyond that it must
 * get nothing, send the client nowhere, speak for nobody else, and take no more of the box than its share.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, vi } from '@effect/vitest'
import { Effect } from 'effect'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { type ProviderOptions, startBox } from '#test/server.ts'
import { callBody, dataOf, eventNames, startProviders } from '#test/simulator.ts'
import { type Answer, header, send } from '../e2e/http-client.ts'
import { place } from '../infra/config/place.ts'
import { httpServer, type Loopback, tcpServer, withoutProxies } from '../infra/upstream/loopback.ts'

const KEY = 'sk-canary-of-the-box-8a61f0'
const CLIENT_KEY = 'sk-ant-canary-of-the-client-77'

beforeEach(() => {
  withoutProxies()
  vi.stubEnv('EVIL_KEY', KEY)
})

const MESSAGE = JSON.stringify({
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  model: 'claude-opus-5-5',
  content: [{ type: 'text', text: 'hello' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
})

const held = (url: string, more: Partial<ProviderOptions> = {}): ProviderOptions => ({
  url,
  credential: { _tag: 'Env', name: 'EVIL_KEY', header: 'x-api-key' },
  ...more,
})

/** A box whose only provider is this one, or whose first is. */
const boxOf = (
  evil: Pick<Loopback, 'origin'>,
  more: { readonly honest?: string; readonly provider?: Partial<ProviderOptions> } = {},
) =>
  startBox({
    providers: {
      evil: held(evil.origin, more.provider),
      ...(more.honest === undefined ? {} : { honest: { url: more.honest } }),
    },
    retryBudget: { tokens: 1_000, reserve: 0 },
  })

const call = (port: number, body: object = {}, path = '/v1/messages'): Effect.Effect<Answer> =>
  send(port, {
    path,
    body: callBody(body),
    headers: [
      ['content-type', 'application/json'],
      ['x-api-key', CLIENT_KEY],
      ['cookie', 'session=canary'],
    ],
  })

/** Answers every connection with these bytes, and keeps it. */
const says = (text: string) =>
  tcpServer((socket) => {
    socket.once('data', () => socket.write(Buffer.from(text, 'latin1')))
  })

const answered = (headers: readonly string[], body = MESSAGE): string =>
  ['HTTP/1.1 200 OK', 'Content-Type: application/json', `Content-Length: ${body.length}`, ...headers, '', body].join(
    '\r\n',
  )

const failureOf = (events: readonly RecordedEvent[]) =>
  events.flatMap(({ event }) => (event._tag === 'AttemptFailed' ? [event.reason] : []))

describe('a provider that sends elsewhere', () => {
  it.live.each([301, 302, 303, 307, 308])('by %i is not followed, by the box or by the client', (status) =>
    Effect.gen(function* () {
      const elsewhere = yield* Effect.promise(() => httpServer((_request, response) => response.end(MESSAGE)))
      const evil = yield* Effect.promise(() =>
        httpServer((_request, response) =>
          response.writeHead(status, { location: `${elsewhere.origin}/v1/messages` }).end('{}'),
        ),
      )
      const box = yield* boxOf(evil)
      for (const [body, path] of [
        [{}, '/v1/messages'],
        [{ stream: true }, '/v1/messages'],
        [{}, '/v1/messages/count_tokens'],
      ] as const) {
        const answer = yield* call(box.port, body, path)
        expect(answer.status < 300 || answer.status >= 400).toBe(true)
        expect(header(answer, 'location')).toBeUndefined()
      }
      expect(evil.seen.length).toBeGreaterThan(0)
      expect(elsewhere.connections()).toBe(0)
    }),
  )

  it.live('by headers that speak for our address is not believed', () =>
    Effect.gen(function* () {
      const speaking = {
        'alt-svc': 'h3="evil.test:443"; ma=86400',
        location: 'https://evil.test/',
        refresh: '0; url=https://evil.test/',
        'set-cookie': 'session=theirs',
        'strict-transport-security': 'max-age=31536000',
        'access-control-allow-origin': '*',
        'access-control-allow-credentials': 'true',
        'clear-site-data': '"*"',
        'report-to': '{"endpoints":[{"url":"https://evil.test"}]}',
        nel: '{"report_to":"x"}',
        'x-signalbox-provider': 'honest',
        'x-signalbox-key': 'theirs',
      }
      const evil = yield* Effect.promise(() =>
        httpServer((_request, response) => {
          response.writeHead(200, { 'content-type': 'application/json', 'x-kept': 'yes', ...speaking }).end(MESSAGE)
        }),
      )
      const box = yield* boxOf(evil)
      const answer = yield* call(box.port)
      expect([answer.status, answer.body.toString()]).toEqual([200, MESSAGE])
      expect(header(answer, 'x-kept')).toBe('yes')
      expect(header(answer, 'x-signalbox-provider')).toBe('evil')
      const names = answer.headers.map(([name]) => name)
      for (const name of Object.keys(speaking)) {
        if (name !== 'x-signalbox-provider') expect(names).not.toContain(name)
      }
    }),
  )
})

describe('a provider that wants to know', () => {
  it.live('gets its own credential, and nothing of the client’s, nor of what lies between', () =>
    Effect.gen(function* () {
      const evil = yield* Effect.promise(() => httpServer((_request, response) => response.end(MESSAGE)))
      const box = yield* boxOf(evil)
      expect((yield* call(box.port)).status).toBe(200)
      const told = JSON.stringify(evil.seen[0]?.headers)
      expect(told).toContain(KEY)
      expect(told).not.toMatch(/canary-of-the-client|session=canary|x-signalbox|x-forwarded|"via"/i)
    }),
  )

  it.live('and repeats its credential in an error tells the client nothing', () =>
    Effect.gen(function* () {
      const body = `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key ${KEY}"}}`
      for (const status of [400, 401, 403, 404, 429, 500, 529]) {
        const evil = yield* Effect.promise(() =>
          httpServer((_request, response) => {
            response.writeHead(status, { 'content-type': 'application/json', 'x-debug': `key=${KEY}` })
            // In two pieces, so that no look at one of them finds it.
            response.write(body.slice(0, body.indexOf(KEY) + 9))
            setImmediate(() => response.end(body.slice(body.indexOf(KEY) + 9)))
          }),
        )
        const box = yield* boxOf(evil)
        for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
          const answer = yield* call(box.port, { stream: status === 500 }, path)
          const all = `${JSON.stringify(answer.headers)}${answer.body}`
          expect([status, path, all.includes('canary-of-the-box')]).toEqual([status, path, false])
        }
        expect(JSON.stringify(yield* box.events)).not.toContain('canary-of-the-box')
      }
    }),
  )
})

describe('a provider that is too much', () => {
  const whole = { 'content-type': 'application/json' }
  const stream = { 'content-type': 'text/event-stream' }
  /** Writes as long as anybody reads. */
  const pour = (response: ServerResponse | Socket, piece: Buffer): void => {
    const more = (): void => {
      while (!response.destroyed && response.write(piece)) {}
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  }
  const endless = (start: (response: ServerResponse) => void, piece: Buffer) =>
    Effect.promise(() =>
      httpServer((_request, response) => {
        start(response)
        pour(response, piece)
      }),
    )

  it.live.each([
    ['a header of 100 kB', answered([`X-Long: ${'a'.repeat(100_000)}`]), 'UND_ERR_HEADERS_OVERFLOW'],
    [
      'ten thousand headers',
      answered(Array.from({ length: 10_000 }, (_, n) => `X-${n}: 1`)),
      'UND_ERR_HEADERS_OVERFLOW',
    ],
  ] as const)('in %s is left for another', ([, text, code]) =>
    Effect.gen(function* () {
      const evil = yield* Effect.promise(() => says(text))
      const { honest } = yield* startProviders({ honest: {} })
      const box = yield* boxOf(evil, { honest: honest.url })
      const answer = yield* call(box.port)
      expect([answer.status, header(answer, 'x-signalbox-provider')]).toEqual([200, 'honest'])
      expect(failureOf(yield* box.events)).toEqual([{ _tag: 'Transport', code, connect: false }])
    }),
  )

  it.live.each([
    ['a whole answer without end', 'MalformedOutput', (response: ServerResponse) => response.writeHead(200, whole)],
    ['an error without end', 'ServerError', (response: ServerResponse) => response.writeHead(500, whole)],
  ] as const)('by %s is cut off, and left for another', ([, tag, start]) =>
    Effect.gen(function* () {
      const evil = yield* endless((response) => void start(response), Buffer.alloc(1024 * 1024, 0x20))
      const { honest } = yield* startProviders({ honest: {} })
      const box = yield* boxOf(evil, { honest: honest.url })
      const answer = yield* call(box.port)
      expect([answer.status, header(answer, 'x-signalbox-provider')]).toEqual([200, 'honest'])
      expect(failureOf(yield* box.events)).toMatchObject([{ _tag: tag }])
    }),
  )

  it.live('by an event without end is cut off, and takes no more than the largest event may have', () =>
    Effect.gen(function* () {
      let written = 0
      const evil = yield* endless(
        (response) => {
          response.writeHead(200, stream)
          response.write('event: message_start\ndata: {"type":"message_start","junk":"')
          response.socket?.on('drain', () => {
            written = response.socket?.bytesWritten ?? written
          })
        },
        Buffer.alloc(256 * 1024, 0x61),
      )
      const box = yield* boxOf(evil)
      const answer = yield* call(box.port, { stream: true })
      expect(answer.body.toString()).not.toContain('message_stop')
      expect(failureOf(yield* box.events)).toMatchObject([{ _tag: 'MalformedOutput' }])
      expect(written).toBeGreaterThan(1024 * 1024)
      // 20 MiB, and what the sockets hold.
      expect(written).toBeLessThan(48 * 1024 * 1024)
    }),
  )

  it.live.each([
    ['hints', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n', 'headers'],
    ['pings', 'event: ping\ndata: {"type":"ping"}\n\n', 'firstContent'],
    ['comments', ': nothing\n\n', 'firstContent'],
  ] as const)('by %s without end is given up in time', ([, piece, phase]) =>
    Effect.gen(function* () {
      const evil = yield* Effect.promise(() =>
        tcpServer((socket) => {
          socket.once('data', () => {
            if (phase === 'firstContent') socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
            const drip = setInterval(() => socket.write(piece), 20)
            socket.once('close', () => clearInterval(drip))
          })
        }),
      )
      const timeouts = { headersMs: 300, firstContentMs: 300 }
      const { honest } = yield* startProviders({ honest: {} })
      const box = yield* boxOf(evil, { honest: honest.url, provider: { timeouts } })
      const answer = yield* call(box.port, { stream: true })
      expect(header(answer, 'x-signalbox-provider')).toBe('honest')
      expect(failureOf(yield* box.events)).toEqual([{ _tag: 'Timeout', phase }])
    }),
  )

  it.live('in little, by an encoding that nobody asked for, is not inflated', () =>
    Effect.gen(function* () {
      const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024))
      const evil = yield* Effect.promise(() =>
        httpServer((_request, response) => response.writeHead(200, { ...whole, 'content-encoding': 'gzip' }).end(bomb)),
      )
      const { honest } = yield* startProviders({ honest: {} })
      const box = yield* boxOf(evil, { honest: honest.url })
      expect(header(yield* call(box.port), 'x-signalbox-provider')).toBe('honest')
      expect(failureOf(yield* box.events)).toMatchObject([{ _tag: 'MalformedOutput' }])
      expect(evil.seen[0]?.headers).toContainEqual(['accept-encoding', 'identity'])
    }),
  )
})

describe('a provider that speaks for others', () => {
  it.live('by a second answer behind the first is not heard by the next client', () =>
    Effect.gen(function* () {
      const poison = MESSAGE.replace('hello', 'POISON')
      let answers = 0
      const evil = yield* Effect.promise(() =>
        tcpServer((socket) => {
          socket.on('data', (chunk) => {
            if (!chunk.includes('POST ')) return
            answers += 1
            socket.write(answered([]) + (answers === 1 ? answered([], poison) : ''))
          })
        }),
      )
      const box = yield* boxOf(evil)
      for (let turn = 0; turn < 3; turn++) {
        const answer = yield* call(box.port)
        expect(answer.body.toString()).not.toContain('POISON')
      }
    }),
  )

  it.live.each([
    ['a line feed in a header', ['X-A: a\nX-Injected: 1']],
    ['a lone CR in a header', ['X-A: a\rX-Injected: 1']],
    ['a NUL in a header', ['X-A: a\u0000b']],
    ['a folded header', ['X-A: a\r\n X-Injected: 1']],
    ['two lengths', ['Content-Length: 2']],
    ['a length beside chunks', ['Transfer-Encoding: chunked']],
  ] as const)('by %s gets nothing of it to the client', ([, headers]) =>
    Effect.gen(function* () {
      const evil = yield* Effect.promise(() => says(answered([...headers])))
      const { honest } = yield* startProviders({ honest: {} })
      const box = yield* boxOf(evil, { honest: honest.url })
      const answer = yield* call(box.port)
      expect(answer.status).toBe(200)
      expect(header(answer, 'x-injected')).toBeUndefined()
      expect(JSON.stringify(answer.headers)).not.toContain('\\u0000')
    }),
  )

  it.live('by headers of the connection changes nothing of the client’s', () =>
    Effect.gen(function* () {
      const tricks = [
        'Connection: close, X-Kept, Content-Type',
        'X-Kept: 1',
        'Keep-Alive: timeout=9999',
        'Upgrade: h2c',
        'Trailer: X-T',
        'Proxy-Authenticate: Basic',
        'Proxy-Connection: close',
        'TE: trailers',
      ]
      const evil = yield* Effect.promise(() => says(answered(tricks)))
      const box = yield* boxOf(evil)
      const answer = yield* call(box.port)
      expect([answer.status, answer.body.toString(), answer.ending]).toEqual([200, MESSAGE, 'complete'])
      const names = answer.headers.map(([name]) => name)
      for (const name of ['x-kept', 'upgrade', 'trailer', 'proxy-authenticate', 'proxy-connection', 'te']) {
        expect(names).not.toContain(name)
      }
      expect(answer.headers.filter(([name]) => name === 'content-length')).toHaveLength(1)
    }),
  )

  it.live('by another protocol instead of an answer has failed', () =>
    Effect.gen(function* () {
      const evil = yield* Effect.promise(() =>
        says('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
      )
      const { honest } = yield* startProviders({ honest: {} })
      const box = yield* boxOf(evil, {
        honest: honest.url,
        provider: { timeouts: { headersMs: 500, progressMs: 500 } },
      })
      expect(header(yield* call(box.port), 'x-signalbox-provider')).toBe('honest')
      expect(failureOf(yield* box.events)).toHaveLength(1)
    }),
  )

  it.live('by text that looks like events makes none, where its dialect is translated', () =>
    Effect.gen(function* () {
      const forged =
        '\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\nevent: error\ndata: {"type":"error"}\n\n\r\n\r\n'
      const delta = (choice: object) =>
        `data: ${JSON.stringify({ id: `chatcmpl${forged}`, object: 'chat.completion.chunk', created: 1, model: `m${forged}`, choices: [{ index: 0, delta: {}, finish_reason: null, ...choice }] })}\n\n`
      const tool = {
        index: 0,
        id: `call${forged}`,
        type: 'function',
        function: { name: `f${forged}`, arguments: '{"a":1}' },
      }
      const text = [
        delta({ delta: { role: 'assistant', content: `before${forged}after` } }),
        delta({ delta: { tool_calls: [tool] } }),
        delta({ finish_reason: 'tool_calls' }),
        'data: [DONE]\n\n',
      ].join('')
      const evil = yield* Effect.promise(() =>
        httpServer((_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text)),
      )
      const here = place({
        'signalbox.yaml': `providers: { evil: { kind: openai-compatible, baseUrl: '${evil.origin}/v1', credential: none, models: { '*': m } } }`,
      })
      const box = yield* startBox({ config: here.good() })
      const answer = yield* call(box.port, {
        stream: true,
        tools: [{ name: 'f', description: 'x', input_schema: { type: 'object' } }],
      })
      const body = answer.body.toString()
      const names = eventNames(body)
      expect(names.filter((name) => name === 'message_stop')).toHaveLength(1)
      expect(names.at(-1)).toBe('message_stop')
      expect(names).not.toContain('error')
      // Each frame is an event line and a data line that is whole JSON.
      expect(dataOf(body)).toHaveLength(names.length)
      expect(JSON.stringify(dataOf(body))).toContain('before')
    }),
  )
})
