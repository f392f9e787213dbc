/**
 * Where connections may lead, with a resolver of the test's own: what it says is what a name leads to at that moment.
 */
import { beforeEach, describe, expect, it } from '@effect/vitest'
import { isOwnNetwork } from '#infra/upstream/address-kind.ts'
import type { LookupAll } from '#infra/upstream/ask-once.ts'
import { type AddressRefused, guardedLookup } from '#infra/upstream/connect-guard.ts'
import { httpServer, listener, transportTo, withoutProxies } from './loopback.ts'

beforeEach(withoutProxies)

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4)

/** Answers one list of addresses after the other, the last one for ever. */
const resolver = (...answers: readonly (readonly string[])[]): LookupAll & { readonly asked: readonly string[] } => {
  const asked: string[] = []
  const lookup: LookupAll = (name, _options, done) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(name)
    done(
      null,
      answer.map((address) => ({ address, family: familyOf(address) })),
    )
  }
  return Object.assign(lookup, { asked })
}

const server = () =>
  httpServer((_request, response) => {
    // Each request has a connection of its own, and each connection is looked at.
    response.setHeader('connection', 'close')
    response.end('{}')
  })

const REFUSED = { _tag: 'Transport', code: 'ADDRESS_REFUSED', connect: true }
const request = { method: 'POST', path: '/v1/messages', headers: ['x-api-key', 'ours'], body: null } as const

describe('a name of the internet', () => {
  const PUBLIC = 'api.provider.example'

  it.each([
    ['loopback', '127.0.0.1'],
    ['loopback in IPv6', '::1'],
    ['loopback by its mapped address', '::ffff:127.0.0.1'],
    ['a private network', '10.0.0.5'],
    ['a private network in IPv6', 'fd12::1'],
    ['the metadata of a cloud machine', '169.254.169.254'],
    ['the metadata by NAT64', '64:ff9b::a9fe:a9fe'],
  ])('that leads to %s is not connected to, and the reason says so', async (_where, address) => {
    const here = await server()
    const refused: AddressRefused[] = []
    const heard = listener()
    const lookup = resolver([address])
    const transport = transportTo(`http://${PUBLIC}:${here.port}`, { lookup, onRefused: (one) => refused.push(one) })
    transport.send(request, heard)
    expect(await heard.over).toEqual(REFUSED)
    expect(heard.log).toEqual(['fail'])
    expect(here.connections()).toBe(0)
    expect(refused.map(({ host, address: to }) => [host, to])).toEqual([[PUBLIC, address]])
  })

  it('that leads to a private network is connected to where the provider allows it', async () => {
    const here = await server()
    const heard = listener()
    const lookup = resolver(['127.0.0.1'])
    transportTo(`http://${PUBLIC}:${here.port}`, { lookup, allowPrivate: true }).send(request, heard)
    expect(await heard.over).toBe('end')
    expect(here.seen[0]?.headers).toContainEqual(['host', `${PUBLIC}:${here.port}`])
  })

  it.each(['169.254.169.254', 'fe80::1', '100.100.100.200', '::ffff:169.254.169.254'])(
    'that leads to %s is not connected to, whatever the provider allows',
    async (address) => {
      const heard = listener()
      transportTo(`http://${PUBLIC}`, { lookup: resolver([address]), allowPrivate: true }).send(request, heard)
      expect(await heard.over).toEqual(REFUSED)
    },
  )

  it('is asked for once, however many connections wait for it, and again by the next', async () => {
    const here = await server()
    const answers: (() => void)[] = []
    const lookup: LookupAll = (_name, _options, done) => {
      answers.push(() => done(null, [{ address: '127.0.0.1', family: 4 }]))
    }
    const transport = transportTo(`http://${PUBLIC}:${here.port}`, { lookup, allowPrivate: true })
    const heard = [listener(), listener(), listener()]
    for (const one of heard) transport.send(request, one)
    await new Promise(setImmediate)
    expect(answers).toHaveLength(1)
    answers[0]?.()
    expect(await Promise.all(heard.map(({ over }) => over))).toEqual(['end', 'end', 'end'])
    const next = listener()
    transport.send(request, next)
    await new Promise(setImmediate)
    expect(answers).toHaveLength(2)
    answers[1]?.()
    expect(await next.over).toBe('end')
  })

  it('is looked at for each connection, so that one that is bound anew is caught', async () => {
    const here = await server()
    // To the guard the first address is as good as a public one; the test has no other server.
    const lookup = resolver(['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1'])
    const transport = transportTo(`http://${PUBLIC}:${here.port}`, { lookup, allowPrivate: true })
    const ends = []
    for (let turn = 0; turn < 3; turn++) {
      const heard = listener()
      transport.send(request, heard)
      ends.push(await heard.over)
    }
    expect(ends).toEqual(['end', REFUSED, 'end'])
    expect(lookup.asked).toEqual([PUBLIC, PUBLIC, PUBLIC])
    expect(here.seen).toHaveLength(2)
  })

  it('is connected to only by those of its addresses that are allowed', () => {
    const lookup = guardedLookup({
      allowPrivate: false,
      lookup: resolver(['10.0.0.1', '1.1.1.1', '::1', '2606:4700::1111', '169.254.169.254']),
    })
    lookup(PUBLIC, { all: true }, (error, addresses) => {
      expect(error).toBeNull()
      expect(addresses).toEqual([
        { address: '1.1.1.1', family: 4 },
        { address: '2606:4700::1111', family: 6 },
      ])
    })
    lookup(PUBLIC, {}, (error, address, family) => {
      expect([error, address, family]).toEqual([null, '1.1.1.1', 4])
    })
    expect.assertions(3)
  })

  it('that nobody knows fails as before', async () => {
    const heard = listener()
    const lookup: LookupAll = (_name, _options, done) =>
      done(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), [])
    transportTo(`http://${PUBLIC}`, { lookup }).send(request, heard)
    expect(await heard.over).toEqual({ _tag: 'Transport', code: 'ENOTFOUND', connect: true })
  })
})

describe('an address itself', () => {
  it.each(['127.0.0.1', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1', '0.0.0.0'])(
    'of this machine (%s) says where it leads, which is consent',
    async (host) => {
      const here = await server()
      const heard = listener()
      transportTo(`http://${host}:${here.port}`).send(request, heard)
      expect(await heard.over).toBe('end')
    },
  )

  it('of this machine is not connected to where the provider forbids it', async () => {
    const here = await server()
    const heard = listener()
    transportTo(here.origin, { allowPrivate: false }).send(request, heard)
    expect(await heard.over).toEqual(REFUSED)
    expect(here.connections()).toBe(0)
  })

  it.each(['169.254.169.254', '[fe80::1]', '[fd00:ec2::254]', '[::ffff:a9fe:a9fe]', '0xa9fea9fe', '2852039166'])(
    'of a metadata service (%s) is never connected to',
    async (host) => {
      const heard = listener()
      const refused: AddressRefused[] = []
      transportTo(`http://${host}`, { allowPrivate: true, onRefused: (one) => refused.push(one) }).send(request, heard)
      expect(await heard.over).toEqual(REFUSED)
      expect(refused).toHaveLength(1)
    },
  )
})

describe('a host says by itself that it is of one’s own network', () => {
  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'api.localhost',
    'ollama',
    'gpu.local',
    'models.internal',
    'host.docker.internal',
    'box.home.arpa',
    '127.0.0.1',
    '192.168.1.7',
    '[::1]',
    '[fd12::1]',
  ])('%s', (host) => {
    expect(isOwnNetwork(host)).toBe(true)
  })

  it.each([
    'api.anthropic.com',
    'localhost.evil.test',
    'internal.evil.test',
    'evil-internal.test',
    'local.test',
    '1.1.1.1',
    '169.254.169.254',
    '[fe80::1]',
    '[::ffff:8.8.8.8]',
  ])('but not %s', (host) => {
    expect(isOwnNetwork(host)).toBe(false)
  })

  it('so that a name such as localhost is connected to', async () => {
    const here = await server()
    const heard = listener()
    const lookup = resolver(['127.0.0.1'])
    transportTo(`http://localhost:${here.port}`, { lookup }).send(request, heard)
    expect(await heard.over).toBe('end')
  })
})
