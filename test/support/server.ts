/**
 * A whole Signalbox in the process of the test: the layers of src/cli/serve.ts, so that a test can look inside, on a free
 * port of loopback. signalbox-process.ts starts the command line itself.
 */
import { Context, Effect, Layer, Option, Redacted, type Scope } from 'effect'
import { makeAdminActions } from '#actors/admin-actions.ts'
import { encodeState } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { closeBox, openBox } from '#actors/open-box.ts'
import {
  type AdminActions,
  Books,
  ChangeRefused,
  EventLog,
  type EventLogError,
  type ReadEvent,
  Upstreams,
} from '#actors/ports.ts'
import { canonicalState, type Replay, startReplay } from '#actors/replay.ts'
import { seedBudgets } from '#actors/seed-budgets.ts'
import { Timekeeper } from '#actors/timekeeper.ts'
import { providerId } from '#domain/ids.ts'
import {
  defaultBreaker,
  defaultPolicy,
  defaultTimeouts,
  type Policy,
  type ProviderPolicy,
  STRATEGIES,
} from '#domain/policy.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import type { AdminOptions } from '#http/admin/admin.ts'
import { type RunningServer, type ServerOptions, serve } from '#http/server.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { newClientKey } from '#infra/new-client-key.ts'
import { makeMetrics } from '#infra/telemetry/metrics.ts'
import { plainAnthropic } from '#infra/upstream/profile.ts'
import { makeUpstreams } from '#infra/upstream/upstreams.ts'

export interface ProviderOptions {
  readonly url: string
  /** Default `None`. */
  readonly credential?: ResolvedProvider['credential']
  /** Default: the Anthropic format, nothing special. */
  readonly profile?: ResolvedProvider['profile']
  readonly models?: ProviderPolicy['models']
  readonly policy?: Partial<Pick<ProviderPolicy, 'naming' | 'lacks' | 'endpoint' | 'maxInputTokens' | 'prices'>>
  readonly timeouts?: Partial<ProviderPolicy['timeouts']>
  readonly breaker?: Partial<ProviderPolicy['breaker']>
}

export interface BoxOptions {
  /** In the order of the priority strategy. */
  readonly providers?: { readonly [id: string]: ProviderOptions }
  /** Providers as a configuration file names them, instead of those above. */
  readonly config?: Config
  readonly routing?: Partial<Policy['routing']>
  readonly retryBudget?: Partial<Policy['retryBudget']>
  readonly stream?: Partial<Policy['stream']>
  readonly budgets?: Policy['budgets']
  readonly timeZone?: string
  readonly server?: Partial<ServerOptions>
  /** Serves the admin API; its token is `ADMIN_TOKEN` where nothing else is said. */
  readonly admin?: Partial<AdminOptions>
  /** An operator may change what `signalbox serve` lets one change; else every change is refused. */
  readonly operator?: true
  /** Default: in memory. */
  readonly log?: Layer.Layer<EventLog, EventLogError>
}

export interface RunningBox {
  readonly url: string
  readonly port: number
  readonly server: RunningServer
  readonly ledger: Ledger['Service']
  readonly log: EventLog['Service']
  readonly timekeeper: Timekeeper['Service']
  /** Every event of the log, after a commit of what is recorded. */
  readonly events: Effect.Effect<readonly RecordedEvent[]>
  /** Waits until a committed event fits. */
  readonly until: (fits: (event: RecordedEvent) => boolean) => Effect.Effect<RecordedEvent>
  /** What a replay of the log finds: undefined when it is identical and folds to the live state. */
  readonly replayDifference: Effect.Effect<unknown>
}

/** A box that trips on nothing: for tests that fail on purpose, many times. */
export const patient = {
  breaker: { consecutiveFailures: 1e6, consecutiveConnectFailures: 1e6, minimumOutcomes: 1e6 },
  retryBudget: { tokens: 1e6, reserve: 0 },
} as const

export const startBox = (options: BoxOptions): Effect.Effect<RunningBox, never, Scope.Scope> =>
  Effect.gen(function* () {
    const providers = options.config?.providers ?? Object.entries(options.providers ?? {}).map(resolved)
    const services = yield* Layer.build(
      ledgerLayer.layer({ writer: 'test' }).pipe(Layer.provideMerge(options.log ?? layerMemory())),
    )
    const run = <A, E, R>(effect: Effect.Effect<A, E, R | Ledger | EventLog>) => Effect.provideContext(effect, services)
    const ledger = yield* run(Ledger)
    const log = yield* run(EventLog)
    const books = Option.getOrElse(Context.getOption(services, Books), () => noBooks)
    const seen: RecordedEvent[] = []
    const waiting = new Set<() => void>()
    yield* ledger.follow((events) => {
      // Its own log gives every event its stream's version.
      seen.push(...events.map((event): RecordedEvent => ({ streamVersion: 0, ...event })))
      for (const look of waiting) look()
    })
    const upstreams = yield* makeUpstreams(providers)
    const policy = policyOf(options, providers)
    yield* run(openBox({ policy, version: 'test' }))
    const actions = yield* makeAdminActions({
      configured: () => policy,
      afterChange: seedBudgets,
      makeKey: newClientKey,
    }).pipe(Effect.provideService(Books, books), run)
    const metrics = yield* run(makeMetrics({ version: 'test', processMetrics: false }))
    const timekeeper = Context.get(
      yield* Layer.build(Timekeeper.layer.pipe(Layer.provide(Layer.succeed(Ledger, ledger)))),
      Timekeeper,
    )
    const server = yield* serve({
      host: '127.0.0.1',
      port: 0,
      bodyLimit: 32 * 1024 * 1024,
      allowedHosts: [],
      drainTimeoutMs: 5_000,
      stopDelayMs: 0,
      requestTimeoutMs: 300_000,
      sendTimeoutMs: 600_000,
      ownHeaders: [],
      features: { modelDiscovery: true, countTokens: true, quotaHeaders: true },
      strategies: () => STRATEGIES,
      clientKeys: 'optional',
      version: 'test',
      metrics: metrics.render,
      ...(options.admin === undefined
        ? {}
        : { admin: { ...adminOf(log, books), ...(options.operator ? { actions } : {}), ...options.admin } }),
      ...options.server,
    }).pipe(
      Effect.provideService(Ledger, ledger),
      Effect.provideService(Timekeeper, timekeeper),
      Effect.provideService(Upstreams, upstreams.service),
    )
    yield* Effect.addFinalizer(() => run(closeBox(undefined)))

    const readAll = Effect.gen(function* () {
      yield* ledger.committed
      return yield* log.read({ after: 0, limit: 10_000 })
    }).pipe(Effect.orDie)
    const box: RunningBox = {
      url: `http://127.0.0.1:${server.port}`,
      port: server.port,
      server,
      ledger,
      log,
      timekeeper,
      events: Effect.map(readAll, knownOf),
      until: (fits) =>
        Effect.callback<RecordedEvent>((resume) => {
          const look = (): void => {
            const found = seen.find(fits)
            if (found === undefined) return
            waiting.delete(look)
            resume(Effect.succeed(found))
          }
          waiting.add(look)
          look()
          return Effect.sync(() => waiting.delete(look))
        }),
      replayDifference: Effect.map(readAll, (rows) => {
        const replay = replayed(rows)
        const [folded, live] = [replay.state, ledger.state].map((state) => canonicalState(encodeState(state)))
        return replay.difference() ?? (folded === live ? undefined : { folded, live })
      }),
    }
    return box
  }).pipe(Effect.orDie)

export const ADMIN_TOKEN = 'the-token-of-the-tests'

/** An operator who may look, and whose every change is refused. */
const adminOf = (log: EventLog['Service'], books: Books['Service']): AdminOptions => ({
  tokens: { admin: Redacted.make(ADMIN_TOKEN) },
  corsOrigins: [],
  log,
  books,
  actions: refusesAll,
  config: () => ({}),
})

const notKept = Effect.die(new Error('this log has no books'))
/** Of a log that is made for other tests. */
const noBooks = Books.of({
  costs: () => notKept,
  requests: () => notKept,
  request: () => notKept,
  session: () => notKept,
  spent: () => notKept,
})

const refusal = Effect.fail(new ChangeRefused({ reason: 'conflict', message: 'Nothing can be changed here.' }))
/** Every change is refused. */
export const refusesAll: AdminActions['Service'] = {
  setOverrides: () => refusal,
  removeBudget: () => refusal,
  silence: () => Effect.void,
  resetBreaker: () => refusal,
  createKey: () => refusal,
  revokeKey: () => refusal,
}

/** The events of a page, without rows of a newer release. */
export const knownOf = (rows: readonly ReadEvent[]): readonly RecordedEvent[] =>
  rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))

/** Replays a whole log. */
export const replayed = (rows: readonly ReadEvent[]): Replay => {
  const replay = startReplay()
  for (const row of rows) replay.next(row)
  replay.finish()
  return replay
}

const resolved = ([id, options]: readonly [string, ProviderOptions], index: number): ResolvedProvider => ({
  id: providerId(id),
  kind: 'anthropic-compatible',
  profile: options.profile ?? plainAnthropic,
  baseUrl: options.url,
  credential: options.credential ?? { _tag: 'None' },
  headers: [],
  tls: {},
  policy: {
    enabled: true,
    priority: (index + 1) * 10,
    models: options.models ?? {},
    ...options.policy,
    breaker: { ...defaultBreaker, ...options.breaker },
    timeouts: { ...defaultTimeouts, ...options.timeouts },
  },
})

const policyOf = (options: BoxOptions, providers: readonly ResolvedProvider[]): Policy => ({
  providers:
    options.config === undefined
      ? providers.map(({ id, kind, policy }) => ({ id, kind, ...policy }))
      : toPolicy(options.config).providers,
  routing: { ...defaultPolicy.routing, strategy: 'priority', ...options.routing },
  retryBudget: { ...defaultPolicy.retryBudget, ...options.retryBudget },
  stream: { ...defaultPolicy.stream, ...options.stream },
  ...(options.budgets === undefined ? {} : { budgets: options.budgets }),
  ...(options.timeZone === undefined ? {} : { timeZone: options.timeZone }),
})
