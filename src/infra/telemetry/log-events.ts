/**
 * Log lines from committed events: what the machines decided at warning or info, requests that failed at warning, the rest
 * of the requests at debug. An observer like any other: never in a request's way.
 */
import { Effect, References, type Scope } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { sentence } from '#domain/alerts/sentence.ts'
import { describeEnd } from '#domain/announced-end.ts'
import type { DomainEvent } from '#domain/events.ts'

type Level = 'Debug' | 'Info' | 'Warn'

/** Level and message; the rest of the event goes along as fields. */
export const line = (event: DomainEvent): readonly [Level, string] | undefined => {
  switch (event._tag) {
    case 'CircuitOpened':
      return ['Warn', `circuit of ${event.provider} opened`]
    case 'ProviderThrottled':
      return ['Warn', `${event.provider} is at a limit`]
    case 'ProviderRetired':
      return [
        'Warn',
        `${event.provider} is gone for good and is not asked again. Its answer is permanent, whatever its text says: change or remove its entry in the configuration`,
      ]
    case 'SunsetAnnounced':
      return ['Warn', `${event.provider} announces the end of ${event.model}: ${describeEnd(event)}`]
    case 'CapabilityLearned':
      return ['Info', `${event.provider} refuses ${event.features.join(', ')} for ${event.model}: requests go without`]
    case 'CircuitHalfOpened':
      return ['Info', `circuit of ${event.provider} half open: the next request probes`]
    case 'CircuitClosed':
      return ['Info', `circuit of ${event.provider} closed; traffic ramps up`]
    case 'ProviderRecovered':
      return ['Info', `${event.provider} may be used again`]
    case 'AlertRaised':
      return [event.severity === 'info' ? 'Info' : 'Warn', `alert: ${sentence({ change: 'raised', ...event })}`]
    case 'AlertCleared':
      return ['Info', `the alert ${event.alertId} is over`]
    case 'RequestFailed':
      return ['Warn', 'request failed']
    case 'RequestAbandoned':
      return ['Info', 'request of an earlier process closed as abandoned']
    case 'AttemptFailed':
      return event.reason._tag === 'Cancelled'
        ? ['Debug', 'attempt cancelled']
        : ['Info', `attempt at ${event.provider} failed`]
    case 'AttemptSucceeded':
      return ['Debug', `served by ${event.provider}`]
    case 'RequestCancelled':
      return ['Debug', 'request cancelled']
    default:
      return undefined
  }
}

const ORDER = { Debug: 0, Info: 1, Warn: 2 } as const
const MINIMUM = { All: 0, Trace: 0, Debug: 0, Info: 1, Warn: 2, Error: 3, Fatal: 3, None: 3 } as const

/** Subscribes until the scope closes. */
export const logEvents: Effect.Effect<void, never, Ledger | Scope.Scope> = Effect.gen(function* () {
  const ledger = yield* Ledger
  const context = yield* Effect.context<never>()
  const minimum = MINIMUM[yield* References.MinimumLogLevel]
  const write = { Debug: Effect.logDebug, Info: Effect.logInfo, Warn: Effect.logWarning }
  yield* ledger.subscribe((events) => {
    for (const { event } of events) {
      const said = line(event)
      if (said === undefined || ORDER[said[0]] < minimum) continue
      const { _tag: type, ...fields } = event
      Effect.runForkWith(context)(write[said[0]](said[1], { type, ...fields }))
    }
  })
})
