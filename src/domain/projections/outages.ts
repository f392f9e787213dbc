/**
 * Since when a provider has been down without a break. The machine's own state begins anew with every probe that fails; who is
 * woken at night wants to know of the whole.
 */
import type { ProviderId } from '#domain/ids.ts'
import { providersOf } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

/** Epoch ms of the first opening of the circuit after which it has not closed. */
export type Outages = Map<ProviderId, number>

/** Far above any configuration. */
export const PROVIDERS_KEPT = 200

export const outages: Projection<Outages> = {
  name: 'outages',
  version: 1,
  hears: [
    'PolicyChanged',
    'CircuitOpened',
    'ProviderThrottled',
    'ProviderRecovered',
    'CircuitClosed',
    'BreakerReset',
    'ProviderRetired',
  ],
  initial: () => new Map(),
  evolve: (state, { event, occurredAt }) => {
    switch (event._tag) {
      case 'PolicyChanged': {
        const named = providersOf(event.policy)
        for (const id of state.keys()) if (!named.has(id)) state.delete(id)
        break
      }
      case 'CircuitOpened': {
        if (state.has(event.provider)) break
        state.set(event.provider, occurredAt)
        const [oldest] = state.keys()
        if (oldest !== undefined && state.size > PROVIDERS_KEPT) state.delete(oldest)
        break
      }
      // A limit, or the end of the service, is an answer too: it is something else then that the operator must hear of.
      case 'ProviderThrottled':
      case 'ProviderRecovered':
      case 'CircuitClosed':
      case 'BreakerReset':
      case 'ProviderRetired':
        state.delete(event.provider)
        break
    }
    return state
  },
}
