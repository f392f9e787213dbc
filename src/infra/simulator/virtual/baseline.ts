/**
 * A gateway as most are built, to compare with: it orders the providers that offer the model and take the prompt, tries them in turn,
 * and knows nothing of limits, circuits, caches or budgets. What a baseline remembers is its own.
 */
import type { Fact, RequestAdmitted } from '#domain/events.ts'
import type { ProviderId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { Policy, ProviderPolicy } from '#domain/policy.ts'
import type { RouteQuestion } from '#domain/routing/choose-route.ts'
import { estimateTokens } from '#domain/token-estimate.ts'
import { type Gateway, plainEstimate } from './gateway.ts'

/** What a plain gateway knows when it chooses. */
export interface PlainQuestion extends Pick<RouteQuestion, 'request' | 'policy' | 'inputTokens'> {
  /** Epoch ms. */
  readonly at: number
  /** Those that offer the model and take a prompt of this size, in the operator's order. */
  readonly eligible: readonly ProviderPolicy[]
}

export interface Baseline {
  readonly name: string
  /** What it does, for the table. */
  readonly about: string
  /** Starts with an empty memory. */
  readonly start: () => {
    readonly order: (question: PlainQuestion) => readonly ProviderId[]
    readonly hear?: (fact: Fact, at: number) => void
  }
}

export const plainGateway = (baseline: Baseline, policy: Policy): Gateway => {
  const { order, hear } = baseline.start()
  const refused = new Map<ProviderId, readonly string[]>()
  const tokensOf = (request: RequestAdmitted): number => estimateTokens(request).tokens
  return {
    name: baseline.name,
    policy,
    record: (fact, at) => {
      hear?.(fact, at)
      if (fact._tag === 'CapabilityLearned') refused.set(fact.provider, fact.features)
      if (fact._tag !== 'RequestAdmitted') return []
      const prompt = tokensOf(fact)
      const eligible = policy.providers.filter(
        (provider) =>
          provider.enabled &&
          resolveModel(provider, fact.model) !== undefined &&
          (provider.maxInputTokens === undefined || prompt <= provider.maxInputTokens),
      )
      const chosen = order({ request: fact, policy, inputTokens: () => prompt, at, eligible })
      return [
        {
          _tag: 'RouteChosen',
          requestId: fact.requestId,
          strategy: baseline.name,
          policyVersion: 1,
          order: chosen.slice(0, policy.routing.maxFallbacks + 1),
          factors: {},
          skipped: [],
          propensity: 1,
        },
      ]
    },
    admission: () => ({ admit: 'yes', share: 1 }),
    mayRetry: () => true,
    estimate: (request) => plainEstimate(tokensOf(request)),
    fullUntil: () => undefined,
    without: (provider) => refused.get(provider) ?? [],
  }
}
