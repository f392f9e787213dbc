/**
 * The configuration for people and for the admin API: no secret in any form.
 */
import type { ChannelSettings, TextSource } from '#infra/alerts/settings.ts'
import type { Config } from '#infra/config/config.ts'
import { formatProblem } from '#infra/config/problem.ts'
import { describeReference } from '#infra/credentials/credential-reference.ts'
import type { Profile } from '#infra/upstream/profile.ts'

const HIDDEN = '•••'

/**
 * Plain JSON data: credentials as descriptions of their references, URLs without user and password, values of headers replaced by
 * `•••`.
 */
export const redactedConfig = (config: Config) => ({
  ...config,
  warnings: config.warnings.map(formatProblem),
  providers: config.providers.map((provider) => ({
    ...provider,
    profile: shownProfile(provider.profile),
    baseUrl: withoutUser(provider.baseUrl),
    credential: describeReference(provider.credential),
    // Whatever its name: services ask for all kinds of headers.
    headers: Object.fromEntries(provider.headers.map(([name]) => [name, HIDDEN])),
    ...(provider.proxy === undefined ? {} : { proxy: withoutUser(provider.proxy) }),
  })),
  server: {
    ...config.server,
    ...(config.server.adminToken === undefined ? {} : { adminToken: describeReference(config.server.adminToken) }),
    ...(config.server.readToken === undefined ? {} : { readToken: describeReference(config.server.readToken) }),
  },
  database: { ...config.database, url: shownDatabase(config.database.url) },
  cluster: config.cluster,
  capture: {
    ...config.capture,
    key: config.capture.key === undefined ? 'none' : describeReference(config.capture.key),
  },
  alerts: { ...config.alerts, channels: config.alerts.channels.map(shownChannel) },
  prices: shownPrices(config.prices),
  telemetry: { traces: shownTraces(config.telemetry.traces) },
  adminToken: config.adminToken === undefined ? 'none' : HIDDEN,
})

/** Without the content of the file: it may have thousands of rows, and can be looked at where it lies. */
const shownPrices = ({ file, url }: Config['prices']) => ({
  ...(file === undefined ? {} : { file }),
  ...(url === undefined ? {} : { url: withoutQuery(withoutUser(url)) }),
})

const shownTraces = ({ endpoint, headers, ...rest }: Config['telemetry']['traces']) => ({
  ...(endpoint === undefined ? {} : { endpoint: withoutQuery(withoutUser(endpoint)) }),
  headers: Object.fromEntries(headers.map(([name, value]) => [name, shownSource(value)])),
  ...rest,
})

/** Where a URL has a key, it stands there. */
const withoutQuery = (url: string): string => url.replace(/\?[^#]*/, '?•••')

/** Of a plain URL only where it leads: its path may be what opens it. Of a command only the program, as for credentials. */
const shownChannel = (channel: ChannelSettings) =>
  channel._tag === 'Command'
    ? { name: channel.name, kind: 'command', argv: channel.argv.map((part, index) => (index === 0 ? part : HIDDEN)) }
    : {
        name: channel.name,
        kind: 'webhook',
        url: shownUrl(channel.url),
        format: channel.format,
        headers: Object.fromEntries(channel.headers.map(([name, value]) => [name, shownSource(value)])),
      }

const shownSource = (source: TextSource): string => (source._tag === 'Plain' ? HIDDEN : describeReference(source))

const shownUrl = (source: TextSource): string => {
  const url = source._tag === 'Plain' ? URL.parse(source.text) : null
  if (url === null) return shownSource(source)
  return url.pathname === '/' && url.search === '' ? url.origin : `${url.origin}/${HIDDEN}`
}

const shownProfile = (profile: Profile): unknown => ({
  ...profile,
  ...(profile.extraBody === undefined ? {} : { extraBody: withoutSecrets(profile.extraBody) }),
  ...('chat' in profile && profile.chat !== undefined
    ? { chat: { ...profile.chat, profile: shownProfile(profile.chat.profile) } }
    : {}),
})

/** What members that look like credentials hold is replaced, at any depth: the body's members are the operator's own. */
const withoutSecrets = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      isSecretName(name) && !isPlain(inner) ? HIDDEN : withoutSecrets(inner),
    ]),
  )
}

/** `max_tokens: 100` is no secret. */
const isPlain = (value: unknown): boolean => typeof value === 'number' || typeof value === 'boolean'

export const isSecretName = (name: string): boolean =>
  /authorization|cookie|token|secret|key|password|credential|signature/i.test(name)

/** `scheme://user:password@host` → `scheme://host`. On the text, because not every such value is a URL that parses. */
export const withoutUser = (url: string): string => url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')

/** Where the log is, without what lets one in. */
export const shownDatabase = (url: string): string => {
  if (!/^postgres(ql)?:/i.test(url)) return url
  const parsed = URL.parse(url)
  return parsed === null ? 'postgres' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}
