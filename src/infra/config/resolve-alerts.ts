/**
 * The alerts of the file, with their defaults and checked for what a schema cannot say: above all that no secret stands in it.
 */
import { type AlertRules, defaultAlertRules as standard } from '#domain/alerts/rules.ts'
import type { Silence } from '#domain/projections/alerts.ts'
import type { AlertsConfig, ChannelSettings, TextSource } from '#infra/alerts/settings.ts'
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import { looksSecret } from '#infra/config/problem.ts'
import { durationMs, sizeBytes } from '#infra/config/quantities.ts'
import { isSecretName } from '#infra/config/redacted-config.ts'
import { ms } from '#infra/config/resolve-provider.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

type AlertsFile = NonNullable<ConfigFile['alerts']>
type ChannelFile = NonNullable<AlertsFile['channels']>[string]

/** What the projection keeps; see recent-outcomes.ts. */
const LONGEST_WINDOW_MS = 900_000
const SHORTEST_WINDOW_MS = 10_000
/** What the histogram can tell apart. */
const LONGEST_LATENCY_MS = 120_000

export const resolveAlerts = ({ alerts: file = {} }: ConfigFile, checks: Checks): AlertsConfig => ({
  rules: resolveRules(file, checks),
  digestMs: ms(file.digest, 30_000),
  channels: Object.entries(file.channels ?? {}).map(([name, channel]) =>
    resolveChannel(name, channel, ['alerts', 'channels', name], checks),
  ),
  silences: Object.entries(file.silences ?? {}).map(([name, { kind, subject, until }]): Silence => {
    const at = until === undefined ? null : Date.parse(until)
    if (at !== null && !Number.isFinite(at)) {
      checks.report('invalidValue', ['alerts', 'silences', name, 'until'], 'expected a time such as 2026-12-01T08:00Z')
    }
    return { kind: kind ?? null, subject: subject ?? null, until: at }
  }),
})

const resolveRules = (file: AlertsFile, checks: Checks): AlertRules => {
  const rules: AlertRules = {
    costPerHourUsd: on(file.costPerHour, standard.costPerHourUsd),
    costPerDayUsd: on(file.costPerDay, standard.costPerDayUsd),
    costForecastUsd: on(file.costForecast, standard.costForecastUsd),
    costSpikeTimes: on(file.costSpike, standard.costSpikeTimes),
    budgetShares: [...new Set(file.budget ?? standard.budgetShares)],
    errorRateShare: on(file.errorRate, standard.errorRateShare),
    latencyMs: on(file.latency, standard.latencyMs, durationMs),
    providerDownMs: on(file.providerDown, standard.providerDownMs, durationMs),
    providerRetired: file.providerRetired ?? standard.providerRetired,
    limitForecast: file.limitForecast ?? standard.limitForecast,
    priceUnknown: file.priceUnknown ?? standard.priceUnknown,
    logFailing: file.logFailing ?? standard.logFailing,
    diskSpaceBytes: on(file.diskSpace, standard.diskSpaceBytes, sizeBytes),
    windowMs: ms(file.window, standard.windowMs),
    minimumOutcomes: file.minimumRequests ?? standard.minimumOutcomes,
  }
  if (rules.windowMs < SHORTEST_WINDOW_MS || rules.windowMs > LONGEST_WINDOW_MS) {
    checks.report('invalidValue', ['alerts', 'window'], 'expected a duration from 10 s to 15 min')
  }
  if ((rules.latencyMs ?? 0) > LONGEST_LATENCY_MS) {
    checks.report('invalidValue', ['alerts', 'latency'], 'expected a duration of at most 2 min')
  }
  return rules
}

/** null and 0 switch a threshold off. */
const on = <V extends number | string>(
  value: V | null | undefined,
  otherwise: number | null,
  read: (value: V) => number = Number,
): number | null => {
  if (value === undefined) return otherwise
  return value === null ? null : read(value) || null
}

const resolveChannel = (name: string, file: ChannelFile, path: readonly string[], checks: Checks): ChannelSettings => {
  const { kind, argv, url, format, headers } = file
  const isSaid = {
    argv: argv !== undefined,
    url: url !== undefined,
    format: format !== undefined,
    headers: headers !== undefined,
  }
  for (const key of kind === 'command' ? (['url', 'format', 'headers'] as const) : (['argv'] as const)) {
    if (isSaid[key]) checks.report('conflict', [...path, key], `is not used by a ${kind}`)
  }
  if (kind === 'command') {
    if (argv === undefined)
      checks.report('missingKey', [...path, 'argv'], 'is missing; expected [program, argument, …]')
    if (argv?.[0] === '') checks.report('invalidValue', [...path, 'argv'], 'the program has no name')
    return { _tag: 'Command', name, argv: argv ?? [] }
  }
  if (url === undefined) checks.report('missingKey', [...path, 'url'], 'is missing; a webhook needs it')
  if (typeof url === 'string') checkUrl(url, [...path, 'url'], checks)
  return {
    _tag: 'Webhook',
    name,
    url: sourceOf(url ?? '', [...path, 'url'], checks),
    format: format ?? 'json',
    headers: Object.entries(headers ?? {}).map(([header, value], index, all) => {
      const at = [...path, 'headers', header]
      if (all.slice(0, index).some(([other]) => other.toLowerCase() === header.toLowerCase())) {
        checks.report('conflict', at, 'the header stands twice (case does not count)')
      }
      checkHeader(header, value, at, checks)
      return [header.toLowerCase(), sourceOf(value, at, checks)] as const
    }),
  }
}

type SourceFile = NonNullable<ChannelFile['url']>

export const sourceOf = (source: SourceFile, path: readonly string[], checks: Checks): TextSource => {
  if (typeof source === 'string') return { _tag: 'Plain', text: source }
  // How a credential is sent means nothing here.
  const header = 'bearer'
  if ('env' in source) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(source.env) || looksSecret(source.env)) {
      checks.report('literalSecret', [...path, 'env'], 'expected the name of an environment variable, not a value')
    }
    return { _tag: 'Env', name: source.env, header }
  }
  if ('file' in source) return { _tag: 'File', path: absolutePath(source.file, [...path, 'file'], checks), header }
  if (source.command[0] === '') checks.report('invalidValue', [...path, 'command'], 'the program has no name')
  return { _tag: 'Command', argv: source.command, header }
}

const NO_SECRET = 'put it into an environment variable, say MY_WEBHOOK, and write { env: MY_WEBHOOK }'

export const checkUrl = (text: string, path: readonly string[], checks: Checks, advice = NO_SECRET): void => {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    checks.report('invalidValue', path, 'expected a URL that starts with http:// or https://')
    return
  }
  const parts = [...url.pathname.split('/'), ...url.searchParams.values()]
  if (url.username !== '' || url.password !== '' || parts.some(isToken)) {
    checks.report('literalSecret', path, `the URL holds a secret; ${advice}`)
  }
}

/** Names that people choose are words; what opens a webhook is long, and mixes letters and digits. */
const isToken = (part: string): boolean => looksSecret(part) || /^(?=.*\d)(?=.*[A-Za-z])[\w+=.~-]{16,}$/.test(part)

/** Set by the client itself. */
const MANAGED = new Set(['host', 'content-type', 'content-length', 'transfer-encoding', 'connection', 'user-agent'])

export const checkHeader = (name: string, value: SourceFile, path: readonly string[], checks: Checks): void => {
  if (MANAGED.has(name.toLowerCase())) checks.report('invalidValue', path, 'cannot be set here')
  if (typeof value !== 'string') return
  if (isSecretName(name) || looksSecret(value)) {
    checks.report('literalSecret', path, `a secret does not belong in the configuration; ${NO_SECRET}`)
  }
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    checks.report('invalidValue', path, 'has a character that no header may hold')
  }
}
