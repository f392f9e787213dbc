/**
 * When each provider's machine last changed its state, and why: what the machine itself forgets, because no rule of its own
 * asks for it. Folded from the machine's decisions, so it is true of every past moment too.
 */
import type { CircuitOpened } from '#domain/decisions.ts'
import type { DomainEvent } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import { providersOf } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

export interface Transition {
  /** The state that it went to. */
  readonly to: 'healthy' | 'throttled' | 'openCircuit' | 'halfOpen' | 'retired'
  /** Epoch ms. */
  readonly at: number
  /** What moved it, of the states that a failure leads to. */
  readonly because: FailureReason | null
  /** Which rule of the breaker, of an open circuit and of what follows it. */
  readonly trip: (typeof CircuitOpened.Type)['trip'] | null
}

/** The last change of each provider that the policy names. */
export type Transitions = Map<ProviderId, Transition>

/** Far above any configuration; events of providers that come and go cannot grow the state beyond it. */
const MAX_PROVIDERS = 200

export const transitions: Projection<Transitions> = {
  name: 'transitions',
  version: 1,
  hears: [
    'PolicyChanged',
    'ProviderThrottled',
    'CircuitOpened',
    'CircuitHalfOpened',
    'ProviderRetired',
    'ProviderRecovered',
    'CircuitClosed',
    'BreakerReset',
  ],
  initial: () => new Map(),
  evolve: (state, { event, occurredAt: at }) => {
    if (event._tag === 'PolicyChanged') {
      const named = providersOf(event.policy)
      for (const id of state.keys()) if (!named.has(id)) state.delete(id)
      for (const id of named) if (!state.has(id)) set(state, id, { to: 'healthy', at, because: null, trip: null })
      return state
    }
    const change = changeOf(event)
    if (change === undefined) return state
    const [provider, to] = change
    const before = state.get(provider)
    set(state, provider, { because: before?.because ?? null, trip: before?.trip ?? null, ...to, at })
    return state
  },
}

type Change = Pick<Transition, 'to'> & Partial<Transition>

/** What a half-open provider is being tried for is the failure that opened it, so that is kept. */
const changeOf = (event: DomainEvent): readonly [ProviderId, Change] | undefined => {
  switch (event._tag) {
    case 'ProviderThrottled':
      return [event.provider, { to: 'throttled', because: event.because, trip: null }]
    case 'CircuitOpened':
      return [event.provider, { to: 'openCircuit', because: event.because, trip: event.trip }]
    case 'CircuitHalfOpened':
      return [event.provider, { to: 'halfOpen' }]
    case 'ProviderRetired':
      return [event.provider, { to: 'retired', because: event.because, trip: null }]
    case 'ProviderRecovered':
    case 'CircuitClosed':
    case 'BreakerReset':
      return [event.provider, { to: 'healthy', because: null, trip: null }]
    default:
      return undefined
  }
}

const set = (state: Transitions, id: ProviderId, transition: Transition): void => {
  const [oldest] = state.keys()
  if (!state.has(id) && oldest !== undefined && state.size >= MAX_PROVIDERS) state.delete(oldest)
  state.set(id, transition)
}
