/**
 * The baselines of the comparison. Each is what is commonly configured, no straw man: all of them fall back to the next provider on
 * any failure that another may cure, as Signalbox does.
 */
import type { ProviderId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import { toldPrice } from '#domain/pricing.ts'
import type { Baseline, PlainQuestion } from './baseline.ts'

const byPriority = (providers: readonly ProviderPolicy[]): readonly ProviderId[] =>
  providers.toSorted((a, b) => a.priority - b.priority).map(({ id }) => id)

const rotated = (providers: readonly ProviderPolicy[], by: number): readonly ProviderId[] =>
  providers.map((_, index) => (providers[(index + by) % providers.length] as ProviderPolicy).id)

const fixedOrder: Baseline = {
  name: 'fixed order',
  about: 'the operator’s order; the next on failure',
  start: () => ({ order: ({ eligible }) => byPriority(eligible) }),
}

const roundRobin: Baseline = {
  name: 'round robin',
  about: 'each request to the next provider',
  start: () => {
    let count = -1
    return {
      order: ({ eligible }) => {
        count += 1
        return rotated(eligible, count)
      },
    }
  },
}

/** The newest answer weighs this much: as in most load balancers. */
const NEWEST_SHARE = 0.2

const lowestLatency: Baseline = {
  name: 'lowest latency',
  about: 'the lowest average of times to first token; who was not tried is tried first',
  start: () => {
    const averages = new Map<ProviderId, number>()
    return {
      order: ({ eligible }) =>
        eligible.toSorted((a, b) => (averages.get(a.id) ?? 0) - (averages.get(b.id) ?? 0)).map(({ id }) => id),
      hear: (fact) => {
        if (fact._tag !== 'AttemptSucceeded') return
        const before = averages.get(fact.provider) ?? fact.ttftMs
        averages.set(fact.provider, before + NEWEST_SHARE * (fact.ttftMs - before))
      },
    }
  },
}

const listPriceOf = (provider: ProviderPolicy, { request }: PlainQuestion): number => {
  const model = resolveModel(provider, request.model)
  const price = model === undefined ? undefined : toldPrice(provider.prices, model)
  return price === undefined ? Number.POSITIVE_INFINITY : price.input + price.output
}

const cheapest: Baseline = {
  name: 'cheapest list price',
  about: 'the lowest sum of the list prices for input and output; the next on failure',
  start: () => ({
    order: (question) =>
      question.eligible
        .toSorted((a, b) => listPriceOf(a, question) - listPriceOf(b, question) || a.priority - b.priority)
        .map(({ id }) => id),
  }),
}

/** LiteLLM's constants, field.md 2.1. */
const LITELLM = { cooldownMs: 5_000, failedShare: 0.5, minimumRequests: 5 } as const
const COOLS: ReadonlySet<number> = new Set([401, 404, 408])

const fixedCooldown: Baseline = {
  name: 'fixed cool-down',
  about:
    'a shuffle of the providers that are not cooling down: 5 s after a 429, or when half of a calendar minute failed',
  start: () => {
    const cooledUntil = new Map<ProviderId, number>()
    const minutes = new Map<ProviderId, { minute: number; requests: number; failed: number }>()
    return {
      order: ({ request, eligible, at }) => {
        const ready = eligible.filter(({ id }) => at >= (cooledUntil.get(id) ?? 0))
        // When all are cooling down the filter is skipped.
        const all = ready.length === 0 ? eligible : ready
        return rotated(all, Math.floor(request.draw * all.length))
      },
      hear: (fact, at) => {
        if (fact._tag !== 'AttemptSucceeded' && fact._tag !== 'AttemptFailed') return
        const minute = Math.floor(at / 60_000)
        const known = minutes.get(fact.provider)
        const counts = known?.minute === minute ? known : { minute, requests: 0, failed: 0 }
        minutes.set(fact.provider, counts)
        counts.requests += 1
        if (fact._tag === 'AttemptSucceeded') return
        const { reason } = fact
        // Its APIConnectionError never cools.
        if (reason._tag === 'Transport' || reason._tag === 'Cancelled') return
        counts.failed += 1
        const status = 'status' in reason ? reason.status : undefined
        const isHalf =
          counts.requests >= LITELLM.minimumRequests && counts.failed > LITELLM.failedShare * counts.requests
        if (reason._tag === 'RateLimited' || isHalf || (status !== undefined && COOLS.has(status)))
          cooledUntil.set(fact.provider, at + LITELLM.cooldownMs)
      },
    }
  },
}

export const BASELINES: readonly Baseline[] = [fixedOrder, roundRobin, lowestLatency, cheapest, fixedCooldown]
