/**
 * What a strategy sees of a candidate: how this very request would probably fare there, as far as the log tells. Null is "not
 * known", never a guess.
 */
import type { RequestAdmitted } from '#domain/events.ts'
import { expectedCost, priceOf } from '#domain/pricing.ts'
import { expectedOutput, type OutputSizes } from '#domain/projections/output-sizes.ts'
import { type Performance, speedOf } from '#domain/projections/performance.ts'
import { type Reliability, trustIn } from '#domain/projections/reliability.ts'
import { type WarmCaches, warmTokens } from '#domain/projections/warm-caches.ts'
import { requestKind } from '#domain/request-kind.ts'
import type { Candidate } from '#domain/routing/eligibility.ts'

/** How much a provider's limits leave. */
export interface Room {
  /** Smallest share of a limit that is left after this request; null: no limit is known. */
  readonly headroomShare: number | null
  /** Epoch ms at which the limit that is short has room again; null: none is short, or nobody can tell. */
  readonly limitFreesAt: number | null
  /** Share of its concurrency that is free. */
  readonly concurrencyShare: number
}

export interface Outlook extends Room {
  readonly ttftMs: number | null
  readonly msPerToken: number | null
  /** Attempts under way there for this model. */
  readonly inFlight: number
  readonly successShare: number | null
  /** In [0, 1]: 0 when no limit was hit of late. */
  readonly limitPenalty: number
  /** Of the prompt, in its cache. */
  readonly cachedTokens: number
  /** Expected, of the answer. */
  readonly outputTokens: number
  /** Expected, of the request, in billionths of a US dollar: with what its cache saves, or must be written anew. */
  readonly costNanoUsd: number | null
}

/** The projections that outlooks come from. */
export interface Memory {
  readonly performance: Performance
  readonly reliability: Reliability
  readonly warmCaches: WarmCaches
  readonly outputSizes: OutputSizes
}

export interface OutlookQuestion {
  readonly candidate: Pick<Candidate, 'provider' | 'model'>
  readonly request: RequestAdmitted
  /** Estimated for the candidate's model. */
  readonly promptTokens: number
  /** Epoch ms. */
  readonly at: number
  readonly memory: Memory
  readonly room: Room
  /** Of list prices; see priceOf. */
  readonly priceMultiplier?: number
}

export const outlookOf = (question: OutlookQuestion): Outlook => {
  const { candidate, request, promptTokens, at, memory, room, priceMultiplier } = question
  const { provider, model } = candidate
  const cachedTokens = Math.min(promptTokens, warmTokens(memory.warmCaches, request, provider.id, model, at))
  const outputTokens = expectedOutput(memory.outputSizes, model, request)
  return {
    ...room,
    ...speedOf(memory.performance, provider.id, model, at),
    ...trustIn(memory.reliability, provider.id, at),
    cachedTokens,
    outputTokens,
    costNanoUsd: expectedCost(priceOf(provider, model, priceMultiplier), {
      promptTokens,
      cachedTokens,
      willWrite: marksCaches(request),
      outputTokens,
    }),
  }
}

/** Claude Code marks every prompt (wire.md 3); those of its background calls are too short for a cache. */
const marksCaches = (request: RequestAdmitted): boolean =>
  request.sessionId !== undefined && requestKind(request) !== 'background'
