/**
 * What providers have said about themselves: features that they refused by name, and announced ends. The next requests are
 * fitted to the former beforehand; both are shown to the operator.
 */
import type { ModelId, ProviderId } from '#domain/ids.ts'
import { namesKey } from '#domain/names-key.ts'
import { providersOf } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

export interface ModelCapabilities {
  readonly provider: ProviderId
  readonly model: ModelId
  /** Refused features and the epoch ms until which requests go without them; the oldest first. */
  readonly refused: Map<string, number>
  /** Epoch ms, as announced. */
  sunsetAt: number | null
  deprecatedAt: number | null
}

/** By JSON of [provider, model]; the one that was heard of last is the last. */
export type Capabilities = Map<string, ModelCapabilities>

/** Enough for any configuration; more come from clients that make up names. */
export const PAIRS_KEPT = 300
export const FEATURES_KEPT = 100

const keyOf = (provider: ProviderId, model: ModelId): string => namesKey([provider, model])

export const capabilities: Projection<Capabilities> = {
  name: 'capabilities',
  version: 1,
  hears: ['PolicyChanged', 'CapabilityLearned', 'SunsetAnnounced'],
  initial: () => new Map(),
  evolve: (state, { event }) => {
    switch (event._tag) {
      case 'PolicyChanged': {
        const named = providersOf(event.policy)
        for (const [key, { provider }] of state) if (!named.has(provider)) state.delete(key)
        break
      }
      case 'CapabilityLearned': {
        const { refused } = heardOf(state, event.provider, event.model)
        for (const feature of event.features) {
          refused.delete(feature)
          refused.set(feature, event.until)
        }
        dropOldest(refused, FEATURES_KEPT)
        break
      }
      case 'SunsetAnnounced': {
        const told = heardOf(state, event.provider, event.model)
        told.sunsetAt = event.sunsetAt ?? null
        told.deprecatedAt = event.deprecatedAt ?? null
        break
      }
    }
    return state
  },
}

const heardOf = (state: Capabilities, provider: ProviderId, model: ModelId): ModelCapabilities => {
  const key = keyOf(provider, model)
  const one = state.get(key) ?? { provider, model, refused: new Map(), sunsetAt: null, deprecatedAt: null }
  state.delete(key)
  state.set(key, one)
  dropOldest(state, PAIRS_KEPT)
  return one
}

const dropOldest = (map: Map<string, unknown>, kept: number): void => {
  for (const key of map.keys()) {
    if (map.size <= kept) return
    map.delete(key)
  }
}

/** What a provider is not sent for a model at `at` (epoch ms). */
export const refusedFeatures = (
  state: Capabilities,
  provider: ProviderId,
  model: ModelId,
  at: number,
): readonly string[] => {
  const known = state.get(keyOf(provider, model))
  return known === undefined ? [] : [...known.refused].flatMap(([feature, until]) => (at < until ? [feature] : []))
}

/** What it has announced for a model. */
export const announcedEnd = (
  state: Capabilities,
  provider: ProviderId,
  model: ModelId,
): { readonly sunsetAt: number | null; readonly deprecatedAt: number | null } =>
  state.get(keyOf(provider, model)) ?? { sunsetAt: null, deprecatedAt: null }
