/**
 * Which addresses a connection may be made to, decided on the address that is really connected to, each time: what a name
 * resolved to a minute ago says nothing (DNS rebinding). A refused address has the code `ADDRESS_REFUSED`.
 */
import { lookup as lookupOfSystem } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { type AddressKind, addressKind, bareHost } from '#infra/upstream/address-kind.ts'
import { askOnce, type LookupAll } from '#infra/upstream/ask-once.ts'

export interface ConnectGuard {
  /** Private and loopback addresses too. */
  readonly allowPrivate: boolean
  /** Default: the system's. */
  readonly lookup?: LookupAll | undefined
  /** Told of each refusal, for the log. */
  readonly onRefused?: ((refused: AddressRefused) => void) | undefined
}

/** Nothing was connected to. */
export class AddressRefused extends Error {
  readonly code = 'ADDRESS_REFUSED'
  readonly host: string
  readonly address: string
  readonly kind: AddressKind

  constructor(host: string, address: string) {
    super('the address is not one that may be connected to')
    this.host = host
    this.address = address
    this.kind = addressKind(address)
  }
}

const isAllowed = (address: string, { allowPrivate }: ConnectGuard): boolean => {
  const kind = addressKind(address)
  return kind === 'public' || (allowPrivate && kind !== 'forbidden')
}

const refuse = (host: string, address: string, { onRefused }: ConnectGuard): AddressRefused => {
  const refused = new AddressRefused(host, address)
  onRefused?.(refused)
  return refused
}

/** The refusal of a host that is an address, which no look-up sees; undefined for a name, or when it may be connected to. */
export const refusedLiteral = (hostname: string, guard: ConnectGuard): AddressRefused | undefined => {
  const host = bareHost(hostname)
  return isIP(host) === 0 || isAllowed(host, guard) ? undefined : refuse(host, host, guard)
}

/** For `net.connect`, which connects to nothing but what this answers. */
export const guardedLookup = (guard: ConnectGuard): LookupFunction => {
  const find = askOnce(guard.lookup ?? lookupOfSystem)
  return (name, options, done) =>
    find(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, '', 0)
      const allowed = addresses.filter(({ address }) => isAllowed(address, guard))
      const [first] = allowed
      if (first === undefined) return done(refuse(name, addresses[0]?.address ?? '', guard), '', 0)
      if (options.all === true) done(null, allowed)
      else done(null, first.address, first.family)
    })
}

/** How undici connects. */
export const guardedConnector = (
  options: buildConnector.BuildOptions,
  guard: ConnectGuard,
): buildConnector.connector => {
  const connect = buildConnector({ ...options, lookup: guardedLookup(guard) })
  return (to, done) => {
    const refused = refusedLiteral(to.hostname, guard)
    if (refused === undefined) connect(to, done)
    else done(refused, null)
  }
}
