/**
 * `signalbox serve`: puts the parts together, serves until a signal, and stops in good order: first it is not ready, then it takes
 * no new connections, streams run out, the log is flushed. A second signal ends at once.
 */
import { randomBytes } from 'node:crypto'
import { totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Console, Deferred, Effect, Layer, Option } from 'effect'
import { makeAdminActions, takePolicy } from '#actors/admin-actions.ts'
import { Cluster } from '#actors/cluster.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { Membership } from '#actors/membership.ts'
import { closeBox, openBox } from '#actors/open-box.ts'
import { Permits } from '#actors/permits.ts'
import { Books, EventLog, type HeaderList, Upstreams } from '#actors/ports.ts'
import { keepSeeded, seedBudgets } from '#actors/seed-budgets.ts'
import { shareLog } from '#actors/share-log.ts'
import { Timekeeper } from '#actors/timekeeper.ts'
import { banner } from '#cli/banner.ts'
import { databaseLayer } from '#cli/database.ts'
import { type Logging, startLogging } from '#cli/logger.ts'
import { VERSION } from '#cli/version.ts'
import { providerId } from '#domain/ids.ts'
import { withOverrides } from '#domain/overrides.ts'
import { defaultBreaker, defaultTimeouts, STRATEGIES } from '#domain/policy.ts'
import { budgetUse } from '#domain/projections/budgets.ts'
import { capacityOf, makeIntake } from '#http/overload.ts'
import { ListenError, serve as serveHttp } from '#http/server.ts'
import { adminAccess } from '#infra/admin-token.ts'
import { diskFree } from '#infra/alerts/disk-free.ts'
import { startAlerts } from '#infra/alerts/start-alerts.ts'
import { startCaptures } from '#infra/captures/captures.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'
import { type LoadOptions, loadConfig } from '#infra/config/load.ts'
import { redactedConfig } from '#infra/config/redacted-config.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { watchConfig } from '#infra/config/watch.ts'
import { startHealthChecks } from '#infra/health-checks/health-checks.ts'
import { newClientKey } from '#infra/new-client-key.ts'
import { fedIn, type PriceFeed, startPriceFeed } from '#infra/prices/price-feed.ts'
import { type PriceSource, startPriceSource } from '#infra/prices/price-source.ts'
import { keepFor } from '#infra/retention.ts'
import { demoProviders } from '#infra/simulator/demo-providers.ts'
import { startSimulator } from '#infra/simulator/simulator.ts'
import { drainLeftovers, makeSpool } from '#infra/spool/spool.ts'
import { logEvents } from '#infra/telemetry/log-events.ts'
import { makeMetrics } from '#infra/telemetry/metrics.ts'
import { openSpanExporter } from '#infra/telemetry/span-exporter.ts'
import { traceRequests } from '#infra/telemetry/traces.ts'
import { tlsFiles } from '#infra/tls-files.ts'
import { plainAnthropic } from '#infra/upstream/profile.ts'
import { makeUpstreams } from '#infra/upstream/upstreams.ts'

/** Listens for signals from now on: the first SIGINT or SIGTERM is answered, the second ends the process at once. */
const listenForSignals = Effect.gen(function* () {
  const first = yield* Deferred.make<NodeJS.Signals>()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!Deferred.doneUnsafe(first, Effect.succeed(signal))) process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on('SIGINT', onSignal).on('SIGTERM', onSignal)),
    () => Effect.sync(() => process.off('SIGINT', onSignal).off('SIGTERM', onSignal)),
  )
  return Deferred.await(first)
})

/** Three simulated providers in this process, as if the configuration had named them. */
const startDemo = Effect.gen(function* () {
  const simulators = yield* Effect.forEach(demoProviders(), startSimulator)
  return simulators.map(
    (simulator, index): ResolvedProvider => ({
      id: providerId(simulator.id),
      kind: 'anthropic-compatible',
      profile: plainAnthropic,
      baseUrl: simulator.url,
      credential: { _tag: 'None' },
      headers: [],
      tls: {},
      policy: {
        enabled: true,
        priority: (index + 1) * 10,
        models: {},
        breaker: defaultBreaker,
        timeouts: defaultTimeouts,
      },
    }),
  )
})

/** Built by scripts/build-dashboard.mjs. */
const DASHBOARD = fileURLToPath(new URL('../../dist/dashboard', import.meta.url))

const SIMULATED: HeaderList = [['x-signalbox-simulated', 'true']]

/** Neighbours share a commit; docs/adr/0004 has the figures. */
const COMMITS = { groupMs: 5, lingerMs: 50 }

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/i

/** Whoever reaches the port spends the providers' money, unless a key is asked for. */
const checkHost = ({ server }: Config) =>
  LOOPBACK.test(server.host) ||
  server.allowedHosts.length > 0 ||
  server.clientKeys === 'required' ||
  server.tls?.clientCaFile !== undefined
    ? Effect.void
    : Effect.fail(
        new ListenError({
          message: `Refused to listen on ${server.host}: everybody who reaches it could use your providers. Stay on 127.0.0.1, or set server.clientKeys to required, or, in a network that you trust, name the hosts that clients use in server.allowedHosts.`,
        }),
      )

/** What the server is told only where somebody said it. */
const listening = ({ maxConnectionsPerAddress, openMetrics }: Config['server']) => ({
  ...(maxConnectionsPerAddress === undefined ? {} : { maxConnectionsPerAddress }),
  ...(openMetrics === undefined ? {} : { openMetrics }),
})

/** Bytes that this process may use: the container's limit, or the machine's memory. */
const memory = (): number => Math.min(totalmem(), process.constrainedMemory())

const intakeOf = ({ bodyLimitBytes, maxRequests, bodyMemoryBytes }: Config['server']) => {
  const { requests, bodyBytes } = capacityOf(memory())
  return makeIntake({ requests: maxRequests ?? requests, bodyBytes: bodyMemoryBytes ?? bodyBytes }, bodyLimitBytes)
}

/** Settings that only a restart can change. */
const NEEDS_RESTART = [
  'server.',
  'database.',
  'cluster.',
  'retention.',
  'capture.',
  'log.',
  'telemetry.',
  'features.simulator',
  'features.modelDiscovery',
  'features.countTokens',
  'features.quotaHeaders',
  'features.priceFeed',
]

/** Sends a trace of every request where the configuration says so; answers what of it the server needs to know. */
const startTraces = (config: Config, providers: () => readonly ResolvedProvider[]) =>
  Effect.gen(function* () {
    const { endpoint, headers, sampleShare, propagate } = config.telemetry.traces
    if (endpoint === undefined) return { tracing: { propagate, sampleShare: 0 } }
    const exporter = yield* openSpanExporter({ endpoint, headers, version: VERSION })
    yield* traceRequests({ exporter, sampleShare, providers })
    return { tracing: { propagate, sampleShare }, exporter }
  })

/** Where the log is one that others may write too. */
const shareWithOthers = (config: Config) =>
  Effect.gen(function* () {
    const cluster = yield* Effect.serviceOption(Cluster)
    if (Option.isNone(cluster)) return undefined
    const { instance: name, whileAway } = config.cluster
    return yield* shareLog({ name, whileAway, version: VERSION }).pipe(Effect.provideService(Cluster, cluster.value))
  })

/** The ledger; of a log that is elsewhere with a spool, and after what an earlier process had left there. */
const ledgerOf = (config: Config, writer: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const cluster = yield* Effect.serviceOption(Cluster)
      if (Option.isNone(cluster)) return ledgerLayer.layer({ writer, ...COMMITS })
      const folder = config.cluster.spool
      const moved = yield* drainLeftovers(folder, yield* EventLog)
      if (moved > 0)
        yield* Effect.logInfo('events that had waited on this machine are in the log now', { events: moved })
      const spool = yield* makeSpool({ folder, writer })
      return ledgerLayer.layer({ writer, ...COMMITS, shared: { version: VERSION, spool } })
    }),
  )

const running = (config: Config, load: LoadOptions, logging: Logging) =>
  Effect.gen(function* () {
    const signalled = yield* listenForSignals
    const ledger = yield* Ledger
    const providersOf = (from: Config) => (config.simulator ? demo : from.providers)
    const demo = config.simulator ? yield* startDemo : []
    const upstreams = yield* makeUpstreams(providersOf(config))
    let inForce = config
    const known = config.features.priceFeed ? fedIn(ledger.state.policy, providersOf(config)) : undefined
    let feed: PriceFeed | undefined
    let source: PriceSource | undefined
    /** As configured, by the prices of now. */
    const policyOf = (from: Config) =>
      toPolicy({ ...from, providers: providersOf(from) }, feed?.current() ?? known, source?.current())
    yield* logEvents
    const sharing = yield* shareWithOthers(config)
    const isMine = () => sharing?.membership.isLeader() ?? true
    const { tracing, exporter } = yield* startTraces(config, () => providersOf(inForce))
    const { abandoned } = yield* openBox({
      policy: withOverrides(policyOf(config), ledger.state.projections.overrides),
      version: VERSION,
    })
    yield* keepSeeded(isMine)
    const captures = config.capture.enabled ? yield* startCaptures(config.capture) : undefined
    const intake = intakeOf(config.server)
    const metrics = yield* makeMetrics({
      version: VERSION,
      processMetrics: true,
      intake: intake.counts,
      telemetry: () => {
        const { exported = 0, dropped = 0 } = exporter?.counts() ?? {}
        const { kept: capturesKept, dropped: capturesDropped } = captures?.counts() ?? { kept: 0, dropped: 0 }
        const logLinesDropped = logging.file?.dropped() ?? 0
        return { logLinesDropped, spansExported: exported, spansDropped: dropped, capturesKept, capturesDropped }
      },
    }).pipe(Effect.provideService(Membership, sharing?.membership))

    const takePolicyInForce = Effect.suspend(() => takePolicy(policyOf(inForce))).pipe(
      Effect.andThen(seedBudgets),
      Effect.provideContext(yield* Effect.context<Ledger | Books>()),
      Effect.asVoid,
    )
    if (known !== undefined) {
      feed = yield* startPriceFeed({
        known,
        upstreams: upstreams.service,
        providers: () => providersOf(inForce),
        onChange: takePolicyInForce,
      })
    }
    source = yield* startPriceSource({ url: () => inForce.prices.url, onChange: takePolicyInForce })
    yield* startHealthChecks({
      upstreams: upstreams.service,
      providers: () => providersOf(inForce),
      intervalMs: () => (isMine() ? inForce.healthChecks.intervalMs : 0),
    })

    yield* watchConfig({
      initial: config,
      load: loadConfig(load),
      onChange: (next, source, changed) =>
        Effect.gen(function* () {
          const restart = changed.filter((key) => NEEDS_RESTART.some((prefix) => key.startsWith(prefix)))
          upstreams.replace(providersOf(next))
          const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
          ledger.record({ _tag: 'ConfigChanged', source, changed }, at)
          inForce = next
          yield* takePolicyInForce
          yield* Effect.logInfo('configuration reloaded', { changed })
          if (restart.length > 0) yield* Effect.logWarning('these settings take effect at the next start', { restart })
        }),
      onError: (error) =>
        Effect.logError('the changed configuration is not usable; the old one stays in force', {
          problems: error.message,
        }),
    })

    yield* startAlerts({
      isMine,
      config: () => inForce.alerts,
      diskFree: diskFree(config.database.folder),
      budgetUse: ({ projections }, at) => budgetUse(projections.budgets, at),
    })
    const { detailMs, archive: folder } = config.retention
    if (detailMs > 0) yield* Effect.forkScoped(keepFor({ detailMs, folder, isMine }))
    const access = yield* adminAccess(config)
    const tls = config.server.tls === undefined ? undefined : yield* tlsFiles(config.server.tls)

    // Built in the scope of the whole run: provided to `serveHttp` alone, its clock would stop when that returns.
    const timekeeper = yield* Layer.build(Timekeeper.layer)
    const server = yield* serveHttp({
      host: config.server.host,
      port: config.server.port,
      bodyLimit: config.server.bodyLimitBytes,
      allowedHosts: config.server.allowedHosts,
      drainTimeoutMs: config.server.drainTimeoutMs,
      stopDelayMs: config.server.stopDelayMs,
      requestTimeoutMs: config.server.requestTimeoutMs,
      sendTimeoutMs: config.server.sendTimeoutMs,
      ownHeaders: config.simulator ? SIMULATED : [],
      version: VERSION,
      features: config.features,
      strategies: () => STRATEGIES.filter((name) => inForce.features.strategies[name]),
      clientKeys: config.server.clientKeys,
      ...listening(config.server),
      intake,
      ...(tls === undefined ? {} : { tls }),
      tracing,
      metrics: metrics.render,
      dashboard: DASHBOARD,
      ...(captures === undefined ? {} : { captures }),
      admin: {
        tokens: access.tokens,
        corsOrigins: config.server.corsOrigins,
        log: yield* EventLog,
        books: yield* Books,
        actions: yield* makeAdminActions({
          configured: () => policyOf(inForce),
          afterChange: seedBudgets,
          makeKey: newClientKey,
        }),
        // Plain data, which JSON makes of it: what is undefined is left out.
        config: () => JSON.parse(JSON.stringify(redactedConfig(inForce))),
      },
    }).pipe(
      Effect.provideContext(timekeeper),
      Effect.provideService(Upstreams, upstreams.service),
      Effect.provideService(Permits, sharing?.permits),
      Effect.provideService(Membership, sharing?.membership),
    )
    const host = server.host.includes(':') ? `[${server.host}]` : server.host
    yield* Console.log(
      banner({
        version: VERSION,
        url: `${tls === undefined ? 'http' : 'https'}://${host}:${server.port}`,
        config,
        providers: providersOf(config),
        simulated: config.simulator,
        logPosition: ledger.health().committedPosition,
        abandoned,
        admin: access,
      }),
    )

    const signal = yield* Effect.raceFirst(signalled, ledger.running)
    yield* Effect.logInfo('stopping: waiting for what is under way; a second signal stops at once', {
      signal,
      requests: server.active(),
    })
    // Who presses Ctrl-C waits, and no balancer does.
    const drained = yield* server.drain(signal === 'SIGINT')
    yield* closeBox(signal)
    yield* Effect.logInfo('stopped', drained)
  })

/** Serves until a signal. Fails with ConfigError, ListenError or EventLogError, whose messages say what to do. */
export const serve = (load: LoadOptions) =>
  Effect.gen(function* () {
    const config = yield* loadConfig(load)
    yield* checkHost(config)
    const writer = randomBytes(6).toString('base64url')
    const ledger = ledgerOf(config, writer).pipe(
      Layer.provideMerge(databaseLayer(config.database.url, config.database.postgres)),
    )
    const logging = yield* startLogging(config.log)
    yield* Effect.scoped(running(config, load, logging).pipe(Effect.provide(ledger))).pipe(
      Effect.provide(logging.layer),
    )
  }).pipe(Effect.scoped)
