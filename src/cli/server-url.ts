/**
 * Where the running Signalbox of a configuration is found on this machine.
 */
import type { Config } from '#infra/config/config.ts'

/** Listening everywhere is no address to call. */
const EVERYWHERE: { readonly [host: string]: string } = { '0.0.0.0': '127.0.0.1', '::': '::1' }

export const serverUrl = ({ server: { host, port } }: Pick<Config, 'server'>): string => {
  const address = EVERYWHERE[host] ?? host
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}
