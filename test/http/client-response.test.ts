import { createServer, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, request } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from '@effect/vitest'
import type { ClientResponse } from '#actors/ports.ts'
import { clientResponse } from '#http/client-response.ts'
import { makeAuthority } from '../infra/upstream/certificates.ts'

const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const one of cleanUp.splice(0)) one()
})

interface Client {
  readonly socket: Socket
  readonly text: () => string
  /** How the connection ended. */
  readonly over: Promise<'end' | 'reset'>
}

/** One request; gives both sides of its response. */
const exchange = async (prepare: (socket: Socket) => void = () => undefined) => {
  const answered = Promise.withResolvers<ServerResponse>()
  const server = createServer((_request, response) => answered.resolve(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  cleanUp.push(() => {
    socket.destroy()
    server.closeAllConnections()
    server.close()
  })
  const chunks: Buffer[] = []
  const over = Promise.withResolvers<'end' | 'reset'>()
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('end', () => over.resolve('end'))
  socket.on('error', () => over.resolve('reset'))
  prepare(socket)
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const response = await answered.promise
  const client: Client = { socket, text: () => Buffer.concat(chunks).toString('latin1'), over: over.promise }
  return { response, to: clientResponse(response), client }
}

/** The same over TLS; answers what the client has when it is over, and whether that was a proper end. */
const brokenOff = async (breakOff: (response: ServerResponse) => void) => {
  const authority = makeAuthority('Signalbox test authority')
  const { certificate: cert, key } = authority.issue('127.0.0.1')
  const server = createSecureServer({ cert, key }, (_request, response) => breakOff(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return await new Promise<{ readonly text: string; readonly complete: boolean }>((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', ca: authority.certificate, agent: false }, (response) => {
      let text = ''
      response.on('error', () => undefined)
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('close', () => resolve({ text, complete: response.complete }))
    })
    asked.on('error', reject).end()
  })
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const split = (text: string): readonly [head: string, body: string] => {
  const at = text.indexOf('\r\n\r\n')
  return [text.slice(0, at), text.slice(at + 4)]
}
const start = (to: ClientResponse): void => to.start(200, [['content-type', 'text/event-stream']])

describe('a response', () => {
  it('sends its head with the first bytes, not before', async () => {
    const { response, to, client } = await exchange()
    expect(to.started()).toBe(false)
    start(to)
    expect(to.started()).toBe(true)
    expect(response.headersSent).toBe(false)
    to.write(bytes('first'))
    expect(response.headersSent).toBe(true)
    await expect.poll(client.text).toContain('first')
    expect(client.text().startsWith('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n')).toBe(true)
    to.end(bytes(' last'))
    expect(await client.over).toBe('end')
    expect(split(client.text())[1]).toBe('5\r\nfirst\r\n5\r\n last\r\n0\r\n\r\n')
  })

  it('sends its first bytes at once, and what follows when the turn of the event loop is over', async () => {
    const { response, to } = await exchange()
    start(to)
    to.write(bytes('first'))
    expect(response.socket?.writableLength).toBe(0)
    to.write(bytes('second'))
    expect(response.socket?.writableLength).toBeGreaterThan(0)
    await new Promise(setImmediate)
    expect(response.socket?.writableLength).toBe(0)
  })

  it('that is whole has a length and no chunks', async () => {
    const { to, client } = await exchange()
    to.start(429, [['x-a', '1']])
    to.end(bytes('{"é":1}'))
    expect(await client.over).toBe('end')
    const [head, body] = split(client.text())
    expect(head).toContain('HTTP/1.1 429 ')
    expect(head.toLowerCase()).toContain('content-length: 8')
    expect(head.toLowerCase()).not.toContain('transfer-encoding')
    expect(Buffer.from(body, 'latin1').toString()).toBe('{"é":1}')
  })

  it('that is whole and empty has the length zero', async () => {
    for (const last of [undefined, new Uint8Array(0)]) {
      const { to, client } = await exchange()
      start(to)
      to.end(last)
      expect(await client.over).toBe('end')
      const [head, body] = split(client.text())
      expect(head.toLowerCase()).toContain('content-length: 0')
      expect(body).toBe('')
    }
  })

  it('keeps repeated headers in order, odd letters and an upstream status as they are', async () => {
    const { to, client } = await exchange()
    to.start(529, [
      ['set-cookie', 'a=1'],
      ['x-latin', 'caf\u00e9'],
      ['set-cookie', 'b=2'],
    ])
    to.end()
    await client.over
    const lines = split(client.text())[0].split('\r\n')
    expect(lines[0]).toMatch(/^HTTP\/1\.1 529 /)
    expect(lines.slice(1, 4)).toEqual(['set-cookie: a=1', 'x-latin: caf\u00e9', 'set-cookie: b=2'])
  })

  it('has one head: a second start changes nothing', async () => {
    const { to, client } = await exchange()
    start(to)
    to.start(500, [['x-late', '1']])
    to.end(bytes('x'))
    await client.over
    expect(client.text()).toContain('HTTP/1.1 200 OK')
    expect(client.text()).not.toContain('x-late')
  })

  it('goes out beside a header that the server set before', async () => {
    const { response, to, client } = await exchange()
    response.setHeader('connection', 'close')
    to.start(200, [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
    to.end(bytes('x'))
    await client.over
    const head = split(client.text())[0].toLowerCase()
    expect(head).toContain('connection: close')
    expect(head.match(/set-cookie: [ab]=\d/g)).toEqual(['set-cookie: a=1', 'set-cookie: b=2'])
  })

  it('says when the client is slow, and when it has caught up', async () => {
    const { to, client } = await exchange((socket) => socket.pause())
    start(to)
    let drained = 0
    to.onDrain(() => drained++)
    const block = Buffer.alloc(1024 * 1024)
    let flowing = true
    for (let i = 0; i < 64 && flowing; i++) flowing = to.write(block)
    expect(flowing).toBe(false)
    expect(drained).toBe(0)
    const again = new Promise<void>((resolve) => to.onDrain(resolve))
    client.socket.resume()
    await again
    // The later listener has taken the place of the first.
    expect(drained).toBe(0)
    to.end()
    expect(await client.over).toBe('end')
  })
})

describe('breaking a response off', () => {
  it('in the middle is an error to the client, never a clean end', async () => {
    const { to, client } = await exchange()
    start(to)
    to.write(bytes('event: content_block_delta\n\n'))
    await expect.poll(client.text).toContain('content_block_delta')
    to.destroy()
    expect(await client.over).toBe('reset')
    expect(client.text().endsWith('0\r\n\r\n')).toBe(false)
  })

  it.each([
    ['in the same turn', (then: () => void) => then()],
    ['later', (then: () => void) => void setTimeout(then, 50)],
  ])('is that over TLS too, what was written before it and %s included', async (_, wait) => {
    const got = await brokenOff((response) => {
      const to = clientResponse(response)
      start(to)
      to.write(bytes('event: error\n\n'))
      wait(() => to.destroy())
    })
    expect(got).toEqual({ text: 'event: error\n\n', complete: false })
  })

  it('lets out first what was written in the same turn', async () => {
    const { to, client } = await exchange()
    start(to)
    to.write(bytes('event: error\n\n'))
    to.destroy()
    expect(await client.over).toBe('reset')
    expect(client.text()).toContain('event: error')
  })

  it('before the head is an error to the client', async () => {
    const { to, client } = await exchange()
    to.destroy()
    expect(await client.over).toBe('reset')
    expect(client.text()).toBe('')
  })

  it('after the client has left does no harm', async () => {
    const { response, to, client } = await exchange()
    start(to)
    to.write(bytes('x'))
    const closed = new Promise((resolve) => response.on('close', resolve))
    client.socket.destroy()
    await closed
    to.destroy()
    expect(response.destroyed).toBe(true)
  })
})
