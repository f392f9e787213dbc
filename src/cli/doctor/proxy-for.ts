/**
 * Which proxy lies between here and a provider: the configuration's own, else what the variables say, by the rules of the
 * transport's agent (undici's EnvHttpProxyAgent).
 */
import type { ResolvedProvider } from '#infra/config/config.ts'
import type { Environment } from '#infra/config/environment.ts'

export interface ProxyInBetween {
  /** Where it is said: a key of the configuration or a variable. */
  readonly from: string
  /** Host and port alone: user and password stand in the same URL. Undefined when it is no URL. */
  readonly host: string | undefined
}

export const proxyFor = (
  provider: Pick<ResolvedProvider, 'id' | 'baseUrl' | 'proxy'>,
  environment: Environment,
): ProxyInBetween | undefined => {
  if (provider.proxy !== undefined) return { from: `providers.${provider.id}.proxy`, host: hostOf(provider.proxy) }
  const url = new URL(provider.baseUrl)
  if (isExempt(url, environment.no_proxy ?? environment.NO_PROXY ?? '')) return undefined
  // Without a proxy for https, the one for http is used for both.
  const names = ['http_proxy', 'HTTP_PROXY']
  const from = (url.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY', ...names] : names).find(
    (name) => (environment[name] ?? '') !== '',
  )
  return from === undefined ? undefined : { from, host: hostOf(environment[from] ?? '') }
}

const hostOf = (proxy: string): string | undefined => URL.parse(proxy)?.host || undefined

const DEFAULT_PORTS: { readonly [protocol: string]: string } = { 'http:': '80', 'https:': '443' }

/** `*`, `host`, `host:port`, `.domain` and `*.domain`; a plain host stands for what lies below it too. */
const isExempt = (url: URL, noProxy: string): boolean => {
  const host = url.hostname.replace(/^\[(.+)\]$/, '$1').toLowerCase()
  const port = url.port || DEFAULT_PORTS[url.protocol]
  return noProxy
    .toLowerCase()
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, bracketed, plain = entry, ending] = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? []
      const name = bracketed ?? plain
      if (ending !== undefined && ending !== port) return false
      if (name === '*') return true
      const domain = name.replace(/^\*?\./, '')
      return (host === domain && !name.startsWith('*')) || host.endsWith(`.${domain}`)
    })
}
