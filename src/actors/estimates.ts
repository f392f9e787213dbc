/**
 * What is expected of a request at a provider, from what the projections know: tokens, room in the limits, cost. Everything
 * here only reads.
 */
import type { AttemptStarted, RequestAdmitted } from '#domain/events.ts'
import type { ModelId } from '#domain/ids.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import { expectedCost, toldPrice } from '#domain/pricing.ts'
import { standingsOf } from '#domain/projections/budgets.ts'
import type { ProjectionStates } from '#domain/projections/index.ts'
import { concurrencyOf, headroomOf } from '#domain/projections/limits.ts'
import { expectedOutput } from '#domain/projections/output-sizes.ts'
import { type Turn, warmestTokens, warmTokens } from '#domain/projections/warm-caches.ts'
import type { Candidate, Skipped } from '#domain/routing/eligibility.ts'
import { moneyOf, mostCost, unpayable } from '#domain/routing/money.ts'
import { marksCaches, type Outlook, outlookOf, type Room } from '#domain/routing/outlook.ts'
import { estimateTokens, type PromptSize, type TokenEstimate } from '#domain/token-estimate.ts'

/** The part of the gateway's state that estimates are made from. */
interface Known {
  readonly projections: ProjectionStates
}

/** Tokens of a prompt for a model by the name that a provider is asked for. */
export const promptEstimate = (state: Known, size: PromptSize, model: ModelId): TokenEstimate =>
  estimateTokens(size, state.projections.tokenRates.rates.get(model))

/** Tokens of a prompt that count against a provider's limits: without what it would read from its cache, where it does so. */
export const freshTokens = (
  state: Known,
  request: PromptSize & Turn,
  provider: ProviderPolicy,
  model: ModelId,
  at: number,
): number => {
  const prompt = promptEstimate(state, request, model).tokens
  if (provider.limits?.countsCachedInput === true) return prompt
  return Math.max(1, prompt - warmTokens(state.projections.warmCaches, request, provider.id, model, at))
}

/** What a provider's limits leave at `at` (epoch ms) for this many tokens, `input` without those read from its cache. */
const roomFor = (
  { projections: { limits } }: Known,
  provider: ProviderPolicy,
  tokens: { readonly input: number; readonly output: number },
  at: number,
): Room => {
  const headroom = headroomOf(limits, provider.id, tokens, at)
  const concurrency = concurrencyOf(limits, provider.id)
  const hasRoom = headroom.freesAt !== null && headroom.freesAt <= at
  const most = provider.limits?.maxConcurrent
  return {
    headroomShare: headroom.limit === undefined ? null : hasRoom ? headroom.share : 0,
    isFull: headroom.isShut || (most !== undefined && concurrency.inFlight >= most),
    limitFreesAt: headroom.freesAt,
    concurrencyShare: Math.max(0, (concurrency.limit - concurrency.inFlight - 1) / concurrency.limit),
  }
}

/** When a provider that has no room for an attempt has it, as far as limits say that the operator named; undefined: it has room. */
export const fullUntil = (
  state: Known,
  request: Parameters<typeof expectedOutput>[2],
  provider: ProviderPolicy,
  attempt: { readonly model: ModelId; readonly input: number },
  at: number,
): number | undefined => {
  if (provider.limits === undefined) return undefined
  const output = expectedOutput(state.projections.outputSizes, attempt.model, request)
  const room = roomFor(state, provider, { input: attempt.input, output }, at)
  return room.isFull ? (room.limitFreesAt ?? at) : undefined
}

export interface AttemptEstimate {
  /** Tokens that count against the provider's limits. */
  readonly inputTokens: number
  /** Of the whole attempt, of its prompt alone, and of what is so because the cache is elsewhere. Null: no price. */
  readonly expectedNanoUsd: number | null
  readonly promptNanoUsd: number | null
  readonly switchNanoUsd: number | null
  /** What it may cost at most; undefined where no hard budget wants to know. */
  readonly reservedNanoUsd: number | undefined
  /** Why a hard budget cannot pay it after all; others may have used up what was left when the route was chosen. */
  readonly unpayable: Omit<Skipped, 'provider'> | undefined
}

/** What is expected of an attempt that is about to be made at `at` (epoch ms). */
export const attemptEstimate = (
  state: Known,
  request: Omit<RequestAdmitted, '_tag' | 'draw'>,
  provider: ProviderPolicy,
  model: ModelId,
  at: number,
): AttemptEstimate => {
  const { warmCaches, outputSizes, budgets } = state.projections
  const promptTokens = promptEstimate(state, request, model).tokens
  const cachedTokens = Math.min(promptTokens, warmTokens(warmCaches, request, provider.id, model, at))
  const warmest = Math.min(promptTokens, warmestTokens(warmCaches, request, at))
  const price = toldPrice(provider.prices, model) ?? null
  const prompt = { promptTokens, cachedTokens, willWrite: marksCaches(request), outputTokens: 0 }
  const promptNanoUsd = expectedCost(price, prompt)
  const whole = { ...prompt, outputTokens: expectedOutput(outputSizes, model, request) }
  const purse = moneyOf(standingsOf(budgets, request, at))?.tightest
  const most = purse === undefined ? undefined : mostNanoUsd(state, request, provider, model)
  return {
    inputTokens: provider.limits?.countsCachedInput === true ? promptTokens : Math.max(1, promptTokens - cachedTokens),
    expectedNanoUsd: expectedCost(price, whole),
    promptNanoUsd,
    switchNanoUsd:
      promptNanoUsd === null || warmest <= cachedTokens
        ? null
        : promptNanoUsd - (expectedCost(price, { ...prompt, cachedTokens: warmest }) ?? 0),
    reservedNanoUsd: most ?? undefined,
    unpayable: purse === undefined || most === undefined ? undefined : unpayable(purse, most, at),
  }
}

/** The part of an estimate that `AttemptStarted` records. */
export const recordedEstimate = ({
  inputTokens,
  expectedNanoUsd,
  reservedNanoUsd,
  switchNanoUsd,
}: AttemptEstimate): Pick<AttemptStarted, 'inputTokens' | 'expectedNanoUsd' | 'reservedNanoUsd' | 'switchNanoUsd'> => ({
  inputTokens,
  ...(expectedNanoUsd === null ? {} : { expectedNanoUsd }),
  ...(reservedNanoUsd === undefined ? {} : { reservedNanoUsd }),
  ...(switchNanoUsd === null ? {} : { switchNanoUsd }),
})

/** How a request would probably fare at a candidate, at `at` (epoch ms). */
export const outlookFor = (state: Known, request: RequestAdmitted, candidate: Candidate, at: number): Outlook => {
  const { provider, model } = candidate
  const promptTokens = promptEstimate(state, request, model).tokens
  const room = ({ cached, output }: { readonly cached: number; readonly output: number }): Room => {
    const input = Math.max(1, promptTokens - (provider.limits?.countsCachedInput === true ? 0 : cached))
    return roomFor(state, provider, { input, output }, at)
  }
  return outlookOf({ candidate, request, promptTokens, at, memory: state.projections, room })
}

/** What a request may cost at most at a provider, in billionths of a US dollar; null: it has no price. */
export const mostNanoUsd = (
  state: Known,
  request: PromptSize & Pick<RequestAdmitted, 'maxTokens'>,
  provider: ProviderPolicy,
  model: ModelId,
): number | null =>
  mostCost(toldPrice(provider.prices, model) ?? null, promptEstimate(state, request, model), request.maxTokens)
