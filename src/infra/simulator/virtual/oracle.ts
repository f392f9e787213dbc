/**
 * A gateway that knows the world. For each request it asks every provider what would come of an attempt now, and takes the one of
 * those that will answer in full where this request and the rest of its conversation cost least (foresight.ts). It knows caches,
 * limits, outages, draws, and what the conversation will ask.
 *
 * It is still one request at a time: it does not wait for a cheaper provider to become free, does not foresee the limits and outages
 * that later calls will meet, does not save a limit for a dearer conversation, and does not care for speed. So it is no lower bound,
 * but nothing known beats it by more than chance.
 */

import type { ModelId } from '#domain/ids.ts'
import { type ProviderId, providerId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import type { Exchange } from './exchange.ts'
import type { Foresight } from './foresight.ts'
import { type Gateway, plainEstimate } from './gateway.ts'
import type { Call } from './traffic.ts'
import type { LiveProvider } from './true-provider.ts'

export interface OracleOptions {
  readonly policy: Policy
  readonly providers: readonly LiveProvider[]
  readonly foresight: Foresight
  /** The call that is being asked for, and attempts before. */
  readonly current: () => { readonly call: Call; readonly issued: number }
}

/** It comes back so soon when nobody could serve. */
const LOOKS_AGAIN_MS = 1_000

export const oracle = ({ policy, providers, foresight, current }: OracleOptions): Gateway => {
  const refused = new Map<ProviderId, readonly string[]>()
  return {
    name: 'oracle',
    policy,
    record: (fact, at) => {
      if (fact._tag === 'CapabilityLearned') refused.set(fact.provider, fact.features)
      if (fact._tag !== 'RequestAdmitted') return []
      const { call, issued } = current()
      const willServe = providers.filter((provider) => {
        const id = providerId(provider.truth.id)
        const without = provider.truth.refusesFeature === null ? [] : [provider.truth.refusesFeature]
        refused.set(id, without)
        return answers(
          provider.foresee({ provider: id, model: fact.model as ModelId, call, issue: issued + 1, without, at }),
          at,
        )
      })
      const offers = willServe.map((provider) => ({
        id: providerId(provider.truth.id),
        cost: provider.costOf(call, at) + (foresight.get(call.key)?.[providers.indexOf(provider)] ?? 0),
        room: provider.room(at),
      }))
      const least = Math.min(...offers.map(({ cost }) => cost))
      const [best] = offers.filter(({ cost }) => cost <= least * ALIKE).toSorted((a, b) => b.room - a.room)
      const nobody = providers.map(({ truth }) => ({
        provider: providerId(truth.id),
        reason: 'throttled' as const,
        until: at + LOOKS_AGAIN_MS,
      }))
      return [
        {
          _tag: 'RouteChosen',
          requestId: fact.requestId,
          strategy: 'oracle',
          policyVersion: 1,
          order: best === undefined ? [] : [best.id],
          factors: {},
          skipped: best === undefined ? nobody : [],
          propensity: 1,
        },
      ]
    },
    admission: () => ({ admit: 'yes', share: 1 }),
    mayRetry: () => true,
    estimate: () => plainEstimate(current().call.promptTokens),
    fullUntil: () => undefined,
    without: (provider) => refused.get(provider) ?? [],
  }
}

/** Of those that cost the same, within half a percent, the one with the most room will still have some later. */
const ALIKE = 1.005

/** In full, and before any time limit of an attempt. */
const answers = ({ end, firstContentAt }: Exchange, at: number): boolean =>
  end._tag === 'Answered' && firstContentAt - at < PATIENCE_MS

const PATIENCE_MS = 55_000
