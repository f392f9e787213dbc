/**
 * How each provider has been doing, by its own attempts. Averages are exponentially weighted by attempt (1/5 for the newest):
 * they describe the last dozen answers, whenever those were.
 */
import { countsAgainst, type FailureReason, type FailureTag } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import { providersOf } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

/** attempts = successes + sum of failures + abandoned + inFlight. Times are epoch ms; null = not yet. */
export interface ProviderHealth {
  attempts: number
  successes: number
  /** By reason, the client's cancellations among them. */
  failures: { [reason in FailureTag]?: number }
  /** Attempts of a process that died. */
  abandoned: number
  inFlight: number
  /** Failures in a row for which the provider is to blame. */
  consecutiveFailures: number
  ttftEwmaMs: number | null
  durationEwmaMs: number | null
  lastSuccessAt: number | null
  lastFailureAt: number | null
  lastFailure: FailureReason | null
}

export type Health = Map<ProviderId, ProviderHealth>

const NEWEST_SHARE = 0.2
/** Far above any configuration; events of providers that come and go cannot grow the state beyond it. */
const MAX_PROVIDERS = 200

export const health: Projection<Health> = {
  name: 'health',
  version: 1,
  hears: ['PolicyChanged', 'AttemptStarted', 'AttemptSucceeded', 'AttemptFailed', 'RequestAbandoned'],
  initial: () => new Map(),
  evolve: (state, { event, occurredAt }) => {
    switch (event._tag) {
      case 'PolicyChanged': {
        const named = providersOf(event.policy)
        for (const id of state.keys()) if (!named.has(id)) state.delete(id)
        break
      }
      case 'AttemptStarted': {
        const provider = known(state, event.provider)
        provider.attempts += 1
        provider.inFlight += 1
        break
      }
      case 'AttemptSucceeded': {
        const provider = ended(state, event.provider)
        if (provider === undefined) break
        provider.successes += 1
        provider.consecutiveFailures = 0
        provider.ttftEwmaMs = ewma(provider.ttftEwmaMs, event.ttftMs)
        provider.durationEwmaMs = ewma(provider.durationEwmaMs, event.durationMs)
        provider.lastSuccessAt = occurredAt
        break
      }
      case 'AttemptFailed': {
        const provider = ended(state, event.provider)
        if (provider === undefined) break
        const { reason } = event
        provider.failures[reason._tag] = (provider.failures[reason._tag] ?? 0) + 1
        if (countsAgainst(reason) === 'provider') provider.consecutiveFailures += 1
        provider.lastFailureAt = occurredAt
        provider.lastFailure = reason
        break
      }
      case 'RequestAbandoned': {
        const provider = event.provider === undefined ? undefined : ended(state, event.provider)
        if (provider !== undefined) provider.abandoned += 1
        break
      }
    }
    return state
  },
}

const known = (state: Health, id: ProviderId): ProviderHealth => {
  const found = state.get(id)
  if (found !== undefined) return found
  const [oldest] = state.keys()
  if (oldest !== undefined && state.size >= MAX_PROVIDERS) state.delete(oldest)
  const fresh: ProviderHealth = {
    attempts: 0,
    successes: 0,
    failures: {},
    abandoned: 0,
    inFlight: 0,
    consecutiveFailures: 0,
    ttftEwmaMs: null,
    durationEwmaMs: null,
    lastSuccessAt: null,
    lastFailureAt: null,
    lastFailure: null,
  }
  state.set(id, fresh)
  return fresh
}

/** The provider whose attempt has ended; undefined when it was removed from the policy since and its attempts forgotten. */
const ended = (state: Health, id: ProviderId): ProviderHealth | undefined => {
  const provider = state.get(id)
  if (provider === undefined || provider.inFlight === 0) return undefined
  provider.inFlight -= 1
  return provider
}

const ewma = (average: number | null, value: number): number =>
  average === null ? value : average + NEWEST_SHARE * (value - average)
