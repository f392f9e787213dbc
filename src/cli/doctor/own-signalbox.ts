/**
 * A Signalbox of the doctor's own, for one provider: in this process, on a free port of loopback, with a log in memory. What
 * happens in it is forgotten with its scope.
 */
import { Context, Effect, Layer, type Scope } from 'effect'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { openBox } from '#actors/open-box.ts'
import { EventLog, Upstreams } from '#actors/ports.ts'
import { Timekeeper } from '#actors/timekeeper.ts'
import { VERSION } from '#cli/version.ts'
import type { DomainEvent } from '#domain/events.ts'
import { type ListenError, serve } from '#http/server.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { makeMetrics } from '#infra/telemetry/metrics.ts'
import { makeUpstreams } from '#infra/upstream/upstreams.ts'

export interface OwnSignalbox {
  readonly url: string
  /** All that happened so far. */
  readonly events: Effect.Effect<readonly DomainEvent[]>
}

/** A page of the log; a small task makes a few dozen events. */
const EVENTS_READ = 10_000

export const ownSignalbox = (
  config: Config,
  provider: ResolvedProvider,
): Effect.Effect<OwnSignalbox, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const alone: Config = {
      ...config,
      providers: [{ ...provider, policy: { ...provider.policy, enabled: true } }],
    }
    const services = yield* Layer.build(
      ledgerLayer.layer({ writer: 'doctor' }).pipe(Layer.provideMerge(layerMemory()), Layer.orDie),
    )
    const ledger = Context.get(services, Ledger)
    const log = Context.get(services, EventLog)
    const inside = <A, E, R>(effect: Effect.Effect<A, E, R | Ledger | EventLog>) =>
      Effect.provideContext(effect, services)
    const upstreams = yield* makeUpstreams(alone.providers)
    yield* inside(openBox({ policy: toPolicy(alone), version: VERSION })).pipe(Effect.orDie)
    const metrics = yield* inside(makeMetrics({ version: VERSION, processMetrics: false }))
    const timekeeper = yield* inside(Layer.build(Timekeeper.layer))
    const server = yield* serve({
      host: '127.0.0.1',
      port: 0,
      bodyLimit: config.server.bodyLimitBytes,
      allowedHosts: [],
      drainTimeoutMs: 0,
      stopDelayMs: 0,
      requestTimeoutMs: config.server.requestTimeoutMs,
      sendTimeoutMs: 0,
      ownHeaders: [],
      version: VERSION,
      features: config.features,
      strategies: () => [],
      clientKeys: 'off',
      metrics: metrics.render,
    }).pipe(
      Effect.provideContext(timekeeper),
      Effect.provideService(Upstreams, upstreams.service),
      Effect.provideService(Ledger, ledger),
    )
    return {
      url: `http://127.0.0.1:${server.port}`,
      // A log in memory neither fails nor is full.
      events: Effect.andThen(ledger.committed, log.read({ after: 0, limit: EVENTS_READ })).pipe(
        Effect.map((rows) => rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded.event] : []))),
        Effect.orDie,
      ),
    }
  })
