import { describe, expect, it } from 'vitest'
import { addressGroup, isLoopbackAddress } from '#http/address-group.ts'

describe('remote addresses count as one', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:0:0:0:2', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::2:3:4:5:6', '1:0:0:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s as %s', (address, group) => {
    expect(addressGroup(address)).toBe(group)
  })
})

describe('a remote address is of this machine', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['192.168.0.1', false],
    ['::ffff:192.168.0.1', false],
    ['::2', false],
    ['', false],
  ])('%s: %s', (address, isLoopback) => {
    expect(isLoopbackAddress(address)).toBe(isLoopback)
  })
})
