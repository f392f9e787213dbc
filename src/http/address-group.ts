/**
 * Whom to count remote addresses as: who has one address of IPv6 has the 2^64 of its network (RFC 6177), so these count as one.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** IPv4 as it is, also where it is mapped into IPv6; of IPv6 the network of 64 bits. */
export const addressGroup = (address: string): string => {
  const mapped = /^::ffff:(.+)$/i.exec(address)?.[1]
  if (mapped !== undefined && isIPv4(mapped)) return mapped
  if (!isIPv6(address)) return address
  const [left = '', right] = address.replace(/%.*$/, '').toLowerCase().split('::')
  const [start, end] = [left, right ?? ''].map((half) => half.split(':').filter((group) => group !== ''))
  const missing = 8 - (start?.length ?? 0) - (end?.length ?? 0)
  const all = [
    ...(start ?? []),
    ...(right === undefined ? [] : Array.from({ length: missing }, () => '0')),
    ...(end ?? []),
  ]
  const network = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${network.join(':')}::/64`
}

const LOOPBACK = /^(127(\.\d+){3}|::1|::ffff:127(\.\d+){3})$/i

/** Of this machine, as a socket tells it. */
export const isLoopbackAddress = (address: string): boolean => LOOPBACK.test(address)
