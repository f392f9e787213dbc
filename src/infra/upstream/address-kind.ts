/**
 * What kind of network an IP address lies in, as far as it decides whether Signalbox may connect to it: a name of a provider
 * that leads into one's own network, or to the service that hands out a cloud machine's credentials, is an attack or a mistake.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net'

/**
 * `private` and `loopback` need the operator's consent, `forbidden` (link-local, metadata services, multicast, reserved)
 * cannot be had at all.
 */
export type AddressKind = 'public' | 'private' | 'loopback' | 'forbidden'

/** @param address without brackets; a zone (`fe80::1%eth0`) is no part of it. What is no address is `forbidden`. */
export const addressKind = (address: string): AddressKind => {
  const bytes = bytesOf(address.replace(/%.*$/, ''))
  return bytes === undefined ? 'forbidden' : kindOf(bytes)
}

/** An IPv6 address stands in brackets in a URL. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[(.+)\]$/, '$1')

/** Top-level domains that nobody on the internet can own (RFC 6761, 6762, 8375; ICANN for `internal`). */
const OWN_DOMAINS = /(^|\.)(localhost|local|internal|home\.arpa)$/

/**
 * Whether a host by itself says that it is in one's own network: a private address, or a name that no stranger can have. Whoever
 * writes it means it.
 */
export const isOwnNetwork = (hostname: string): boolean => {
  const host = bareHost(hostname).toLowerCase().replace(/\.$/, '')
  if (isIP(host) !== 0) return addressKind(host) === 'private' || addressKind(host) === 'loopback'
  return !host.includes('.') || OWN_DOMAINS.test(host)
}

type Bytes = readonly number[]

interface Network {
  readonly prefix: Bytes
  readonly bits: number
}

const kindOf = (bytes: Bytes): AddressKind => {
  if (bytes.length === 16) {
    const carried = CARRIERS.find(({ network }) => isIn(bytes, network))
    if (carried !== undefined) return kindOf(carried.address(bytes))
  }
  return NETWORKS.find(({ network }) => isIn(bytes, network))?.kind ?? 'public'
}

const isIn = (bytes: Bytes, { prefix, bits }: Network): boolean =>
  bytes.length === prefix.length &&
  prefix.every((byte, index) => {
    const rest = Math.min(8, Math.max(0, bits - 8 * index))
    const mask = (0xff << (8 - rest)) & 0xff
    return (byte & mask) === ((bytes[index] ?? 0) & mask)
  })

/** Four or sixteen; undefined: no address. */
const bytesOf = (address: string): Bytes | undefined => {
  if (isIPv4(address)) return address.split('.').map(Number)
  if (!isIPv6(address)) return undefined
  // The last 32 bits may be written as IPv4.
  const [, before = address, last] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address) ?? []
  const tail = last === undefined ? [] : last.split('.').map(Number)
  const [left = '', right] = before.split('::')
  const [start, end] = [groups(left), right === undefined ? [] : groups(right)]
  const missing = 16 - start.length - end.length - tail.length
  return [...start, ...Array.from({ length: missing }, () => 0), ...end, ...tail]
}

const groups = (text: string): Bytes =>
  text
    .split(':')
    .filter((group) => group !== '')
    .flatMap((group) => {
      const value = Number.parseInt(group, 16)
      return [value >> 8, value & 0xff]
    })

const network = (text: string): Network => {
  const [address = '', bits = ''] = text.split('/')
  return { prefix: bytesOf(address) ?? [], bits: Number(bits) }
}

/** IANA's special-purpose registries, and the addresses at which clouds hand out credentials; the first that fits counts. */
const NETWORKS: readonly { readonly network: Network; readonly kind: AddressKind }[] = (
  [
    // Alibaba Cloud, Azure's wire server, Oracle Cloud; those of AWS, Azure and Google are link-local.
    ['forbidden', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32'],
    ['forbidden', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
    // To connect to 0.0.0.0 or :: is to connect to oneself.
    ['loopback', '127.0.0.0/8', '0.0.0.0/32', '::1/128', '::/128'],
    ['forbidden', '0.0.0.0/8'],
    ['private', '10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15'],
    // AWS and Google, in IPv6.
    ['forbidden', 'fd00:ec2::/32', 'fd20:ce::254/128'],
    ['forbidden', 'fe80::/10', 'ff00::/8'],
    ['private', 'fc00::/7', 'fec0::/10'],
    // IPv4-compatible, given up twenty years ago; whatever stands there is not reached by it.
    ['forbidden', '::/96'],
  ] satisfies readonly (readonly [AddressKind, ...string[]])[]
).flatMap(([kind, ...texts]) => texts.map((text) => ({ network: network(text), kind })))

/** IPv6 addresses that stand for an IPv4 one: whatever carries the packet, it arrives there. */
const CARRIERS: readonly { readonly network: Network; readonly address: (bytes: Bytes) => Bytes }[] = (
  [
    // Mapped (RFC 4291), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215).
    ...['::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48'].map(
      (text) => [text, (bytes: Bytes) => bytes.slice(12)] as const,
    ),
    // 6to4 (RFC 3056) and Teredo (RFC 4380), whose client's address is inverted.
    ['2002::/16', (bytes: Bytes) => bytes.slice(2, 6)] as const,
    ['2001::/32', (bytes: Bytes) => bytes.slice(12).map((byte) => byte ^ 0xff)] as const,
  ] satisfies readonly (readonly [string, (bytes: Bytes) => Bytes])[]
).map(([text, address]) => ({ network: network(text), address }))
