import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { beforeEach, describe, expect, it } from '@effect/vitest'
import { call, httpServer, listener, tcpServer, transportTo, withoutProxies } from './loopback.ts'

beforeEach(withoutProxies)

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
              'X-Twice: a=1',
              'X-Latin: caf\u00e9',
              'X-Twice: b=2',
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
      ['x-twice', 'a=1'],
      ['x-twice', 'b=2'],
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
    expect(heard.headerList().filter(([name]) => name === 'location')).toEqual([])
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
