import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { beforeEach, describe, expect, it, onTestFinished } from '@effect/vitest'
import { makeAuthority } from './certificates.ts'
import { caFile, call, httpServer, tcpServer, withoutProxies } from './loopback.ts'

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
