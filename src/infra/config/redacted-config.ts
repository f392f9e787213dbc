/**
 * The configuration for people and for the admin API: no secret in any form.
 */
import type { Config } from '#infra/config/config.ts'
import { formatProblem } from '#infra/config/problem.ts'
import { describeReference } from '#infra/credentials/credential-reference.ts'

const HIDDEN = '•••'

/**
 * Plain JSON data: credentials as descriptions of their references, URLs without user and password, values of headers that
 * look like credentials replaced by `•••`.
 */
export const redactedConfig = (config: Config) => ({
  ...config,
  warnings: config.warnings.map(formatProblem),
  providers: config.providers.map((provider) => ({
    ...provider,
    baseUrl: withoutUser(provider.baseUrl),
    credential: describeReference(provider.credential),
    headers: Object.fromEntries(provider.headers.map(([name, value]) => [name, isSecretHeader(name) ? HIDDEN : value])),
    ...(provider.proxy === undefined ? {} : { proxy: withoutUser(provider.proxy) }),
  })),
  database: { url: withoutUser(config.database.url) },
  adminToken: config.adminToken === undefined ? 'none' : HIDDEN,
})

const isSecretHeader = (name: string): boolean =>
  /authorization|cookie|token|secret|key|password|credential|signature/i.test(name)

/** `scheme://user:password@host` → `scheme://host`. On the text, because not every such value is a URL that parses. */
export const withoutUser = (url: string): string => url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
