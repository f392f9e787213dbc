/**
 * What a strategy sees of a candidate: how this very request would probably fare there, as far as the log tells. Null is "not
 * known", never a guess.
 */
import type { RequestAdmitted } from '#domain/events.ts'
import { expectedCost, toldPrice } from '#domain/pricing.ts'
import { expectedOutput, type OutputSizes } from '#domain/projections/output-sizes.ts'
import { type Performance, speedOf } from '#domain/projections/performance.ts'
import { type Reliability, trustIn } from '#domain/projections/reliability.ts'
import { type WarmCaches, warmTokens } from '#domain/projections/warm-caches.ts'
import { type RequestKind, requestKind } from '#domain/request-kind.ts'
import type { Candidate } from '#domain/routing/eligibility.ts'

/** How much a provider's limits leave. */
export interface Room {
  /** Smallest share of a limit that is left after this request; null: no limit is known. */
  readonly headroomShare: number | null
  /**
   * A limit that the operator has named has no room: the request would be refused. What headers or refusals taught is less
   * certain, for others may use the same account: such a provider is asked last, but asked.
   */
  readonly isFull: boolean
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
  /** Share of the cost of the request that its cache saves; where it has no price, share of the prompt that is cached. */
  readonly cachedShare: number
  /** Expected, of the answer. */
  readonly outputTokens: number
  /** Expected, of the request, in billionths of a US dollar: with what its cache saves, or must be written anew. */
  readonly costNanoUsd: number | null
  /**
   * Mean of that and of the turns that will follow there with a warm cache: a provider without one is cheap for the first turn
   * only, and a cache that is written pays later.
   */
  readonly turnNanoUsd: number | null
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
  /** What its limits leave for this many tokens, of which `cached` would be read from its cache. */
  readonly room: (tokens: { readonly cached: number; readonly output: number }) => Room
}

export const outlookOf = (question: OutlookQuestion): Outlook => {
  const { candidate, request, promptTokens, at, memory, room } = question
  const { provider, model } = candidate
  const cachedTokens = Math.min(promptTokens, warmTokens(memory.warmCaches, request, provider.id, model, at))
  const outputTokens = expectedOutput(memory.outputSizes, model, request)
  const price = toldPrice(provider.prices, model) ?? null
  const cold = { promptTokens, cachedTokens: 0, willWrite: marksCaches(request), outputTokens }
  const coldNanoUsd = expectedCost(price, cold)
  const costNanoUsd = cachedTokens === 0 ? coldNanoUsd : expectedCost(price, { ...cold, cachedTokens })
  const next = cold.willWrite ? expectedCost(price, { ...cold, cachedTokens: promptTokens }) : null
  // Named one by one: made for every candidate of every request, and merging objects takes longer than all the rest.
  const { headroomShare, isFull, limitFreesAt, concurrencyShare } = room({ cached: cachedTokens, output: outputTokens })
  const { ttftMs, msPerToken, inFlight } = speedOf(memory.performance, provider.id, model, at)
  const { successShare, limitPenalty } = trustIn(memory.reliability, provider.id, at)
  return {
    headroomShare,
    isFull,
    limitFreesAt,
    concurrencyShare,
    ttftMs,
    msPerToken,
    inFlight,
    successShare,
    limitPenalty,
    cachedTokens,
    cachedShare: cachedTokens === 0 ? 0 : (savedShare(costNanoUsd, coldNanoUsd) ?? cachedTokens / promptTokens),
    outputTokens,
    costNanoUsd,
    turnNanoUsd: meanWith(costNanoUsd, next, TURNS_AHEAD[requestKind(request)]),
  }
}

const savedShare = (costNanoUsd: number | null, coldNanoUsd: number | null): number | undefined => {
  if (costNanoUsd === null || coldNanoUsd === null) return undefined
  return coldNanoUsd === 0 ? 0 : Math.max(0, (coldNanoUsd - costNanoUsd) / coldNanoUsd)
}

/**
 * Turns that a conversation still has when one is taken in. In the routing benchmark every number from 5 to 40 serves; at 0 the
 * strategy `cost` pays 29 % more, because it starts where caches are never written.
 */
const TURNS_AHEAD: { readonly [K in RequestKind]: number } = { main: 10, agent: 5, background: 0 }

const meanWith = (now: number | null, next: number | null, times: number): number | null =>
  now === null || next === null ? now : Math.round((now + times * next) / (times + 1))

/** Claude Code marks every prompt (wire.md 3); those of its background calls are too short for a cache. */
export const marksCaches = (request: Pick<RequestAdmitted, 'sessionId' | 'agentId' | 'tools'>): boolean =>
  request.sessionId !== undefined && requestKind(request) !== 'background'
