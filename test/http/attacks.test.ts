/**
 * What a hostile client may write into a connection, byte by byte: requests that two parsers would cut in different places, hosts
 * that are not ours, and everything that is too long, too slow or too much. None reaches a handler or a provider, and the box
 * serves on.
 */
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { type RawAnswer, type RawOptions, rawHttp } from '#test/raw-http.ts'
import { ADMIN_TOKEN, type BoxOptions, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'

const BODY = JSON.stringify(callBody())
const JSON_TYPE = 'Content-Type: application/json'
const POST = 'POST /v1/messages HTTP/1.1\r\nHost: localhost'
/** A good request, as it would be smuggled behind another. */
const GOOD = `${POST}\r\n${JSON_TYPE}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`

const setUp = (server: BoxOptions['server'] = {}) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: {} })
    const box = yield* startBox({ admin: {}, providers: { sim: { url: sim.url } }, server })
    const raw = (...pieces: readonly (string | Uint8Array)[]) => rawTo(box.port, { pieces })
    /** It is well, and serves whoever asks properly. */
    const serves = Effect.gen(function* () {
      const before = sim.requests.length
      const answer = yield* rawTo(box.port, { pieces: [GOOD], enough: isWhole })
      expect(answer.status).toBe(200)
      expect(sim.requests.length).toBe(before + 1)
    })
    return { sim, box, raw, serves }
  })

const rawTo = (port: number, options: Omit<RawOptions, 'port'>): Effect.Effect<RawAnswer> =>
  Effect.promise(() => rawHttp({ port, ...options }))

/** An answer with a length has come to its end. */
const isWhole = (text: string): boolean => {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  return length !== undefined && rest.join('\r\n\r\n').length >= Number(length)
}

describe('a request that can be cut in two ways', () => {
  const chunked = `0\r\n\r\n${GOOD}`
  it.live.each([
    ['a length beside chunks', `Content-Length: ${chunked.length}\r\nTransfer-Encoding: chunked`, chunked],
    ['chunks beside a length', `Transfer-Encoding: chunked\r\nContent-Length: ${chunked.length}`, chunked],
    ['two lengths', `Content-Length: 2\r\nContent-Length: ${BODY.length}`, BODY],
    ['a list of lengths', 'Content-Length: 2, 2', '{}'],
    ['a length with a sign', 'Content-Length: +2', '{}'],
    ['a length below nothing', 'Content-Length: -1', '{}'],
    ['a length in hexadecimal', 'Content-Length: 0x2', '{}'],
    ['a length that no number holds', `Content-Length: ${'9'.repeat(30)}`, '{}'],
    ['chunks that are undone', 'Transfer-Encoding: chunked, identity', chunked],
    ['an encoding that nobody knows', 'Transfer-Encoding: xchunked', chunked],
    ['chunks by a name with a blank', `Transfer-Encoding : chunked\r\nContent-Length: 2`, chunked],
    ['chunks behind a blank', `X: 1\r\n Transfer-Encoding: chunked`, chunked],
    ['chunks behind a vertical tab', 'Transfer-Encoding: \u000bchunked', chunked],
    ['chunks by a folded line', 'Transfer-Encoding:\r\n chunked', chunked],
    ['a folded header', `X-Folded: a\r\n b\r\nContent-Length: ${BODY.length}`, BODY],
    ['a header line without a colon', `nothing\r\nContent-Length: ${BODY.length}`, BODY],
    ['a header without a name', `: x\r\nContent-Length: ${BODY.length}`, BODY],
    ['a NUL in a header', `X-A: a\u0000b\r\nContent-Length: ${BODY.length}`, BODY],
    ['a lone CR in a header', `X-A: a\rX-B: b\r\nContent-Length: ${BODY.length}`, BODY],
    ['a chunk of a size that no number holds', 'Transfer-Encoding: chunked', `${'F'.repeat(17)}\r\n${BODY}`],
    ['a chunk of a size below nothing', 'Transfer-Encoding: chunked', `-1\r\n${BODY}`],
    ['a chunk of a size in words', 'Transfer-Encoding: chunked', `0x2\r\n{}\r\n0\r\n\r\n`],
    ['a chunk that ends elsewhere', 'Transfer-Encoding: chunked', `1\r\n{}\r\n0\r\n\r\n`],
  ] as const)('by %s is refused, and so is what comes behind', ([, headers, body]) =>
    Effect.gen(function* () {
      const { sim, raw, serves } = yield* setUp()
      const answer = yield* raw(`${POST}\r\n${JSON_TYPE}\r\n${headers}\r\n\r\n${body}`, GOOD)
      expect(answer.statuses).toEqual([400])
      expect(answer.end).not.toBe('open')
      expect(sim.requests).toEqual([])
      yield* serves
    }),
  )

  it.live('by line feeds alone is refused', () =>
    Effect.gen(function* () {
      const { sim, raw } = yield* setUp()
      const lines = `${POST}\r\n${JSON_TYPE}\r\nContent-Length: ${BODY.length}\r\n\r\n`.replaceAll('\r\n', '\n')
      expect((yield* raw(`${lines}${BODY}`, GOOD)).statuses).toEqual([400])
      const chunks = `${POST}\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`
      expect((yield* raw(chunks, GOOD)).statuses).toEqual([400])
      expect(sim.requests).toEqual([])
    }),
  )
})

describe('what is no request', () => {
  it.live.each([
    ['of HTTP/0.9', 'GET /\r\n\r\n'],
    ['of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['of a version that there is not', 'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n'],
    ['of another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['of RTSP', 'DESCRIBE rtsp://localhost/ RTSP/1.0\r\n\r\n'],
    ['of TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n'],
    ['of nothing', '\u0000\u0000\u0000\u0000'],
    ['of a method that there is not', 'BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['without a host', 'GET / HTTP/1.1\r\n\r\n'],
    ['with a blank in its target', 'GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ] as const)('%s gets 400 and is left', ([, text]) =>
    Effect.gen(function* () {
      const { raw, serves } = yield* setUp()
      const answer = yield* raw(Buffer.from(text, 'latin1'))
      expect(answer.statuses).toEqual([400])
      expect(answer.end).not.toBe('open')
      yield* serves
    }),
  )

  it.live('but a tunnel is left without a word', () =>
    Effect.gen(function* () {
      const { raw, serves } = yield* setUp()
      const answer = yield* raw('CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: localhost\r\n\r\n')
      expect([answer.text, answer.end]).toEqual(['', 'closed'])
      yield* serves
    }),
  )

  it.live('but an upgrade is a plain request', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp()
      for (const protocol of ['websocket', 'h2c']) {
        const head = `GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`
        const answer = yield* rawTo(box.port, { pieces: [head], enough: isWhole })
        expect(answer.statuses).toEqual([200])
      }
    }),
  )
})

describe('a request for somebody else', () => {
  const PATHS = [
    '/',
    '/assets/index.js',
    '/api/hello',
    '/livez',
    '/readyz',
    '/health',
    '/metrics',
    '/v1/models',
    '/v1/messages',
    '/v1/messages/count_tokens',
    '/admin/stats',
    '/admin/docs',
    '/admin/openapi.json',
    '/admin/events/live',
    '/nothing',
    '//evil.test/',
    '/../etc/passwd',
  ]
  const HEADS: readonly (readonly [string, (path: string) => string])[] = [
    ['by a foreign Host', (path) => `${path} HTTP/1.1\r\nHost: evil.test`],
    ['by a Host that begins like ours', (path) => `${path} HTTP/1.1\r\nHost: localhost.evil.test`],
    ['by a Host with a user', (path) => `${path} HTTP/1.1\r\nHost: localhost@evil.test`],
    ['by an empty Host', (path) => `${path} HTTP/1.1\r\nHost:`],
    ['by the address that means all', (path) => `${path} HTTP/1.1\r\nHost: 0.0.0.0`],
    ['by two Hosts', (path) => `${path} HTTP/1.1\r\nHost: localhost\r\nHost: evil.test`],
    ['by two good Hosts', (path) => `${path} HTTP/1.1\r\nHost: localhost\r\nHost: localhost`],
    ['by a whole URL', (path) => `http://evil.test${path} HTTP/1.1\r\nHost: localhost`],
    ['by a whole URL of ours', (path) => `http://localhost${path} HTTP/1.1\r\nHost: localhost`],
    ['by no Host, in HTTP/1.0', (path) => `${path} HTTP/1.0`],
    ['by a foreign Host, in HTTP/1.0', (path) => `${path} HTTP/1.0\r\nHost: evil.test`],
  ]

  it.live.each(HEADS)('%s is refused on every path, by every method, with the token', ([, headOf]) =>
    Effect.gen(function* () {
      const { sim, box, raw } = yield* setUp()
      const before = (yield* box.events).length
      for (const path of PATHS) {
        for (const method of ['GET', 'POST', 'OPTIONS']) {
          const rest = `Authorization: Bearer ${ADMIN_TOKEN}\r\nConnection: close\r\n${JSON_TYPE}\r\nContent-Length: 2\r\n\r\n{}`
          const answer = yield* raw(`${method} ${headOf(path)}\r\n${rest}`)
          expect([method, path, answer.status]).toEqual([method, path, answer.status === 403 ? 403 : 400])
          expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
        }
      }
      expect(sim.requests).toEqual([])
      expect((yield* box.events).length).toBe(before)
    }),
  )
})

describe('too much', () => {
  it.live('in headers gets 431', () =>
    Effect.gen(function* () {
      const { raw, serves } = yield* setUp()
      const one = yield* raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'a'.repeat(33 * 1024)}\r\n\r\n`)
      const many = yield* raw(`GET / HTTP/1.1\r\nHost: localhost\r\n${'X-Short: 1\r\n'.repeat(4_000)}\r\n`)
      const path = yield* raw(`GET /${'a'.repeat(33 * 1024)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      expect([one.status, many.status, path.status]).toEqual([431, 431, 431])
      yield* serves
    }),
  )

  it.live('in headers is more than what Claude Code sends with many betas', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp()
      const head = `GET /livez HTTP/1.1\r\nHost: localhost\r\nAnthropic-Beta: ${'a'.repeat(24 * 1024)}\r\n\r\n`
      expect((yield* rawTo(box.port, { pieces: [head], enough: isWhole })).status).toBe(200)
    }),
  )

  it.live('in the extensions of chunks gets 413', () =>
    Effect.gen(function* () {
      const { sim, raw, serves } = yield* setUp()
      const flood = `${POST}\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n2${';a=b'.repeat(20_000)}\r\n{}\r\n`
      const answer = yield* raw(flood, '0\r\n\r\n', GOOD)
      expect(answer.statuses).toEqual([413])
      expect(sim.requests).toEqual([])
      yield* serves
    }),
  )

  it.live('in trailers is refused', () =>
    Effect.gen(function* () {
      const { sim, raw, serves } = yield* setUp()
      const head = `${POST}\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n`
      const answer = yield* raw(head, `X-Trailer: ${'a'.repeat(33 * 1024)}\r\n\r\n`)
      expect([400, 431]).toContain(answer.status)
      expect(sim.requests).toEqual([])
      yield* serves
    }),
  )

  it.live('by a length that is announced gets 413 before the body comes', () =>
    Effect.gen(function* () {
      const { box, serves } = yield* setUp({ bodyLimit: 1_000 })
      for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
        const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}\r\nContent-Length: 99999999999\r\n\r\n`
        const answer = yield* rawTo(box.port, { pieces: [head], enough: isWhole })
        expect(answer.status).toBe(413)
      }
      yield* serves
    }),
  )

  it.live('in a body without a length gets 413 when it is too much', () =>
    Effect.gen(function* () {
      const { box, sim } = yield* setUp({ bodyLimit: 10_000 })
      const chunk = `400\r\n${'a'.repeat(1_024)}\r\n`
      const head = `${POST}\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n`
      const answer = yield* rawTo(box.port, {
        pieces: [head, ...Array.from({ length: 40 }, () => chunk)],
        enough: isWhole,
      })
      expect(answer.status).toBe(413)
      expect(sim.requests).toEqual([])
    }),
  )

  it.live('for an admin endpoint gets 413 by its length; where that is not told, a stranger is not listened to', () =>
    Effect.gen(function* () {
      const { box, serves } = yield* setUp({ bodyLimit: 10_000 })
      const ask = (token: string, how: string, ...body: readonly string[]) => {
        const head = `PUT /admin/routing HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}\r\nAuthorization: Bearer ${token}`
        return rawTo(box.port, { pieces: [`${head}\r\n${how}\r\n\r\n`, ...body], enough: isWhole })
      }
      const endless = 'Content-Length: 99999999999'
      for (const token of ['wrong', ADMIN_TOKEN]) expect((yield* ask(token, endless)).status).toBe(413)
      const chunks = Array.from({ length: 40 }, () => `400\r\n${' '.repeat(1_024)}\r\n`)
      expect((yield* ask('wrong', 'Transfer-Encoding: chunked', ...chunks)).status).toBe(401)
      expect((yield* ask(ADMIN_TOKEN, 'Transfer-Encoding: chunked', ...chunks)).status).toBe(400)
      yield* serves
    }),
  )

  it.live('behind little, in gzip, is refused without a look into it', () =>
    Effect.gen(function* () {
      const { box, sim, serves } = yield* setUp()
      const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
      const head = `${POST}\r\n${JSON_TYPE}\r\nContent-Length: ${bomb.length}\r\nContent-Encoding: `
      yield* serves
      for (const encoding of ['gzip', 'GZIP', 'br', 'zstd', 'deflate', 'identity, gzip']) {
        const costs: number[] = []
        for (let turn = 0; turn < 3; turn++) {
          const before = process.cpuUsage()
          const answer = yield* rawTo(box.port, { pieces: [`${head}${encoding}\r\n\r\n`, bomb], enough: isWhole })
          const { user, system } = process.cpuUsage(before)
          costs.push(user + system)
          expect([encoding, answer.status]).toEqual([encoding, 415])
        }
        // R50: at most 50 ms; inflating those 64 MiB takes more. The least is what it costs, the rest is the collector's.
        expect(Math.min(...costs)).toBeLessThan(50_000)
      }
      expect(sim.requests).toHaveLength(1)
      yield* serves
    }),
  )

  it.live('in depth is an answer like any other', () =>
    Effect.gen(function* () {
      const { box, serves } = yield* setUp()
      for (const deep of ['['.repeat(1_000_000), `{"model":"m","messages":${'[{"a":'.repeat(200_000)}`]) {
        const head = `${POST}\r\n${JSON_TYPE}\r\nContent-Length: ${deep.length}\r\n\r\n`
        expect((yield* rawTo(box.port, { pieces: [head, deep], enough: isWhole })).status).toBe(400)
      }
      yield* serves
    }),
  )

  it.live('at once on one connection is answered in order', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp()
      const many = 500
      const one = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'
      const last = 'GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
      const answer = yield* rawTo(box.port, { pieces: [one.repeat(many), last] })
      expect(answer.statuses).toEqual([...Array.from({ length: many }, () => 200), 404])
    }),
  )

  it.live('in connections gets 429; when one ends, the next is served', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp({ maxConnectionsPerAddress: 4 })
      const sockets: Socket[] = []
      // Answered once, so that the box has counted it, and kept open.
      const pieces = ['GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n']
      for (let turn = 0; turn < 4; turn++) {
        yield* Effect.callback<void>((resume) => {
          const onSocket = (socket: Socket) => {
            sockets.push(socket)
            socket.once('data', () => resume(Effect.void))
          }
          void rawHttp({ port: box.port, pieces, onSocket })
        })
      }
      const asked = () => rawHttp({ port: box.port, pieces: [GOOD], enough: isWhole })
      yield* Effect.promise(() => asked().then(({ status }) => expect(status).toBe(429)))
      for (const socket of sockets) socket.destroy()
      yield* Effect.promise(() => expect.poll(async () => (await asked()).status).toBe(200))
    }),
  )
})

describe('too slow', () => {
  /** One byte after the other, for as long as somebody listens. */
  const drip = async function* (head: string, byte: string) {
    yield head
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      yield byte
    }
  }

  it.live.each([
    ['in its headers', 'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ', 'a'],
    ['in its body', `${POST}\r\n${JSON_TYPE}\r\nContent-Length: 100000\r\n\r\n`, 'a'],
    ['in its chunks', `${POST}\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n`, '1\r\na\r\n'],
  ] as const)('%s gets 408 and is left, however steadily it drips', ([, head, byte]) =>
    Effect.gen(function* () {
      const { sim, box, serves } = yield* setUp({ requestTimeoutMs: 500 })
      const answer = yield* rawTo(box.port, { pieces: drip(head, byte) })
      expect(answer.status).toBe(408)
      expect(answer.end).not.toBe('open')
      expect(sim.requests).toEqual([])
      expect(box.server.active()).toBe(0)
      yield* serves
    }),
  )
})
