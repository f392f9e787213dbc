/**
 * How reliably each provider has answered of late. Outcomes and limit events weigh one when they happen and fade with time,
 * so that nothing is held against a provider for ever and nothing must be reset.
 */
import { leftAfter } from '#domain/decay.ts'
import type { AttemptFailed } from '#domain/events.ts'
import { countsAgainst } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import { providersOf } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

/** Weights as of `at`, epoch ms. */
export interface ProviderReliability {
  /** Answers in full. */
  good: number
  /** Attempts that the provider, or the state of its account, lost. */
  bad: number
  /** Answers that a limit was reached. */
  limitHits: number
  /** Outcomes ever counted as good or bad. */
  outcomes: number
  at: number
}

export type Reliability = Map<ProviderId, ProviderReliability>

export const OUTCOME_HALF_LIFE_MS = 300_000
/** Limits are counted by the minute: what hit one two minutes ago is mostly refilled. */
export const LIMIT_HALF_LIFE_MS = 120_000
/** Far above any configuration. */
export const PROVIDERS_KEPT = 200

export const reliability: Projection<Reliability> = {
  name: 'reliability',
  version: 1,
  hears: ['PolicyChanged', 'AttemptSucceeded', 'AttemptFailed'],
  initial: () => new Map(),
  evolve: (state, { event, occurredAt }) => {
    switch (event._tag) {
      case 'PolicyChanged': {
        const named = providersOf(event.policy)
        for (const id of state.keys()) if (!named.has(id)) state.delete(id)
        break
      }
      case 'AttemptSucceeded':
        count(state, event.provider, occurredAt, { good: 1, bad: 0, limitHits: 0 })
        break
      case 'AttemptFailed': {
        const counts = countsOf(event)
        if (counts !== undefined) count(state, event.provider, occurredAt, counts)
        break
      }
    }
    return state
  },
}

interface Counts {
  readonly good: number
  readonly bad: number
  readonly limitHits: number
}

const countsOf = ({ reason, stage }: AttemptFailed): Counts | undefined => {
  switch (countsAgainst(reason)) {
    case 'provider':
    case 'account':
      return { good: 0, bad: 1, limitHits: 0 }
    case 'limit':
      // A limit before the answer is a schedule; one that breaks an answer off is a failure that the client sees.
      return { good: 0, bad: stage === 'S2' ? 1 : 0, limitHits: 1 }
    default:
      return undefined
  }
}

const count = (state: Reliability, id: ProviderId, at: number, { good, bad, limitHits }: Counts): void => {
  const before = state.get(id) ?? { good: 0, bad: 0, limitHits: 0, outcomes: 0, at }
  const left = leftAfter(at - before.at, OUTCOME_HALF_LIFE_MS)
  state.delete(id)
  state.set(id, {
    good: before.good * left + good,
    bad: before.bad * left + bad,
    limitHits: before.limitHits * leftAfter(at - before.at, LIMIT_HALF_LIFE_MS) + limitHits,
    outcomes: before.outcomes + good + bad,
    at,
  })
  const [oldest] = state.keys()
  if (oldest !== undefined && state.size > PROVIDERS_KEPT) state.delete(oldest)
}

/** What is assumed of a provider that has answered before, when all that it did has faded; it weighs one outcome. */
const ASSUMED_SHARE = 0.9

export interface Trust {
  /** Expected share of attempts that succeed, in [0, 1]; null: it has never been tried. */
  readonly successShare: number | null
  /** 0: no limit was hit of late; 1/2: one just now; towards 1: many. */
  readonly limitPenalty: number
}

/** What to expect of a provider at `at` (epoch ms). */
export const trustIn = (state: Reliability, id: ProviderId, at: number): Trust => {
  const known = state.get(id)
  if (known === undefined) return { successShare: null, limitPenalty: 0 }
  const left = leftAfter(at - known.at, OUTCOME_HALF_LIFE_MS)
  const [good, bad] = [known.good * left, known.bad * left]
  const hits = known.limitHits * leftAfter(at - known.at, LIMIT_HALF_LIFE_MS)
  return {
    successShare: known.outcomes === 0 ? null : (good + ASSUMED_SHARE) / (good + bad + 1),
    limitPenalty: hits / (hits + 1),
  }
}
