import { BlockList, isIPv6 } from 'node:net'
import { describe, expect, it } from '@effect/vitest'
import fc from 'fast-check'
import { addressKind } from '#infra/upstream/address-kind.ts'

/** An IPv4 address as the last 32 bits of an IPv6 one. */
const hex = (address: string): string => {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

describe('an address', () => {
  it.each([
    ['1.1.1.1', 'public'],
    ['9.255.255.255', 'public'],
    ['11.0.0.0', 'public'],
    ['100.63.255.255', 'public'],
    ['100.128.0.0', 'public'],
    ['172.15.255.255', 'public'],
    ['172.32.0.0', 'public'],
    ['169.253.255.255', 'public'],
    ['2606:4700::1111', 'public'],
    ['2001:4860:4860::8888', 'public'],
    ['10.0.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['198.19.0.1', 'private'],
    ['fd12:3456::1', 'private'],
    ['fec0::1', 'private'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'loopback'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::', 'loopback'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind)
  })

  it.each([
    ['169.254.169.254', 'AWS, Azure, Google, DigitalOcean, OpenStack'],
    ['169.254.170.2', 'AWS ECS'],
    ['fd00:ec2::254', 'AWS in IPv6'],
    ['fd20:ce::254', 'Google in IPv6'],
    ['fe80::a9fe:a9fe', 'OpenStack in IPv6'],
    ['fe80::1%eth0', 'a link-local address with its zone'],
    ['100.100.100.200', 'Alibaba Cloud'],
    ['168.63.129.16', 'Azure’s wire server'],
    ['192.0.0.192', 'Oracle Cloud'],
    ['0.0.0.1', 'this network'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['240.0.0.1', 'reserved'],
    ['ff02::1', 'multicast in IPv6'],
    ['::7f00:1', 'IPv4-compatible'],
    ['', 'nothing'],
    ['localhost', 'a name'],
    ['127.0.0.1.evil.test', 'a name that begins like an address'],
    ['1.2.3', 'half an address'],
    ['::1::', 'nonsense'],
  ])('%s is forbidden (%s)', (address) => {
    expect(addressKind(address)).toBe('forbidden')
  })

  it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '100.100.100.200', '8.8.8.8'])(
    '%s is what it is in whatever IPv6 carries it',
    (address) => {
      const inverted = address
        .split('.')
        .map((byte) => 255 - Number(byte))
        .join('.')
      for (const carried of [
        `::ffff:${address}`,
        `::ffff:${hex(address)}`,
        `0:0:0:0:0:ffff:${hex(address)}`,
        `::ffff:0:${hex(address)}`,
        `64:ff9b::${address}`,
        `64:FF9B::${hex(address)}`,
        `64:ff9b:1::${hex(address)}`,
        `2002:${hex(address)}::1`,
        `2001:0:5ef5:79fb:0:0:${hex(inverted)}`,
      ]) {
        expect(isIPv6(carried), carried).toBe(true)
        expect(addressKind(carried), carried).toBe(addressKind(address))
      }
    },
  )

  it('is judged as Node’s own block list does, any of them', () => {
    const lists = (networks: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[]): BlockList => {
      const list = new BlockList()
      for (const [net, bits, family] of networks) list.addSubnet(net, bits, family)
      return list
    }
    const closed = lists([
      ['0.0.0.0', 8, 'ipv4'],
      ['10.0.0.0', 8, 'ipv4'],
      ['100.64.0.0', 10, 'ipv4'],
      ['127.0.0.0', 8, 'ipv4'],
      ['169.254.0.0', 16, 'ipv4'],
      ['172.16.0.0', 12, 'ipv4'],
      ['192.0.0.0', 24, 'ipv4'],
      ['192.168.0.0', 16, 'ipv4'],
      ['198.18.0.0', 15, 'ipv4'],
      ['224.0.0.0', 3, 'ipv4'],
      ['168.63.129.16', 32, 'ipv4'],
      ['fc00::', 7, 'ipv6'],
      ['fe80::', 10, 'ipv6'],
      ['fec0::', 10, 'ipv6'],
      ['ff00::', 8, 'ipv6'],
    ])
    const nearEdges = fc.tuple(
      fc.constantFrom('0', '9', '10', '100', '127', '169', '172', '192', '198', '223', '224', '255'),
      fc.constantFrom('0', '15', '16', '18', '20', '31', '32', '63', '64', '127', '128', '168', '253', '254'),
      fc.nat(255),
      fc.nat(255),
    )
    const v4 = fc.oneof(
      fc.ipV4(),
      nearEdges.map((parts) => parts.join('.')),
    )
    const v6 = fc
      .tuple(fc.constantFrom('fbff', 'fc00', 'fdff', 'fe7f', 'fe80', 'febf', 'fec0', 'feff', 'ff00', '2a00'), fc.ipV6())
      .filter(([, rest]) => /^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$/i.test(rest))
      .map(([first, rest]) => rest.replace(/^[^:]*/, first))
    fc.assert(
      fc.property(v4, (address) => {
        expect(addressKind(address) !== 'public').toBe(closed.check(address, 'ipv4'))
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(v6, (address) => {
        expect(addressKind(address) !== 'public').toBe(closed.check(address, 'ipv6'))
      }),
      { numRuns: 300 },
    )
  })
})
