import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { beforeEach, describe, expect, it, onTestFinished, vi } from '@effect/vitest'
import { makeAuthority } from './certificates.ts'
import { httpServer, listener, messages, tcpServer, transportTo, upstreamAt } from './loopback.ts'

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']

beforeEach(() => {
  for (const name of PROXY_VARIABLES) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toLowerCase(), undefined)
  }
  return () => vi.unstubAllEnvs()
})

const call = (origin: string, via = {}) => {
  const heard = listener()
  const exchange = upstreamAt(origin, { via }).open(messages(), heard)
  return { heard, exchange }
}

/** Resolves when the socket is gone, however it went. */
const gone = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

/** A CA file that lives as long as the test. */
const caFile = (certificate: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-ca-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'ca.pem')
  writeFileSync(file, certificate)
  return file
}

describe('an answer', () => {
  it('keeps repeated headers in order, and loses those of the connection', async () => {
    const server = await tcpServer((socket) => {
      socket.once('data', () =>
        socket.end(
          Buffer.from(
            [
              'HTTP/1.1 103 Early Hints',
              'link: </x>',
              '',
              'HTTP/1.1 200 OK',
              'Request-Id: req_1',
              'Set-Cookie: a=1',
              'X-Latin: caf\u00e9',
              'Set-Cookie: b=2',
              'anthropic-ratelimit-of-next-year: 7',
              'Connection: close, X-Hop',
              'X-Hop: 1',
              'Keep-Alive: timeout=5',
              'Trailer: x',
              'Content-Length: 2',
              '',
              '{}',
            ].join('\r\n'),
            'latin1',
          ),
        ),
      )
    })
    const { heard } = call(server.origin)
    expect(await heard.over).toBe('end')
    expect(heard.log).toEqual(['connected', 'headers', 'data', 'end'])
    expect(heard.status()).toBe(200)
    expect(heard.headerList()).toEqual([
      ['request-id', 'req_1'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['x-latin', 'caf\u00e9'],
      ['anthropic-ratelimit-of-next-year', '7'],
    ])
  })

  it.each([301, 302, 307, 308])('that redirects (%i) is an answer, not a way to go', async (status) => {
    const elsewhere = await httpServer((_request, response) => response.end('{}'))
    const server = await httpServer((_request, response) =>
      response.writeHead(status, { location: `${elsewhere.origin}/v1/messages` }).end(),
    )
    const { heard } = call(server.origin)
    expect(await heard.over).toBe('end')
    expect(heard.status()).toBe(status)
    expect(heard.headerList()).toContainEqual(['location', `${elsewhere.origin}/v1/messages`])
    expect(elsewhere.connections()).toBe(0)
  })

  it('comes over the connection of the one before', async () => {
    const server = await httpServer((_request, response) => response.end('{}'))
    const transport = transportTo(server.origin)
    for (let i = 0; i < 3; i++) {
      const heard = listener()
      transport.send({ method: 'POST', path: '/', headers: [], body: Buffer.from('{}') }, heard)
      expect(await heard.over).toBe('end')
      // The pool takes the connection back after it has told of the end.
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(server.seen).toHaveLength(3)
    expect(server.connections()).toBe(1)
  })
})

describe('a failure', () => {
  it('before there is a connection: refused', async () => {
    const server = await httpServer(() => undefined)
    await new Promise((resolve) => server.server.close(resolve))
    const { heard } = call(server.origin)
    expect(await heard.over).toEqual({ _tag: 'Transport', code: 'ECONNREFUSED', connect: true })
    expect(heard.log).toEqual(['fail'])
  })

  it('before there is a connection: no such name', async () => {
    // A label above 63 characters cannot be asked of any name server, so this stays on the machine.
    const { heard } = call(`http://${'x'.repeat(64)}.invalid`)
    const reason = await heard.over
    expect(reason).toMatchObject({ _tag: 'Transport', connect: true })
    expect(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL']).toContain(
      typeof reason === 'object' && 'code' in reason && reason.code,
    )
  })

  it.each<[string, (socket: Socket) => void, string[]]>([
    ['reset before the headers', (socket) => socket.resetAndDestroy(), ['ECONNRESET']],
    ['closed before the headers', (socket) => socket.end(), ['UND_ERR_SOCKET']],
    ['not HTTP', (socket) => socket.end('SSH-2.0-OpenSSH\r\n\r\n'), ['UND_ERR_HTTP_PARSER']],
  ])('of the connection: %s', async (_what, act, codes) => {
    const server = await tcpServer((socket) => socket.once('data', () => act(socket)))
    const { heard } = call(server.origin)
    const reason = await heard.over
    expect(reason).toMatchObject({ _tag: 'Transport', connect: false })
    expect(codes).toContain(typeof reason === 'object' && 'code' in reason && reason.code)
    expect(heard.log).toEqual(['connected', 'fail'])
  })

  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n'
  it.each<[string, string, (socket: Socket) => void]>([
    [
      'a reset in the middle of chunks',
      `${head}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`,
      (socket) => socket.resetAndDestroy(),
    ],
    [
      'a close in the middle of chunks',
      `${head}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`,
      (socket) => socket.end(),
    ],
    ['a close before the promised length', `${head}content-length: 50\r\n\r\nhello`, (socket) => socket.end()],
    ['a broken chunk', `${head}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`, (socket) => socket.end('zz\r\n')],
  ])('in the middle is never an end: %s', async (_what, first, then) => {
    const connected = Promise.withResolvers<Socket>()
    const server = await tcpServer((socket) => {
      socket.once('data', () => {
        socket.write(first)
        connected.resolve(socket)
      })
    })
    const { heard } = call(server.origin)
    await heard.first('data')
    then(await connected.promise)
    expect(await heard.over).toMatchObject({ _tag: 'Transport', connect: false })
    expect(heard.body().toString()).toBe('hello')
    expect(heard.log).toEqual(['connected', 'headers', 'data', 'fail'])
  })

  it('of a transport that was closed', async () => {
    const server = await httpServer((_request, response) => response.end('{}'))
    const transport = transportTo(server.origin)
    await transport.close()
    const heard = listener()
    transport.send({ method: 'POST', path: '/', headers: [], body: null }, heard)
    expect(await heard.over).toMatchObject({ _tag: 'Transport' })
    expect(server.connections()).toBe(0)
  })
})

describe('closing a transport', () => {
  it('lets what is under way finish', async () => {
    const answering = Promise.withResolvers<ServerResponse>()
    const server = await httpServer((_request, response) => {
      response.write('first')
      answering.resolve(response)
    })
    const transport = transportTo(server.origin)
    const heard = listener()
    transport.send({ method: 'POST', path: '/', headers: [], body: null }, heard)
    await heard.first('data')
    const closed = transport.close()
    ;(await answering.promise).end(' last')
    expect(await heard.over).toBe('end')
    expect(heard.body().toString()).toBe('first last')
    await closed
  })

  it('and destroying it does not', async () => {
    const server = await httpServer((_request, response) => response.write('first'))
    const transport = transportTo(server.origin)
    const heard = listener()
    transport.send({ method: 'POST', path: '/', headers: [], body: null }, heard)
    await heard.first('data')
    await transport.destroy()
    expect(await heard.over).toMatchObject({ _tag: 'Transport', connect: false })
  })
})

describe('TLS', () => {
  const authority = makeAuthority('Signalbox test authority')
  const stranger = makeAuthority('Another authority')
  const here = authority.issue('127.0.0.1')
  const secure = (identity = here) => httpServer((_request, response) => response.end('{}'), identity)

  it('accepts an authority of the configuration', async () => {
    const server = await secure()
    const { heard } = call(server.origin, { caFile: caFile(authority.certificate) })
    expect(await heard.over).toBe('end')
    expect(server.seen).toHaveLength(1)
  })

  it('accepts it beside the usual ones, not in their place', async () => {
    const usual = getCACertificates('default')
    onTestFinished(() => setDefaultCACertificates(usual))
    setDefaultCACertificates([authority.certificate])
    const server = await secure()
    const { heard } = call(server.origin, { caFile: caFile(stranger.certificate) })
    expect(await heard.over).toBe('end')
  })

  it.each([
    ['an unknown authority', here, {}, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['the wrong authority', here, { caFile: stranger }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['a certificate that signed itself', authority, {}, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [
      'a certificate for another name',
      authority.issue('other.test'),
      { caFile: authority },
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
  ])(
    'refuses %s before any byte of the request',
    async (_what, identity, trust: { caFile?: typeof authority }, code) => {
      const server = await secure(identity)
      const via = trust.caFile === undefined ? {} : { caFile: caFile(trust.caFile.certificate) }
      const { heard } = call(server.origin, via)
      expect(await heard.over).toEqual({ _tag: 'Transport', code, connect: true })
      expect(heard.log).toEqual(['fail'])
      expect(server.seen).toEqual([])
    },
  )

  it('fails at a port that speaks plain HTTP, and at one that hangs up', async () => {
    const plain = await httpServer((_request, response) => response.end('{}'))
    const rude = await tcpServer((socket) => socket.resetAndDestroy())
    for (const { port } of [plain, rude]) {
      const { heard } = call(`https://127.0.0.1:${port}`)
      expect(await heard.over).toMatchObject({ _tag: 'Transport', connect: true })
      expect(heard.log).toEqual(['fail'])
    }
    expect(plain.seen).toEqual([])
  })
})

describe('giving up', () => {
  it('at once makes no connection at all', async () => {
    const server = await httpServer((_request, response) => response.end('{}'))
    const transport = transportTo(server.origin)
    const heard = listener()
    const request = { method: 'POST', path: '/', headers: [], body: null } as const
    transport.send(request, heard).abort()
    const next = listener()
    transport.send(request, next)
    await next.over
    expect(heard.log).toEqual([])
    expect(server.connections()).toBe(1)
    expect(server.seen).toHaveLength(1)
  })

  it('while connecting sends nothing and closes', async () => {
    const bytes: Buffer[] = []
    const taken = Promise.withResolvers<Socket>()
    const server = await tcpServer((socket) => {
      socket.on('data', (chunk) => bytes.push(chunk))
      taken.resolve(socket)
    })
    const { heard, exchange } = call(server.origin)
    // The request is on its way to the pool, the connection not made yet.
    await Promise.resolve()
    await Promise.resolve()
    exchange.abort()
    const socket = await taken.promise
    await gone(socket)
    expect(Buffer.concat(bytes).toString()).toBe('')
    expect(heard.log).toEqual([])
  })

  it('after the request closes the connection', async () => {
    const asked = Promise.withResolvers<Socket>()
    const server = await httpServer((request) => asked.resolve(request.socket))
    const { heard, exchange } = call(server.origin)
    const socket = await asked.promise
    exchange.abort()
    await gone(socket)
    expect(heard.log).toEqual(['connected'])
  })

  it('after the headers closes the connection', async () => {
    const asked = Promise.withResolvers<Socket>()
    const server = await httpServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      asked.resolve(request.socket)
    })
    const { heard, exchange } = call(server.origin)
    await heard.first('headers')
    exchange.abort()
    await gone(await asked.promise)
    expect(heard.log).toEqual(['connected', 'headers'])
  })

  it('in mid body closes the connection, and nothing more is heard', async () => {
    const asked = Promise.withResolvers<Socket>()
    const server = await httpServer((request, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
        if (!response.destroyed) response.once('drain', pour)
      }
      pour()
      asked.resolve(request.socket)
    })
    const { heard, exchange } = call(server.origin)
    await heard.first('data')
    exchange.abort()
    const bytes = heard.bytes()
    await gone(await asked.promise)
    exchange.abort()
    exchange.resume()
    expect(heard.bytes()).toBe(bytes)
    expect(heard.log).toEqual(['connected', 'headers', 'data'])
  })

  it('from inside a call of the listener is heeded too', async () => {
    for (const stage of ['connected', 'headers', 'data'] as const) {
      const closed = Promise.withResolvers<void>()
      const server = await tcpServer((socket) => {
        socket.on('close', () => closed.resolve())
        socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello'))
      })
      const heard = listener()
      const exchange = upstreamAt(server.origin).open(messages(), {
        ...heard,
        connected: () => {
          heard.connected()
          if (stage === 'connected') exchange.abort()
        },
        headers: (status, headers) => {
          heard.headers(status, headers)
          if (stage === 'headers') exchange.abort()
        },
        data: (chunk) => {
          const more = heard.data(chunk)
          exchange.abort()
          return more
        },
      })
      await closed.promise
      expect(heard.log.at(-1)).toBe(stage)
    }
  })
})

describe('a listener that asks for a pause', () => {
  const TOTAL = 64 * 1024 * 1024

  it('stops the server, and gets every byte after it goes on', async () => {
    let written = 0
    const server = await httpServer((request, response) => {
      if (request.url === '/tick') {
        response.end('{}')
        return
      }
      const pour = (): void => {
        while (written < TOTAL) {
          written += 65_536
          if (!response.write(Buffer.alloc(65_536, written / 65_536))) {
            response.once('drain', pour)
            return
          }
        }
        response.end()
      }
      pour()
    })
    const transport = transportTo(server.origin)
    const tick = async (): Promise<void> => {
      const heard = listener()
      transport.send({ method: 'GET', path: '/tick', headers: [], body: null }, heard)
      await heard.over
    }
    let paused = true
    const heard = listener(() => !paused)
    const exchange = transport.send({ method: 'GET', path: '/', headers: [], body: null }, heard)
    await heard.first('data')
    // While the kernel still takes bytes the server writes on; it has stopped when many other answers see no progress.
    for (let before = -1, quiet = 0; quiet < 50; quiet = written === before ? quiet + 1 : 0) {
      before = written
      await tick()
    }
    const received = heard.bytes()
    expect(received).toBeLessThanOrEqual(1024 * 1024)
    expect(written).toBeLessThan(TOTAL / 2)
    for (let i = 0; i < 20; i++) await tick()
    expect(heard.bytes()).toBe(received)

    paused = false
    exchange.resume()
    expect(await heard.over).toBe('end')
    expect(heard.bytes()).toBe(TOTAL)
    const body = heard.body()
    for (let at = 0; at < TOTAL; at += 65_536) {
      if (body[at] !== ((at / 65_536 + 1) & 255)) throw new Error(`byte ${at} is out of order`)
    }
  })

  it('may ask for one at every chunk', async () => {
    const server = await httpServer((_request, response) => response.end(Buffer.alloc(3_000_000, 7)))
    const heard = listener(() => {
      setImmediate(() => exchange.resume())
      return false
    })
    const exchange = upstreamAt(server.origin).open(messages(), heard)
    expect(await heard.over).toBe('end')
    expect(heard.body().equals(Buffer.alloc(3_000_000, 7))).toBe(true)
  })

  it('can still give up', async () => {
    const asked = Promise.withResolvers<Socket>()
    const server = await httpServer((request, response) => {
      response.write(Buffer.alloc(65_536))
      asked.resolve(request.socket)
    })
    const heard = listener(() => false)
    const exchange = upstreamAt(server.origin).open(messages(), heard)
    await heard.first('data')
    exchange.abort()
    await gone(await asked.promise)
    expect(heard.log).toEqual(['connected', 'headers', 'data'])
  })
})

describe('a proxy', () => {
  const authority = makeAuthority('Signalbox test authority')

  /** A forward proxy that also tunnels; notes what it was asked for. */
  const proxyServer = async (refuse?: number) => {
    const asked: string[] = []
    const credentials: (string | undefined)[] = []
    const proxy = await httpServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      credentials.push(request.headers['proxy-authorization'])
      if (refuse !== undefined) {
        response.writeHead(refuse).end()
        return
      }
      const body = proxy.seen.at(-1)?.body ?? Buffer.alloc(0)
      const { host, hostname, port, pathname, search } = new URL(request.url ?? '')
      const onward = connect(Number(port), hostname, () => {
        const lines = [`${request.method} ${pathname}${search} HTTP/1.1`]
        for (let i = 0; i < request.rawHeaders.length; i += 2) {
          const name = request.rawHeaders[i] ?? ''
          if (!/^(host|connection|proxy-.*)$/i.test(name)) lines.push(`${name}: ${request.rawHeaders[i + 1]}`)
        }
        onward.write(`${lines.join('\r\n')}\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
        onward.end(body)
        onward.pipe(response.socket ?? onward)
      })
    })
    proxy.server.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`)
      credentials.push(request.headers['proxy-authorization'])
      if (refuse !== undefined) {
        socket.end(`HTTP/1.1 ${refuse} No\r\ncontent-length: 0\r\n\r\n`)
        return
      }
      const [host, port] = (request.url ?? '').split(':')
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(onward).pipe(socket)
      })
      const drop = (): void => {
        socket.destroy()
        onward.destroy()
      }
      socket.on('error', drop)
      onward.on('error', drop)
    })
    return { ...proxy, asked, credentials }
  }

  const plainServer = () => httpServer((_request, response) => response.end('{"from":"upstream"}'))
  const secureServer = () =>
    httpServer((_request, response) => response.end('{"from":"upstream"}'), authority.issue('127.0.0.1'))

  const twice = messages({
    headers: [
      ['anthropic-beta', 'one'],
      ['x-between', '-'],
      ['anthropic-beta', 'two'],
    ],
  })

  const through = async (origin: string, via = {}) => {
    const heard = listener()
    upstreamAt(origin, { via }).open(twice, heard)
    return { reason: await heard.over, heard }
  }
  const betas = (seen: readonly { readonly headers: readonly (readonly [string, string])[] }[]) =>
    seen[0]?.headers.filter(([name]) => name === 'anthropic-beta').map(([, value]) => value)

  it('of the configuration forwards plain HTTP, every header and byte of it', async () => {
    const [proxy, server] = [await proxyServer(), await plainServer()]
    const { reason, heard } = await through(server.origin, { proxy: proxy.origin })
    expect(reason).toBe('end')
    expect(heard.body().toString()).toBe('{"from":"upstream"}')
    expect(proxy.asked).toEqual([`POST ${server.origin}/v1/messages?beta=true`])
    expect(betas(server.seen)).toEqual(['one', 'two'])
    expect(server.seen[0]?.body.toString()).toBe('{}')
  })

  it('of the configuration tunnels TLS, and sees nothing of it', async () => {
    const [proxy, server] = [await proxyServer(), await secureServer()]
    const { reason, heard } = await through(server.origin, {
      proxy: proxy.origin,
      caFile: caFile(authority.certificate),
    })
    expect(reason).toBe('end')
    expect(heard.body().toString()).toBe('{"from":"upstream"}')
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${server.port}`])
    expect(proxy.seen).toEqual([])
    expect(betas(server.seen)).toEqual(['one', 'two'])
  })

  it('does not weaken TLS', async () => {
    const [proxy, server] = [await proxyServer(), await secureServer()]
    const { reason } = await through(server.origin, { proxy: proxy.origin })
    expect(reason).toEqual({ _tag: 'Transport', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', connect: true })
    expect(server.seen).toEqual([])
  })

  it.each(['HTTP_PROXY', 'http_proxy'])('of the environment (%s) is used', async (name) => {
    const [proxy, server] = [await proxyServer(), await plainServer()]
    vi.stubEnv(name, proxy.origin)
    expect((await through(server.origin)).reason).toBe('end')
    expect(proxy.asked).toHaveLength(1)
  })

  it.each(['HTTPS_PROXY', 'https_proxy'])('of the environment for TLS (%s) is used for TLS alone', async (name) => {
    const [proxy, plain, secure] = [await proxyServer(), await plainServer(), await secureServer()]
    vi.stubEnv(name, proxy.origin)
    const trust = { caFile: caFile(authority.certificate) }
    expect((await through(secure.origin, trust)).reason).toBe('end')
    expect((await through(plain.origin, trust)).reason).toBe('end')
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${secure.port}`])
  })

  it('of the environment is left out where NO_PROXY says so', async () => {
    const [proxy, server] = [await proxyServer(), await plainServer()]
    vi.stubEnv('HTTP_PROXY', proxy.origin)
    vi.stubEnv('NO_PROXY', 'other.test,127.0.0.1')
    expect((await through(server.origin)).reason).toBe('end')
    expect(proxy.asked).toEqual([])
    expect(betas(server.seen)).toEqual(['one', 'two'])
  })

  it('of the configuration wins over the environment', async () => {
    const [ours, theirs, server] = [await proxyServer(), await proxyServer(), await plainServer()]
    vi.stubEnv('HTTP_PROXY', theirs.origin)
    vi.stubEnv('NO_PROXY', '127.0.0.1')
    expect((await through(server.origin, { proxy: ours.origin })).reason).toBe('end')
    expect(ours.asked).toHaveLength(1)
    expect(theirs.asked).toEqual([])
  })

  it('gets its own credential, the upstream does not', async () => {
    const [proxy, plain, secure] = [await proxyServer(), await plainServer(), await secureServer()]
    const via = { proxy: `http://user:pass@127.0.0.1:${proxy.port}`, caFile: caFile(authority.certificate) }
    for (const server of [plain, secure]) {
      expect((await through(server.origin, via)).reason).toBe('end')
      expect(server.seen[0]?.headers.some(([name]) => name.toLowerCase() === 'proxy-authorization')).toBe(false)
    }
    expect(proxy.credentials).toEqual(['Basic dXNlcjpwYXNz', 'Basic dXNlcjpwYXNz'])
  })

  it('that refuses the tunnel, or is not there, is a failed connection', async () => {
    const [proxy, server, absent] = [await proxyServer(403), await secureServer(), await plainServer()]
    await new Promise((resolve) => absent.server.close(resolve))
    for (const { origin } of [proxy, absent]) {
      const { reason, heard } = await through(server.origin, { proxy: origin })
      expect(reason).toMatchObject({ _tag: 'Transport', connect: true })
      expect(heard.log).toEqual(['fail'])
    }
    expect(server.connections()).toBe(0)
  })

  it('that cannot reach a plain upstream answers for it', async () => {
    const [proxy, server] = [await proxyServer(502), await plainServer()]
    const { reason, heard } = await through(server.origin, { proxy: proxy.origin })
    expect([reason, heard.status()]).toEqual(['end', 502])
  })
})
