/**
 * What stands before any request, over real sockets: TLS, how long a client may take, how many connections it may have.
 */
import type { Server } from 'node:http'
import { request } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContextOptions } from 'node:tls'
import { describe, expect, it, onTestFinished } from '@effect/vitest'
import { type ListenerOptions, makeListener, type ServerTls } from '#http/listener.ts'
import { rawHttp } from '#test/raw-http.ts'
import { type Identity, makeAuthority } from '../infra/upstream/certificates.ts'

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

const listening = async (options: Partial<ListenerOptions> = {}) => {
  const crowds: string[] = []
  let served = 0
  const server: Server = makeListener(
    { requestTimeoutMs: 300_000, onCrowded: (address, limit) => crowds.push(`${address} ${limit}`), ...options },
    (incoming, response) => {
      served += 1
      incoming.resume()
      incoming.on('end', () => response.end('served'))
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, crowds, served: () => served }
}

describe('connections of one address', () => {
  /** Asks once, and keeps the connection. */
  const held = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const answered = new Promise((resolve) => socket.once('data', resolve))
    socket.write(GET)
    await answered
    return socket
  }
  const ask = (port: number) => rawHttp({ port, pieces: [GET], enough: (text) => text.endsWith('served') })

  it('are as many as is said; one more hears why, and is not read from', async () => {
    const server = await listening({ maxConnectionsPerAddress: 3 })
    for (let turn = 0; turn < 3; turn++) await held(server.port)
    const refused = await ask(server.port)
    expect(refused.status).toBe(429)
    expect(refused.headers).toMatchObject({ 'retry-after': '1', connection: 'close', 'x-should-retry': 'true' })
    expect(refused.text).toContain('server.maxConnectionsPerAddress')
    expect(refused.end).not.toBe('open')
    expect(server.served()).toBe(3)
    expect(server.crowds).toEqual(['127.0.0.1 3'])
  })

  it('make room when one closes', async () => {
    const server = await listening({ maxConnectionsPerAddress: 1 })
    const first = await held(server.port)
    expect((await ask(server.port)).status).toBe(429)
    const closed = new Promise((resolve) => first.once('close', resolve))
    first.destroy()
    await closed
    await expect.poll(async () => (await ask(server.port)).status).toBe(200)
  })

  it.each([
    ['of this machine are not counted where nobody says a number', {}],
    ['are any number with 0', { maxConnectionsPerAddress: 0 }],
  ])('%s', async (_, options) => {
    const server = await listening(options)
    await Promise.all(Array.from({ length: 150 }, () => held(server.port)))
    expect((await ask(server.port)).status).toBe(200)
    expect(server.crowds).toEqual([])
  })
})

describe('a client that takes its time', () => {
  it('over its headers hears 408, and is left', async () => {
    const server = await listening({ requestTimeoutMs: 300 })
    const answer = await rawHttp({ port: server.port, pieces: ['GET / HTTP/1.1\r\nHost: localhost\r\nX-A: '] })
    expect([answer.status, answer.end]).toEqual([408, 'closed'])
    expect(server.served()).toBe(0)
  })

  it('over its body hears 408, and is left', async () => {
    const server = await listening({ requestTimeoutMs: 300 })
    const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nsome'
    const answer = await rawHttp({ port: server.port, pieces: [head] })
    expect([answer.status, answer.end]).toEqual([408, 'closed'])
  })
})

describe('TLS', () => {
  const authority = makeAuthority('Signalbox test authority')
  const clients = makeAuthority('Authority of clients')

  /** A source of certificates that the test changes. */
  const certificates = (first: Identity, more: SecureContextOptions = {}) => {
    const takers: ((next: SecureContextOptions) => void)[] = []
    const contextOf = ({ certificate, key }: Identity): SecureContextOptions => ({ cert: certificate, key, ...more })
    const tls: ServerTls = {
      current: () => contextOf(first),
      asksClients: more.ca !== undefined,
      onChange: (take) => {
        takers.push(take)
      },
    }
    return { tls, replace: (next: Identity) => takers.forEach((take) => void take(contextOf(next))) }
  }

  const get = (port: number, own?: Identity, more: object = {}) =>
    new Promise<{ readonly body: string; readonly name: string } | { readonly code: string }>((resolve) => {
      const shown = own === undefined ? {} : { cert: own.certificate, key: own.key }
      const options = { port, host: '127.0.0.1', ca: authority.certificate, agent: false, ...shown, ...more } as const
      const outgoing = request(options, (response) => {
        const { subject } = (response.socket as ReturnType<typeof connectTls>).getPeerCertificate()
        let body = ''
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ body, name: String(subject.CN) }))
        response.on('error', () => undefined)
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? '' }))
      outgoing.end()
    })

  it('is spoken with the certificate that is given, and nothing else is', async () => {
    const server = await listening({ tls: certificates(authority.issue('127.0.0.1')).tls })
    expect(await get(server.port)).toEqual({ body: 'served', name: '127.0.0.1' })
    const plain = await rawHttp({ port: server.port, pieces: [GET] })
    expect(plain.text).not.toContain('served')
    expect(server.served()).toBe(1)
  })

  it('takes another certificate while it runs, and streams under way go on', async () => {
    const { tls, replace } = certificates(authority.issue('127.0.0.1'))
    const server = await listening({ tls })
    const old = connectTls({ port: server.port, host: '127.0.0.1', ca: authority.certificate })
    onTestFinished(() => void old.destroy())
    await new Promise((resolve) => old.once('secureConnect', resolve))
    const another = makeAuthority('A new authority')
    replace(another.issue('127.0.0.1'))
    expect(await get(server.port)).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
    expect(await get(server.port, undefined, { ca: another.certificate })).toMatchObject({ body: 'served' })
    const answered = new Promise<string>((resolve) => old.once('data', (chunk) => resolve(String(chunk))))
    old.write(GET)
    expect(await answered).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('serves nobody without a certificate of the clients’ authority, where one is named', async () => {
    const { tls } = certificates(authority.issue('127.0.0.1'), { ca: clients.certificate })
    const server = await listening({ tls })
    expect(await get(server.port, clients.issue('ada'))).toMatchObject({ body: 'served' })
    for (const own of [undefined, authority.issue('mallory')]) {
      expect(await get(server.port, own)).toHaveProperty('code')
    }
    expect(server.served()).toBe(1)
  })

  it('is spoken in no older version than is said', async () => {
    const { tls } = certificates(authority.issue('127.0.0.1'), { minVersion: 'TLSv1.3' })
    const server = await listening({ tls })
    expect(await get(server.port, undefined, { maxVersion: 'TLSv1.2' })).toHaveProperty('code')
    expect(await get(server.port)).toMatchObject({ body: 'served' })
  })

  it('refuses one connection too many before the handshake', async () => {
    const { tls } = certificates(authority.issue('127.0.0.1'))
    const server = await listening({ tls, maxConnectionsPerAddress: 1 })
    const first = connectTls({ port: server.port, host: '127.0.0.1', ca: authority.certificate })
    onTestFinished(() => void first.destroy())
    await new Promise((resolve) => first.once('secureConnect', resolve))
    expect(await get(server.port)).toHaveProperty('code')
    expect(server.crowds).toHaveLength(1)
    expect(server.served()).toBe(0)
  })
})
