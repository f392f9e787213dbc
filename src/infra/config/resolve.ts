/**
 * From the decoded file to the configuration in force. What it needs of the process is in `Place`; of the disk it reads the
 * operator's file of prices, so that what is wrong there is a problem among the others.
 */
import { Redacted, Result } from 'effect'
import { providerId } from '#domain/ids.ts'
import { defaultPolicy, type Policy, type RouteRule } from '#domain/policy.ts'
import type { Checks } from '#infra/config/checks.ts'
import type { Config, Discovery, ResolvedProvider, ServerConfig } from '#infra/config/config.ts'
import type { SourceFiles } from '#infra/config/files.ts'
import { nearest } from '#infra/config/nearest.ts'
import type { Place } from '#infra/config/place.ts'
import { type ConfigProblem, formatKey } from '#infra/config/problem.ts'
import { resolveAlerts } from '#infra/config/resolve-alerts.ts'
import { resolveBudgets, resolveTimeZone } from '#infra/config/resolve-budgets.ts'
import { resolveCapture } from '#infra/config/resolve-capture.ts'
import { resolveCluster } from '#infra/config/resolve-cluster.ts'
import { isLoopback } from '#infra/config/resolve-credential.ts'
import { resolveDatabase } from '#infra/config/resolve-database.ts'
import { resolvePriceBook } from '#infra/config/resolve-prices.ts'
import { checkPattern, ms, resolveProvider } from '#infra/config/resolve-provider.ts'
import { resolveRetention } from '#infra/config/resolve-retention.ts'
import { resolveServer } from '#infra/config/resolve-server.ts'
import { resolveShadow } from '#infra/config/resolve-shadow.ts'
import { resolveLog, resolveTraces } from '#infra/config/resolve-telemetry.ts'
import type { ConfigFile } from '#infra/config/schema.ts'
import { type MapNode, originAt } from '#infra/config/tree.ts'
import { warnOfPassword } from '#infra/config/warn-of-password.ts'

export interface Unresolved {
  readonly file: ConfigFile
  readonly tree: MapNode
  readonly source: SourceFiles
  readonly discovery: readonly Discovery[]
}

export const resolve = (input: Unresolved, place: Place): Result.Result<Config, readonly ConfigProblem[]> => {
  const { file, tree } = input
  const problems: ConfigProblem[] = []
  const warnings: ConfigProblem[] = []
  const checks: Checks = {
    report: (kind, path, text, suggestions = []) => {
      problems.push({ kind, at: originAt(tree, path), key: formatKey(path), text, suggestions })
    },
    warn: (kind, path, text) => {
      warnings.push({ kind, at: originAt(tree, path), key: formatKey(path), text, suggestions: [] })
    },
    origin: (path) => originAt(tree, path),
    cwd: place.cwd,
    home: place.home,
    environment: place.environment,
    commonModels: new Set(Object.values(file.models ?? {}).flatMap((names) => Object.keys(names))),
  }
  const features = resolveFeatures(file)
  const providers = Object.entries(file.providers ?? {}).map(([id, provider]) => resolveProvider(id, provider, checks))
  checkModels(file, checks)
  const strategy = file.routing?.strategy ?? defaultPolicy.routing.strategy
  if (!features.strategies[strategy]) {
    checks.report('conflict', ['routing', 'strategy'], `${strategy} is switched off by features.strategies.${strategy}`)
  }
  const nobody = providers.length === 0
  const simulator =
    features.simulator === 'on' || (features.simulator === 'auto' && nobody && input.source.files.length === 0)
  if (nobody && !simulator) {
    const ways =
      'write a providers block, set ANTHROPIC_API_KEY or another of the variables in docs/upstreams.md, or set features.simulator to on'
    checks.report('noProvider', ['providers'], `there is no provider; ${ways}`)
  }
  const server = resolveServer(file, checks)
  for (const provider of providers) warnOfLoop(provider, server, checks)
  const prices = resolvePriceBook(file.prices, checks)
  const database = resolveDatabase(file.database ?? {}, checks, place)
  warnOfPassword(database.url, ['database', 'url'], checks)
  const token = place.environment.SIGNALBOX_ADMIN_TOKEN ?? ''
  const config: Config = {
    // The file of prices is watched as they are, but is no file of the configuration.
    source: {
      files: input.source.files,
      patterns: [...input.source.patterns, ...(prices.file === undefined ? [] : [prices.file])],
    },
    prices,
    warnings,
    discovery: input.discovery,
    simulator,
    providers,
    models: file.models ?? {},
    routing: {
      strategy,
      weights: { ...defaultPolicy.routing.weights, ...file.routing?.weights },
      limitThreshold: file.routing?.limitThreshold ?? defaultPolicy.routing.limitThreshold,
      substitutes: file.routing?.substitutes ?? defaultPolicy.routing.substitutes,
      ...resolveRules(file, features, checks),
      explorationShare: file.routing?.exploration ?? defaultPolicy.routing.explorationShare,
      maxFallbacks: file.routing?.maxFallbacks ?? defaultPolicy.routing.maxFallbacks,
      fallbackDelayMs: ms(file.routing?.fallbackDelay, defaultPolicy.routing.fallbackDelayMs),
      ...(file.routing?.queue === undefined ? {} : { queueMs: ms(file.routing.queue, 0) }),
      deadlineMs: ms(file.routing?.deadline, defaultPolicy.routing.deadlineMs),
      ...resolveShadow(file, features, checks),
    },
    timeZone: resolveTimeZone(file, checks),
    budgets: resolveBudgets(file, features, checks),
    retryBudget: { ...defaultPolicy.retryBudget, ...file.retryBudget },
    stream: {
      commitHeadersAfterMs: ms(file.stream?.commitHeadersAfter, defaultPolicy.stream.commitHeadersAfterMs),
      keepAliveMs: ms(file.stream?.keepAlive, defaultPolicy.stream.keepAliveMs),
    },
    healthChecks: resolveHealthChecks(file, checks),
    server,
    database,
    cluster: resolveCluster(file, place, checks),
    retention: resolveRetention(file, database, checks),
    capture: resolveCapture(file, database, checks),
    alerts: resolveAlerts(file, checks),
    log: resolveLog(file, checks),
    telemetry: { traces: resolveTraces(file, checks) },
    features,
    ...(token === '' ? {} : { adminToken: Redacted.make(token) }),
  }
  return problems.length === 0 ? Result.succeed(config) : Result.fail(problems)
}

const resolveRules = (
  file: ConfigFile,
  features: Config['features'],
  checks: Checks,
): Pick<Policy['routing'], 'rules'> => {
  const rules = Object.entries(file.routing?.rules ?? {}).map(([name, { only, ...rule }]): RouteRule => {
    const at = ['routing', 'rules', name]
    if (rule.model !== undefined) checkPattern(rule.model, [...at, 'model'], checks)
    if (rule.strategy !== undefined && !features.strategies[rule.strategy]) {
      const text = `${rule.strategy} is switched off by features.strategies.${rule.strategy}`
      checks.report('conflict', [...at, 'strategy'], text)
    }
    if (only?.length === 0) checks.report('invalidValue', [...at, 'only'], 'names no provider, so nobody could serve')
    const ids = Object.keys(file.providers ?? {})
    for (const id of only ?? []) {
      if (!ids.includes(id))
        checks.report('invalidValue', [...at, 'only'], `there is no provider ${id}`, nearest(id, ids))
    }
    return { name, ...rule, ...(only === undefined ? {} : { only: only.map(providerId) }) }
  })
  return rules.length === 0 ? {} : { rules }
}

/** More often than this is of no use to anybody, and a burden for the providers. */
const MIN_CHECK_INTERVAL_MS = 1_000

const resolveHealthChecks = ({ healthChecks }: ConfigFile, checks: Checks): Config['healthChecks'] => {
  const intervalMs = ms(healthChecks?.interval, 60_000)
  if (intervalMs > 0 && intervalMs < MIN_CHECK_INTERVAL_MS) {
    checks.report('invalidValue', ['healthChecks', 'interval'], 'expected at least 1 s, or 0 for no checks')
  }
  return { intervalMs }
}

/** Requests to a provider at our own address would come back to us for ever. */
const warnOfLoop = (provider: ResolvedProvider, { port }: ServerConfig, checks: Checks): void => {
  const url = URL.parse(provider.baseUrl)
  if (url === null || !isLoopback(url)) return
  if (Number(url.port || (url.protocol === 'https:' ? 443 : 80)) !== port) return
  checks.warn(
    'conflict',
    ['providers', provider.id, 'baseUrl'],
    `${url.host} is where Signalbox itself listens; start that server on another port, or Signalbox with server.port`,
  )
}

const resolveFeatures = (file: ConfigFile): Config['features'] => ({
  simulator: file.features?.simulator ?? 'auto',
  modelDiscovery: file.features?.modelDiscovery ?? true,
  countTokens: file.features?.countTokens ?? true,
  quotaHeaders: file.features?.quotaHeaders ?? true,
  priceFeed: file.features?.priceFeed ?? true,
  strategies: {
    intelligent: file.features?.strategies?.intelligent ?? true,
    cost: file.features?.strategies?.cost ?? true,
    performance: file.features?.strategies?.performance ?? true,
    availability: file.features?.strategies?.availability ?? true,
    priority: file.features?.strategies?.priority ?? true,
  },
})

/** The common models name providers that exist, and do not contradict a provider's own. */
const checkModels = (file: ConfigFile, checks: Checks): void => {
  const ids = Object.keys(file.providers ?? {})
  for (const [pattern, names] of Object.entries(file.models ?? {})) {
    checkPattern(pattern, ['models', pattern], checks)
    for (const [id, name] of Object.entries(names)) {
      const path = ['models', pattern, id]
      const provider =
        file.providers !== undefined && Object.hasOwn(file.providers, id) ? file.providers[id] : undefined
      if (provider === undefined)
        checks.report('unknownKey', path, 'there is no provider of this name', nearest(id, ids))
      const own =
        provider?.models !== undefined && Object.hasOwn(provider.models, pattern) ? provider.models[pattern] : name
      if (own !== name) {
        checks.report('conflict', path, `${formatKey(['providers', id, 'models', pattern])} says another name`)
      }
    }
  }
}
