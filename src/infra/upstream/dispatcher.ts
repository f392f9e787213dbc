/**
 * The connections to one origin: a pool, or a proxy's agent, with the TLS that the configuration asks for. Files of certificates
 * are read anew when they change, so that renewing one needs no restart.
 */
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { type Dispatcher, EnvHttpProxyAgent, Pool, ProxyAgent } from 'undici'
import { isOwnNetwork } from '#infra/upstream/address-kind.ts'
import type { LookupAll } from '#infra/upstream/ask-once.ts'
import { type AddressRefused, guardedConnector } from '#infra/upstream/connect-guard.ts'

export interface DispatcherOptions {
  /** Scheme, host and port. */
  readonly origin: string
  /** PEM file of an additional certificate authority. */
  readonly caFile?: string | undefined
  /** PEM files of the certificate and the key that we show where a server asks for one. */
  readonly identity?: { readonly certFile: string; readonly keyFile: string } | undefined
  /** Overrides the proxy variables of the environment. */
  readonly proxy?: string | undefined
  readonly connectTimeoutMs: number
  /** The host may lead to a private or loopback address. Default: when the host itself is one, or a name of one's own network. */
  readonly allowPrivate?: boolean | undefined
  /** Default: the system's. Not asked for what goes through a proxy, which resolves names itself. */
  readonly lookup?: LookupAll | undefined
  readonly onRefused?: ((refused: AddressRefused) => void) | undefined
  /** Files have changed so that they cannot be used; the old certificates stay. */
  readonly onUnusableFiles?: ((error: unknown) => void) | undefined
}

export interface Dispatchers {
  /** @throws the system's or TLS's own error when a file cannot be used and never could */
  readonly current: () => Dispatcher
  readonly proxied: boolean
  /** Lets exchanges under way finish. */
  readonly close: () => Promise<void>
  /** Breaks off exchanges under way. */
  readonly destroy: () => Promise<void>
}

/** Idle connections are dropped before the usual middlebox or server does it under a request. */
const KEEP_ALIVE_MS = 30_000

export const makeDispatchers = (options: DispatcherOptions): Dispatchers => {
  const files = [options.caFile, options.identity?.certFile, options.identity?.keyFile].filter(
    (file) => file !== undefined,
  )
  const proxied = options.proxy !== undefined || hasProxyVariable()
  const open = new Set<Dispatcher>()
  const make = (): Dispatcher => {
    const made = makeDispatcher(options, proxied)
    open.add(made)
    return made
  }
  let current = files.length === 0 ? make() : undefined
  let read = ''
  let closed = false
  return {
    proxied,
    current: () => {
      if (current !== undefined && (files.length === 0 || closed)) return current
      const now = versionOf(files)
      if (current !== undefined && now === read) return current
      const old = current
      try {
        current = make()
      } catch (error) {
        if (old === undefined) throw error
        // Half-written files, perhaps: what was good before is good until its own end.
        options.onUnusableFiles?.(error)
        read = now
        return old
      }
      read = now
      if (old !== undefined) void old.close().then(() => open.delete(old))
      return current
    },
    close: async () => {
      closed = true
      await Promise.all([...open].map((dispatcher) => dispatcher.close()))
    },
    destroy: async () => {
      closed = true
      await Promise.all([...open].map((dispatcher) => dispatcher.destroy()))
    },
  }
}

const hasProxyVariable = (): boolean => {
  const { env } = process
  return (env.HTTP_PROXY ?? env.http_proxy ?? env.HTTPS_PROXY ?? env.https_proxy) !== undefined
}

/** Changes with each of the files; one that is not there has none. */
const versionOf = (files: readonly string[]): string =>
  files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false })
      return found === undefined ? '' : `${found.mtimeMs} ${found.size} ${found.ino}`
    })
    .join('|')

/**
 * TLS trust beside the usual authorities (`ca` alone would replace them), parsed once, not per connection.
 *
 * @throws the system's or TLS's own error when a file cannot be used
 */
export const tlsContext = ({
  caFile,
  identity,
}: Pick<DispatcherOptions, 'caFile' | 'identity'>): { readonly secureContext?: SecureContext } =>
  caFile === undefined && identity === undefined
    ? {}
    : {
        secureContext: createSecureContext({
          ...(caFile === undefined ? {} : { ca: [...getCACertificates(), readFileSync(caFile, 'utf8')] }),
          ...(identity === undefined
            ? {}
            : { cert: readFileSync(identity.certFile), key: readFileSync(identity.keyFile) }),
        }),
      }

const makeDispatcher = (options: DispatcherOptions, proxied: boolean): Dispatcher => {
  const tls = tlsContext(options)
  const timeout = options.connectTimeoutMs
  const { hostname } = new URL(options.origin)
  const common = {
    // Limits of time are the attempt's, which knows the phases.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    allowH2: false,
    connect: guardedConnector(
      { timeout, keepAlive: true, keepAliveInitialDelay: 30_000, allowH2: false, ...tls },
      {
        allowPrivate: options.allowPrivate ?? isOwnNetwork(hostname),
        lookup: options.lookup,
        onRefused: options.onRefused,
      },
    ),
  }
  if (!proxied) return new Pool(options.origin, common)
  const toProxy = { ...common, connectTimeout: timeout, requestTls: tls }
  return options.proxy === undefined
    ? new EnvHttpProxyAgent(toProxy)
    : new ProxyAgent({ ...toProxy, uri: options.proxy })
}
