/**
 * Where the running Signalbox of a configuration is found on this machine.
 */
import type { Config } from '#infra/config/config.ts'

/** Listening everywhere is no address to call. */
const EVERYWHERE: { readonly [host: string]: string } = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** With TLS by the first name that clients use: a certificate is for names, seldom for addresses. */
export const serverUrl = ({ server: { host, port, tls, allowedHosts } }: Pick<Config, 'server'>): string => {
  const address = EVERYWHERE[host] ?? host
  const name = tls === undefined ? address : (allowedHosts[0] ?? address)
  return `${tls === undefined ? 'http' : 'https'}://${name.includes(':') ? `[${name}]` : name}:${port}`
}
