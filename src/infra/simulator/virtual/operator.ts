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
import { priceAt, type TrueProvider } from './true-provider.ts'
import type { VirtualWorld } from './world.ts'

/** With a strategy, and what differs of the default routing; prices are those of `at` (epoch ms), which the operator knows at once. */
export const policyFor = (
  world: VirtualWorld,
  strategy: Policy['routing']['strategy'],
  routing: Partial<Policy['routing']> = {},
  at: number = world.startsAt,
): Policy => ({
  ...defaultPolicy,
  routing: { ...defaultPolicy.routing, ...routing, strategy },
  providers: world.providers.map((truth, index) => providerPolicyOf(truth, index, world.model, at)),
})

const providerPolicyOf = (truth: TrueProvider, index: number, model: string, at: number): ProviderPolicy => ({
  id: providerId(truth.id),
  kind: 'anthropic',
  enabled: true,
  priority: index,
  models: {},
  prices: { [model]: priceAt(truth, at) },
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
