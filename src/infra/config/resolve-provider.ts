/**
 * One provider of the file, with its defaults and checked for what a schema cannot say.
 */
import { fnvHash } from '#domain/dialect/fnv-hash.ts'
import { providerId } from '#domain/ids.ts'
import {
  type BreakerPolicy,
  defaultBreaker,
  defaultTimeouts,
  type LimitPolicy,
  type TimeoutPolicy,
} from '#domain/policy.ts'
import { checkDestination } from '#infra/config/check-destination.ts'
import type { Checks } from '#infra/config/checks.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { durationMs } from '#infra/config/quantities.ts'
import { resolveCredential } from '#infra/config/resolve-credential.ts'
import { resolveProfile } from '#infra/config/resolve-profile.ts'
import { resolveOwnTls } from '#infra/config/resolve-tls.ts'
import type { ConfigFile } from '#infra/config/schema.ts'
import { warnOfPassword } from '#infra/config/warn-of-password.ts'
import { resolvePrices } from '#infra/prices/price-book.ts'
import { CHAT_PATHS, type Preset, type Profile } from '#infra/upstream/profile.ts'

type ProviderFile = NonNullable<ConfigFile['providers']>[string]

export const resolveProvider = (id: string, file: ProviderFile, checks: Checks): ResolvedProvider => {
  const at = (...path: readonly string[]) => ['providers', id, ...path]
  const { preset, profile, ownBaseUrl } = resolveProfile(file, at(), checks)
  const baseUrl = file.baseUrl ?? ownBaseUrl
  if (baseUrl === undefined) {
    checks.report('missingKey', at('baseUrl'), `is missing; the kind ${file.kind} needs the URL of its API`)
  }
  if (isForeign(preset) && preset.models === undefined && !hasModels(id, file, checks)) {
    checks.warn(
      'missingKey',
      at('models'),
      "is missing; Claude Code asks for Claude's models, and this server is asked for them under the same names",
    )
  }
  const maxInputTokens =
    file.limits?.maxInputTokens ?? (file.baseUrl === undefined ? preset.limits?.maxInputTokens : undefined)
  const lacks = [...(preset.lacks ?? []), ...(profile.dialect === 'openai' ? CHAT_LACKS : [])]
  const base = baseUrl === undefined ? '' : checkBaseUrl(baseUrl, profile, at('baseUrl'), checks)
  checkDestination(base, file, at(), checks)
  const proxy = file.proxy === undefined ? undefined : checkUrl(file.proxy, at('proxy'), checks)
  if (proxy !== undefined) warnOfPassword(proxy, at('proxy'), checks)
  for (const pattern of Object.keys(file.models ?? {})) checkPattern(pattern, at('models', pattern), checks)
  return {
    id: providerId(id),
    kind: file.kind,
    ...(file.preset === undefined ? {} : { preset: file.preset }),
    profile,
    baseUrl: base,
    credential: resolveCredential(
      file.credential,
      { preset, profile, baseUrl: urlOf(baseUrl), ownBaseUrl: urlOf(ownBaseUrl) },
      at('credential'),
      checks,
    ),
    headers: resolveHeaders(file.headers ?? {}, at('headers'), checks),
    tls: resolveOwnTls(file.tls, at('tls'), checks),
    ...(file.allowPrivate === undefined ? {} : { allowPrivate: file.allowPrivate }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(preset.models === undefined ? {} : { builtInModels: preset.models }),
    policy: {
      enabled: file.enabled ?? true,
      priority: file.priority ?? 100,
      endpoint: fnvHash(`${base}${profile.paths.call}`),
      ...(preset.naming === undefined ? {} : { naming: preset.naming }),
      ...(lacks.length === 0 ? {} : { lacks }),
      models: file.models ?? {},
      ...(maxInputTokens === undefined ? {} : { maxInputTokens }),
      ...resolveLimits(file.limits),
      ...(file.prices === undefined ? {} : { prices: resolvePrices(file.prices) }),
      ...(preset.maxBodyBytes === undefined ? {} : { maxBodyBytes: preset.maxBodyBytes }),
      breaker: resolveBreaker(file.breaker ?? {}),
      timeouts: resolveTimeouts(file.timeouts ?? {}),
    },
  }
}

/** `maxInputTokens` is about one request, and stands apart. */
const resolveLimits = (file: ProviderFile['limits']): { readonly limits?: LimitPolicy } => {
  const { maxInputTokens: _, ...limits } = file ?? {}
  return Object.keys(limits).length === 0 ? {} : { limits }
}

/** Milliseconds of a duration key, or its default. */
export const ms = (value: string | number | undefined, standard: number): number =>
  value === undefined ? standard : durationMs(value)

/** @param standard what is not said */
export const resolveTimeouts = (
  file: NonNullable<ProviderFile['timeouts']>,
  standard: TimeoutPolicy = defaultTimeouts,
): TimeoutPolicy => ({
  connectMs: ms(file.connect, standard.connectMs),
  headersMs: ms(file.headers, standard.headersMs),
  firstContentMs: ms(file.firstContent, standard.firstContentMs),
  idleMs: ms(file.idle, standard.idleMs),
  progressMs: ms(file.progress, standard.progressMs),
})

/** @param standard what is not said */
export const resolveBreaker = (
  file: NonNullable<ProviderFile['breaker']>,
  standard: BreakerPolicy = defaultBreaker,
): BreakerPolicy => ({
  consecutiveFailures: file.consecutiveFailures ?? standard.consecutiveFailures,
  consecutiveConnectFailures: file.consecutiveConnectFailures ?? standard.consecutiveConnectFailures,
  failureRateShare: file.failureRate ?? standard.failureRateShare,
  minimumOutcomes: file.minimumOutcomes ?? standard.minimumOutcomes,
  windowMs: ms(file.window, standard.windowMs),
  openBaseMs: ms(file.openBase, standard.openBaseMs),
  openCapMs: ms(file.openCap, standard.openCapMs),
  openJitterShare: file.openJitter ?? standard.openJitterShare,
  forgiveAfterMs: ms(file.forgiveAfter, standard.forgiveAfterMs),
  probeSuccesses: file.probeSuccesses ?? standard.probeSuccesses,
  probeLeaseMs: ms(file.probeLease, standard.probeLeaseMs),
  rampMs: ms(file.ramp, standard.rampMs),
  rampFloorShare: file.rampFloor ?? standard.rampFloorShare,
  throttleBaseMs: ms(file.throttleBase, standard.throttleBaseMs),
  throttleCapMs: ms(file.throttleCap, standard.throttleCapMs),
  throttleMaxMs: ms(file.throttleMax, standard.throttleMaxMs),
  credentialRetryMs: ms(file.credentialRetry, standard.credentialRetryMs),
  quotaRetryMs: ms(file.quotaRetry, standard.quotaRetryMs),
})

/** What no server of the chat dialect can do: run Anthropic's server tools, read files that lie at Anthropic. */
const CHAT_LACKS = ['only:server-tools', 'source:file']

/** Names from the common `models` count too; they are checked elsewhere. */
const hasModels = (id: string, file: ProviderFile, checks: Checks): boolean =>
  Object.keys(file.models ?? {}).length > 0 || checks.commonModels.has(id)

/** Whether its models are not Claude. */
const isForeign = (preset: Preset): boolean =>
  preset.naming === undefined && (preset.dialect === 'openai' || preset.foreignThinking === true)

const urlOf = (text: string | undefined): URL | undefined =>
  text === undefined ? undefined : (URL.parse(text) ?? undefined)

/** A pattern is a name with any number of `*`; blanks are never part of a model's name. */
export const checkPattern = (pattern: string, path: readonly string[], checks: Checks): void => {
  if (/\s/.test(pattern)) checks.report('invalidValue', path, 'a model name holds no blanks')
}

export const checkUrl = (value: string, path: readonly string[], checks: Checks): string => {
  const url = URL.parse(value)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    checks.report('invalidValue', path, 'expected a URL that starts with http:// or https://')
  }
  return value
}

const checkBaseUrl = (value: string, profile: Profile, path: readonly string[], checks: Checks): string => {
  checkUrl(value, path, checks)
  const url = URL.parse(value)
  if (url === null) return value
  if (url.username !== '' || url.password !== '') {
    checks.report('literalSecret', path, 'a secret does not belong into the URL; use credential')
  }
  if (url.search !== '' || url.hash !== '')
    checks.report('invalidValue', path, 'a base URL has no query and no fragment')
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  if (base.endsWith('/v1') && profile.paths.call.startsWith('/v1/')) {
    checks.warn('invalidValue', path, 'ends in /v1, which is added to it again (…/v1/v1/messages); leave it off')
  }
  if (url.pathname === '/' && profile.dialect === 'openai' && profile.paths.call === CHAT_PATHS.call) {
    checks.warn('invalidValue', path, 'has no path; most servers of the chat dialect answer below /v1')
  }
  return base
}

/** Set by the transport or by the credential. */
const managed: Readonly<Record<string, string>> = {
  authorization: 'use credential with header: bearer',
  'x-api-key': 'use credential',
  'api-key': 'use credential with header: api-key',
  host: 'it follows from baseUrl',
  'content-length': 'it follows from the body',
  'transfer-encoding': 'it follows from the body',
  connection: 'it belongs to the connection',
  'keep-alive': 'it belongs to the connection',
  te: 'it belongs to the connection',
  trailer: 'it belongs to the connection',
  upgrade: 'it belongs to the connection',
  'proxy-authorization': 'write proxy: http://USER:PASSWORD@HOST through its environment variable',
}

const resolveHeaders = (headers: Readonly<Record<string, string>>, path: readonly string[], checks: Checks) => {
  const names = new Set<string>()
  return Object.entries(headers).map(([name, value]) => {
    const lower = name.toLowerCase()
    const reason = Object.hasOwn(managed, lower) ? managed[lower] : undefined
    const secret = lower === 'authorization' || lower === 'x-api-key' || lower === 'api-key'
    if (reason !== undefined)
      checks.report(secret ? 'literalSecret' : 'invalidValue', [...path, name], `cannot be set here; ${reason}`)
    if (names.has(lower)) checks.report('conflict', [...path, name], 'the header stands twice (case does not count)')
    names.add(lower)
    // What Node itself refuses to send: control characters, and characters beyond one byte.
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
      checks.report('invalidValue', [...path, name], 'has a character that no header may hold')
    return [lower, value] as const
  })
}
