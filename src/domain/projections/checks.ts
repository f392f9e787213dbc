/**
 * What the last health check of each provider found. Traffic knows better: a failed check is forgotten with the next answer of
 * its provider. So is it when the operator has changed something, which may have cured the provider or ended its checks. Then
 * nothing is known of it until it is checked again.
 */

import type { FailureReason } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { ProviderChecked } from '#domain/operator-facts.ts'
import { providersOf } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

export interface ProviderCheck {
  readonly ok: boolean
  /** Why not. */
  readonly reason?: FailureReason
  /** Epoch ms since when checks find this. */
  readonly at: number
}

/** Without those of which nothing is known. */
export type Checks = Map<ProviderId, ProviderCheck>

/** Far above any configuration; events of providers that come and go cannot grow the state beyond it. */
const MAX_PROVIDERS = 200

export const checks: Projection<Checks> = {
  name: 'checks',
  version: 2,
  hears: ['PolicyChanged', 'ProviderChecked', 'AttemptSucceeded', 'BoxStarted', 'ConfigChanged', 'SettingOverridden'],
  initial: () => new Map(),
  evolve: (state, { event, occurredAt }) => {
    switch (event._tag) {
      case 'PolicyChanged': {
        const named = providersOf(event.policy)
        for (const id of state.keys()) if (!named.has(id)) state.delete(id)
        break
      }
      case 'ProviderChecked':
        set(state, event, occurredAt)
        break
      case 'AttemptSucceeded':
        if (isUnwell(state, event.provider)) state.delete(event.provider)
        break
      case 'BoxStarted':
        // One more instance says nothing about what the others found.
        if (event.shared === true) break
        forgetUnwell(state)
        break
      case 'ConfigChanged':
      case 'SettingOverridden':
        forgetUnwell(state)
        break
    }
    return state
  },
}

const forgetUnwell = (state: Checks): void => {
  for (const id of state.keys()) if (isUnwell(state, id)) state.delete(id)
}

/** Whether its last check failed, and nothing has happened since that speaks for it. */
export const isUnwell = (state: Checks, provider: ProviderId): boolean => state.get(provider)?.ok === false

const set = (state: Checks, { provider, ok, reason }: typeof ProviderChecked.Type, occurredAt: number): void => {
  const known = state.get(provider)
  const [oldest] = state.keys()
  if (known === undefined && oldest !== undefined && state.size >= MAX_PROVIDERS) state.delete(oldest)
  const at = known?.ok === ok ? known.at : occurredAt
  state.set(provider, ok || reason === undefined ? { ok, at } : { ok, reason, at })
}
