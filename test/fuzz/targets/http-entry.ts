/**
 * Raw bytes to a real server: any answer or none, but an end; no request of ours dies of a bug, and no provider hears of a request
 * that nobody has written.
 */
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Effect, Exit, Scope } from 'effect'
import { ADMIN_TOKEN, patient, startBox } from '#test/server.ts'
import { callBody } from '#test/simulator.ts'
import { JSON_WORDS, message } from '../corpus.ts'
import { chunked, mutate } from '../mutate.ts'
import { firstOf, type Target } from '../target.ts'

const body = JSON.stringify(callBody())
const post = (path: string, headers: readonly string[], text: string): string =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    'Connection: close',
    ...headers,
    '',
    text,
  ].join('\r\n')

const SEEDS = [
  post('/v1/messages', [`Content-Length: ${body.length}`], body),
  post('/v1/messages?beta=true', ['Transfer-Encoding: chunked'], `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`),
  post('/v1/messages/count_tokens', [`Content-Length: ${body.length}`], body),
  post('/admin/route', [`Authorization: Bearer ${ADMIN_TOKEN}`, `Content-Length: ${body.length}`], body),
  ...[
    '/',
    '/v1/models',
    '/health',
    '/metrics',
    '/readyz',
    '/api/hello',
    '/admin/events?limit=5',
    '/admin/state?at=1',
  ].map(
    (path) =>
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`,
  ),
].map((text) => Buffer.from(text))

const HTTP_WORDS = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    ' ',
    '\t',
    '\u0000',
    ':',
    '%',
    '%00',
    '%2e%2e/',
    '..//',
    '?',
    '#',
    'é',
    'x'.repeat(40_000),
  ],
  ...[
    'GET ',
    'POST ',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'HEAD ',
    'CONNECT ',
    'HTTP/1.0',
    'HTTP/9.9',
    'http://evil.example/',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: -1\r\n',
    'Content-Length: 9999999999\r\n',
    'Transfer-Encoding: chunked\r\n',
  ],
  ...[
    'Transfer-Encoding: identity\r\n',
    'Host: evil.example\r\n',
    'Expect: 100-continue\r\n',
    'Upgrade: h2c\r\n',
    '0\r\n\r\n',
  ],
  ...[
    'Connection: close\r\n',
    'Content-Encoding: gzip\r\n',
    'Content-Type: text/plain\r\n',
    'ffffffffff\r\n',
    ' folded\r\n',
  ],
  ...[
    'x-signalbox-strategy: cost\r\n',
    'traceparent: 00-\r\n',
    'authorization: Bearer x\r\n',
    'sec-fetch-site: cross-site\r\n',
  ],
  ...JSON_WORDS,
]
/** Longer than any case of honest length takes. */
const MOST_MS = 5_000
/** After so long in silence the client has no more to say: what the server waits for will not come. */
const QUIET_MS = 25

export const httpTarget: Target = {
  name: 'http-entry',
  share: 1,
  open: async () => {
    let asked = 0
    const upstream = createServer((request, response) => {
      if (request.method === 'POST') asked++
      request.resume().on('end', () => {
        response.writeHead(200, ['content-type', 'application/json']).end(JSON.stringify(message))
      })
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const { port: upstreamPort } = upstream.address() as AddressInfo
    const scope = await Effect.runPromise(Scope.make())
    const url = `http://127.0.0.1:${upstreamPort}`
    const box = await startBox({
      providers: { p: { url, breaker: patient.breaker } },
      retryBudget: patient.retryBudget,
      admin: {},
    }).pipe(Effect.provideService(Scope.Scope, scope), Effect.runPromise)
    return {
      run: async (draws) => {
        const bytes = mutate(draws, draws.pick(SEEDS), HTTP_WORDS, SEEDS)
        const before = asked
        const answer = await speak(box.port, draws.chance(0.3) ? chunked(draws, bytes) : [bytes])
        const written = bytes.toString('latin1').split('/v1/messages').length - 1
        return firstOf(
          [answer === undefined, `no end within ${MOST_MS} ms`],
          [
            answer !== undefined && answer !== '' && !/^HTTP\/1\.1 \d{3} /.test(answer),
            `answered ${answer?.slice(0, 200)}`,
          ],
          [/^HTTP\/1\.1 500 /m.test(answer ?? ''), `a bug: ${answer?.slice(0, 400)}`],
          [asked - before > written, `${asked - before} requests to the provider, ${written} written`],
        )
      },
      close: async () => {
        // After all this it serves as before.
        const fine = await speak(box.port, [SEEDS[0] as Buffer], MOST_MS)
        await Effect.runPromise(Scope.close(scope, Exit.void))
        upstream.closeAllConnections()
        upstream.close()
        if (!fine?.startsWith('HTTP/1.1 200 ')) throw new Error(`in the end it answers ${fine?.slice(0, 200)}`)
      },
    }
  },
}

/** Everything that came until the connection was over; nothing when it never was. */
const speak = (port: number, chunks: readonly Uint8Array[], quietMs = QUIET_MS): Promise<string | undefined> =>
  new Promise((resolve) => {
    const heard: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const limit = setTimeout(() => {
      resolve(undefined)
      socket.destroy()
    }, MOST_MS)
    let quiet = setTimeout(() => socket.end(), quietMs)
    socket.on('data', (chunk) => {
      heard.push(chunk)
      clearTimeout(quiet)
      quiet = setTimeout(() => socket.end(), quietMs)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(limit)
      clearTimeout(quiet)
      resolve(Buffer.concat(heard).toString('latin1'))
    })
    for (const chunk of chunks) socket.write(chunk)
  })
