/**
 * Whether a provider's address is one to send prompts and a credential to. Where a name leads is looked at again whenever a
 * connection is made (infra/upstream/connect-guard.ts).
 */
import { isIP } from 'node:net'
import type { Checks } from '#infra/config/checks.ts'
import type { ConfigFile } from '#infra/config/schema.ts'
import { addressKind, bareHost, isOwnNetwork } from '#infra/upstream/address-kind.ts'

type ProviderFile = NonNullable<ConfigFile['providers']>[string]

/** @param base the provider's URL, also that of its preset @param path of the provider */
export const checkDestination = (
  base: string,
  { allowPrivate, credential }: Pick<ProviderFile, 'allowPrivate' | 'credential'>,
  path: readonly string[],
  checks: Checks,
): void => {
  const url = URL.parse(base)
  if (url === null) return
  const host = bareHost(url.hostname)
  const kind = isIP(host) === 0 ? 'public' : addressKind(host)
  if (kind === 'forbidden') {
    checks.report(
      'invalidValue',
      [...path, 'baseUrl'],
      `leads to ${host}, where link-local or metadata services are; Signalbox never connects there`,
    )
  } else if (kind !== 'public' && allowPrivate === false) {
    checks.report('conflict', [...path, 'allowPrivate'], `is false, but ${host} in baseUrl is a ${kind} address`)
  }
  if (url.protocol === 'http:' && !isOwnNetwork(url.hostname) && allowPrivate !== true) {
    const what = credential === 'none' ? 'prompts' : 'prompts and the credential'
    checks.warn('invalidValue', [...path, 'baseUrl'], `sends ${what} unencrypted over the internet; use https`)
  }
}
