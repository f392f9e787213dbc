import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { beforeEach, describe, expect, it, onTestFinished } from '@effect/vitest'
import { type Identity, makeAuthority } from './certificates.ts'
import { caFile, call, httpServer, listener, tcpServer, transportTo, withoutProxies } from './loopback.ts'

beforeEach(withoutProxies)

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

describe('a certificate of our own', () => {
  const authority = makeAuthority('Signalbox test authority')
  const clients = makeAuthority('Authority of clients')
  const stranger = makeAuthority('Another authority')

  /** A server that serves nobody without a certificate of the clients' authority, and tells who asked. */
  const mutual = async () => {
    const { certificate, key } = authority.issue('127.0.0.1')
    const server = createServer({ cert: certificate, key, ca: clients.certificate, requestCert: true })
    server.on('request', (request, response) => {
      response.setHeader('connection', 'close')
      const { subject } = (request.socket as TLSSocket).getPeerCertificate()
      response.end(String(subject.CN))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Files that can be replaced as cert-manager and editors do it: by a rename. */
  const filesOf = (identity: Identity) => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-identity-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
    const put = (file: string, text: string): void => {
      writeFileSync(`${file}.new`, text)
      renameSync(`${file}.new`, file)
    }
    const write = ({ certificate, key }: Identity): void => {
      put(certFile, certificate)
      put(keyFile, key)
    }
    write(identity)
    return { certFile, keyFile, write, put }
  }

  const ask = async (transport: ReturnType<typeof transportTo>) => {
    const heard = listener()
    transport.send({ method: 'GET', path: '/', headers: [], body: null }, heard)
    const end = await heard.over
    return end === 'end' ? heard.body().toString() : end
  }

  it('is shown to a server that asks for one', async () => {
    const origin = await mutual()
    const trust = { caFile: caFile(authority.certificate) }
    expect(await ask(transportTo(origin, { ...trust, identity: filesOf(clients.issue('box')) }))).toBe('box')
    for (const identity of [undefined, filesOf(stranger.issue('box'))]) {
      expect(await ask(transportTo(origin, { ...trust, identity }))).toMatchObject({ _tag: 'Transport' })
    }
  })

  it('is another one when its files are, without a restart; files that cannot be used change nothing', async () => {
    const origin = await mutual()
    const identity = filesOf(clients.issue('first'))
    const complaints: unknown[] = []
    const transport = transportTo(origin, {
      caFile: caFile(authority.certificate),
      identity,
      onUnusableFiles: (error) => complaints.push(error),
    })
    expect(await ask(transport)).toBe('first')
    identity.put(identity.certFile, clients.issue('of-another-key').certificate)
    expect(await ask(transport)).toBe('first')
    expect(await ask(transport)).toBe('first')
    expect(complaints).toEqual([expect.objectContaining({ code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' })])
    identity.write(clients.issue('second'))
    expect(await ask(transport)).toBe('second')
    expect(complaints).toHaveLength(1)
  })

  it('that is not there fails each request by the code of the system, until it is there', async () => {
    const origin = await mutual()
    const identity = filesOf(clients.issue('late'))
    rmSync(identity.keyFile)
    const transport = transportTo(origin, { caFile: caFile(authority.certificate), identity })
    for (let turn = 0; turn < 2; turn++) {
      expect(await ask(transport)).toEqual({ _tag: 'Transport', code: 'ENOENT', connect: true })
    }
    identity.write(clients.issue('late'))
    expect(await ask(transport)).toBe('late')
  })
})
