/**
 * Where certificates lie. What is in the files is looked at when they are used, and again whenever they change.
 */
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import type { ResolvedProvider, ServerConfig } from '#infra/config/config.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

type ProviderFile = NonNullable<ConfigFile['providers']>[string]

export const resolveServerTls = (
  tls: NonNullable<ConfigFile['server']>['tls'],
  checks: Checks,
): Pick<ServerConfig, 'tls'> => {
  if (tls === undefined) return {}
  const at = (key: 'certFile' | 'keyFile' | 'clientCaFile', path: string) =>
    absolutePath(path, ['server', 'tls', key], checks)
  return {
    tls: {
      certFile: at('certFile', tls.certFile),
      keyFile: at('keyFile', tls.keyFile),
      ...(tls.clientCaFile === undefined ? {} : { clientCaFile: at('clientCaFile', tls.clientCaFile) }),
      ...(tls.commands === undefined
        ? {}
        : { commands: resolveOwnTls(tls.commands, ['server', 'tls', 'commands'], checks) }),
      minVersion: tls.minVersion ?? 'TLSv1.2',
    },
  }
}

/** How we speak to somebody: to a provider, or to the running Signalbox. `path`: of this `tls` */
export const resolveOwnTls = (
  tls: ProviderFile['tls'],
  path: readonly string[],
  checks: Checks,
): ResolvedProvider['tls'] => {
  const at = (key: string, file: string) => absolutePath(file, [...path, key], checks)
  const { ca, certFile, keyFile } = tls ?? {}
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const missing = certFile === undefined ? 'certFile' : 'keyFile'
    checks.report('missingKey', [...path, missing], 'is missing; certFile and keyFile go together')
  }
  return {
    ...(ca === undefined ? {} : { ca: at('ca', ca) }),
    ...(certFile === undefined || keyFile === undefined
      ? {}
      : { identity: { certFile: at('certFile', certFile), keyFile: at('keyFile', keyFile) } }),
  }
}
