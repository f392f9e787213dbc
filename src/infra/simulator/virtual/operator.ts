/**
 * What the operator of a virtual world has configured: prices, and the limits of those providers whose limits can be known.
 */
import { providerId } from '#domain/ids.ts'
import {
  defaultBreaker,
  defaultPolicy,
  defaultTimeouts,
  type LimitPolicy,
  type Policy,
  type ProviderPolicy,
} from '#domain/policy.ts'
import type { TrueProvider } from './true-provider.ts'
import type { VirtualWorld } from './world.ts'

/** With a strategy, and what differs of the default routing. */
export const policyFor = (
  world: VirtualWorld,
  strategy: Policy['routing']['strategy'],
  routing: Partial<Policy['routing']> = {},
): Policy => ({
  ...defaultPolicy,
  routing: { ...defaultPolicy.routing, ...routing, strategy },
  providers: world.providers.map((truth, index) => providerPolicyOf(truth, index, world.model)),
})

const providerPolicyOf = (truth: TrueProvider, index: number, model: string): ProviderPolicy => ({
  id: providerId(truth.id),
  kind: 'anthropic',
  enabled: true,
  priority: index,
  models: {},
  prices: { [model]: truth.price },
  ...(truth.told === 'configured' || truth.limits.countsCachedInput ? { limits: limitPolicyOf(truth) } : {}),
  breaker: defaultBreaker,
  timeouts: defaultTimeouts,
})

const limitPolicyOf = ({ told, limits }: TrueProvider): LimitPolicy => {
  const counts = limits.countsCachedInput ? { countsCachedInput: true } : {}
  if (told !== 'configured') return counts
  const { requestsPerMinute, inputTokensPerMinute, outputTokensPerMinute, maxConcurrent, window } = limits
  return {
    ...counts,
    window,
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(inputTokensPerMinute === undefined ? {} : { inputTokensPerMinute }),
    ...(outputTokensPerMinute === undefined ? {} : { outputTokensPerMinute }),
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
  }
}
