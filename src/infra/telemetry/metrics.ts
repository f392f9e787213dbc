/**
 * Prometheus metrics, fed by committed events and, at scrape time, by the live state. They never sit in a request's path.
 * Labels come from closed sets: providers of the configuration, reasons of the catalogue, and at most MAX_MODELS models.
 */
import { Effect, type Scope } from 'effect'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { Ledger } from '#actors/ledger.ts'
import type { ProviderState } from '#actors/provider-machine.ts'
import type { DomainEvent } from '#domain/events.ts'
import { ALERT_KINDS } from '#domain/policy.ts'

/** Models that get a label value of their own; a client can invent any number of names. */
const MAX_MODELS = 50
const SEVERITIES = ['info', 'warning', 'critical'] as const
/** Seconds. Answers of models take from a tenth of a second to minutes. */
const TTFT_BUCKETS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 180]
const DURATION_BUCKETS = [0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1280]
const STATES = [
  'healthy',
  'throttled',
  'openCircuit',
  'halfOpen',
  'retired',
] as const satisfies readonly ProviderState[]

export interface MetricsOptions {
  readonly version: string
  /** Off in tests that only look at our own metrics. */
  readonly processMetrics: boolean
}

export interface Metrics {
  /** The exposition text of this moment. */
  readonly render: Effect.Effect<{ readonly contentType: string; readonly text: string }>
}

/** Subscribes to the ledger until the scope closes. */
export const makeMetrics = (options: MetricsOptions): Effect.Effect<Metrics, never, Ledger | Scope.Scope> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const registry = new Registry()
    const registers = [registry]
    if (options.processMetrics) collectDefaultMetrics({ register: registry })

    new Gauge({
      name: 'signalbox_build_info',
      help: 'Always 1; the version is a label.',
      labelNames: ['version'],
      registers,
    }).set({ version: options.version }, 1)
    const requests = new Counter({
      name: 'signalbox_requests_total',
      help: 'Requests that ended, by outcome.',
      labelNames: ['model', 'outcome'],
      registers,
    })
    const attempts = new Counter({
      name: 'signalbox_attempts_total',
      help: 'Attempts at a provider that ended, by outcome and reason.',
      labelNames: ['provider', 'outcome', 'reason'],
      registers,
    })
    const fallbacks = new Counter({
      name: 'signalbox_fallbacks_total',
      help: 'Attempts beyond the first of their request, by the provider they went to.',
      labelNames: ['provider'],
      registers,
    })
    const tokens = new Counter({
      name: 'signalbox_tokens_total',
      help: 'Tokens that providers reported, by kind.',
      labelNames: ['provider', 'model', 'type'],
      registers,
    })
    const ttft = new Histogram({
      name: 'signalbox_time_to_first_token_seconds',
      help: 'From the start of an attempt to its first content.',
      labelNames: ['provider'],
      buckets: TTFT_BUCKETS,
      registers,
    })
    const duration = new Histogram({
      name: 'signalbox_attempt_duration_seconds',
      help: 'From the start of an attempt to its end.',
      labelNames: ['provider', 'outcome'],
      buckets: DURATION_BUCKETS,
      registers,
    })
    const transitions = new Counter({
      name: 'signalbox_provider_transitions_total',
      help: 'Decisions of the provider machines.',
      labelNames: ['provider', 'decision'],
      registers,
    })
    new Gauge({
      name: 'signalbox_provider_state',
      help: '1 for the state a provider is in, 0 for the others.',
      labelNames: ['provider', 'state'],
      registers,
      collect() {
        this.reset()
        for (const [provider, machine] of ledger.state.machines) {
          for (const state of STATES) this.set({ provider, state }, machine.state === state ? 1 : 0)
        }
      },
    })
    new Gauge({
      name: 'signalbox_provider_check_ok',
      help: '1 while the health checks of a provider succeed, 0 while they fail; absent while nothing is known.',
      labelNames: ['provider'],
      registers,
      collect() {
        this.reset()
        for (const [provider, { ok }] of ledger.state.projections.checks) this.set({ provider }, ok ? 1 : 0)
      },
    })
    new Gauge({
      name: 'signalbox_requests_in_flight',
      help: 'Requests that were admitted and have not ended.',
      registers,
      collect() {
        this.set(ledger.state.projections.requests.inFlight.size)
      },
    })
    new Gauge({
      name: 'signalbox_event_log_position',
      help: 'Last committed position of the event log.',
      registers,
      collect() {
        this.set(ledger.health().committedPosition)
      },
    })
    new Gauge({
      name: 'signalbox_event_log_pending_events',
      help: 'Events that are decided and not yet durable.',
      registers,
      collect() {
        this.set(ledger.health().pending)
      },
    })
    new Gauge({
      name: 'signalbox_event_log_failing',
      help: '1 while the event log cannot write.',
      registers,
      collect() {
        this.set(ledger.health().failingSince === undefined ? 0 : 1)
      },
    })

    new Gauge({
      name: 'signalbox_alert_raised',
      help: 'Alerts that are raised, by kind and severity.',
      labelNames: ['kind', 'severity'],
      registers,
      collect() {
        for (const kind of ALERT_KINDS) for (const severity of SEVERITIES) this.set({ kind, severity }, 0)
        for (const { kind, severity } of ledger.state.projections.alerts.raised.values()) this.inc({ kind, severity })
      },
    })

    const models = new Set<string>()
    const modelLabel = (model: string): string => {
      if (!models.has(model) && models.size >= MAX_MODELS) return 'other'
      models.add(model)
      return model
    }
    const open = new Map<string, string>()

    const observe = (event: DomainEvent): void => {
      switch (event._tag) {
        case 'RequestAdmitted':
          open.set(event.requestId, modelLabel(event.model))
          break
        case 'AttemptStarted':
          if (event.attempt > 1) fallbacks.inc({ provider: event.provider })
          break
        case 'AttemptSucceeded': {
          const { provider } = event
          const model = modelLabel(event.model)
          attempts.inc({ provider, outcome: 'success', reason: 'none' })
          ttft.observe({ provider }, event.ttftMs / 1000)
          duration.observe({ provider, outcome: 'success' }, event.durationMs / 1000)
          tokens.inc({ provider, model, type: 'input' }, event.usage.inputTokens)
          tokens.inc({ provider, model, type: 'output' }, event.usage.outputTokens)
          tokens.inc({ provider, model, type: 'cache_read' }, event.usage.cacheReadTokens)
          tokens.inc({ provider, model, type: 'cache_write_5m' }, event.usage.cacheWrite5mTokens)
          tokens.inc({ provider, model, type: 'cache_write_1h' }, event.usage.cacheWrite1hTokens)
          end(event.requestId, 'success')
          break
        }
        case 'AttemptFailed': {
          const outcome = event.reason._tag === 'Cancelled' ? 'cancelled' : 'failure'
          attempts.inc({ provider: event.provider, outcome, reason: event.reason._tag })
          duration.observe({ provider: event.provider, outcome }, event.durationMs / 1000)
          break
        }
        case 'RequestFailed':
          end(event.requestId, 'failure')
          break
        case 'RequestCancelled':
          end(event.requestId, 'cancelled')
          break
        case 'RequestAbandoned':
          end(event.requestId, 'abandoned')
          break
        case 'ProviderThrottled':
        case 'ProviderRecovered':
        case 'CircuitOpened':
        case 'CircuitHalfOpened':
        case 'CircuitClosed':
        case 'ProviderRetired':
          transitions.inc({ provider: event.provider, decision: event._tag })
          break
        default:
      }
    }
    const end = (requestId: string, outcome: string): void => {
      requests.inc({ model: open.get(requestId) ?? 'other', outcome })
      open.delete(requestId)
    }

    yield* ledger.subscribe((events) => {
      for (const { event } of events) observe(event)
    })

    return {
      render: Effect.map(
        Effect.promise(() => registry.metrics()),
        (text) => ({ contentType: registry.contentType, text }),
      ),
    }
  })
