import type { Socket } from 'node:net'
import { beforeEach, describe, expect, it } from '@effect/vitest'
import {
  call,
  gone,
  httpServer,
  listener,
  messages,
  tcpServer,
  transportTo,
  upstreamAt,
  withoutProxies,
} from './loopback.ts'

beforeEach(withoutProxies)

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
