/**
 * What the hard budgets that a request falls under mean for its route: whom they can pay, and whether it steps down.
 */
import type { RouteChosen } from '#domain/decisions.ts'
import { modelId } from '#domain/ids.ts'
import type { ModelPrice } from '#domain/policy.ts'
import type { Standing } from '#domain/projections/budgets.ts'
import type { Candidate, Skipped } from '#domain/routing/eligibility.ts'
import type { TokenEstimate } from '#domain/token-estimate.ts'

/** What hard budgets leave to a request. */
export interface Money {
  /** The tightest of those that refuse; undefined: none does. */
  readonly tightest: Purse | undefined
  readonly stepDown: RouteChosen['stepDown']
}

export interface Purse extends NonNullable<RouteChosen['budget']> {
  /** Held back by attempts under way, of which some will come back. */
  readonly reservedNanoUsd: number
}

/** Attempts under way end within seconds to minutes; a client that comes back after this finds what they gave back. */
const RESERVED_MS = 5_000

/** Undefined where no hard budget applies. */
export const moneyOf = (standings: readonly Standing[]): Money | undefined => {
  const hard = standings.filter(({ budget }) => budget.hard !== undefined)
  if (hard.length === 0) return undefined
  const stepsDown = ({ budget: { hard: rule } }: Standing) => rule?.strategy !== undefined || rule?.model !== undefined
  const spent = hard.find((standing) => stepsDown(standing) && standing.leftNanoUsd <= 0)
  const [tightest] = hard.filter((one) => !stepsDown(one)).toSorted((a, b) => a.leftNanoUsd - b.leftNanoUsd)
  return {
    tightest: tightest && {
      name: tightest.budget.name,
      leftNanoUsd: tightest.leftNanoUsd,
      until: tightest.period.end,
      reservedNanoUsd: tightest.reservedNanoUsd,
    },
    stepDown: spent && stepDownBy(spent),
  }
}

const stepDownBy = ({ budget: { name, hard = {} } }: Standing): NonNullable<RouteChosen['stepDown']> => ({
  budget: name,
  ...(hard.strategy === undefined ? {} : { strategy: hard.strategy }),
  ...(hard.model === undefined ? {} : { model: modelId(hard.model) }),
})

/** Why a budget cannot pay a candidate that may cost `mostNanoUsd`; undefined: it can. */
export const unpayable = (
  { leftNanoUsd, reservedNanoUsd, until }: Purse,
  mostNanoUsd: number | null,
  at: number,
): Omit<Skipped, 'provider'> | undefined => {
  if (mostNanoUsd === null) return { reason: 'priceUnknown' }
  if (mostNanoUsd <= leftNanoUsd) return undefined
  const isHeldBack = mostNanoUsd <= leftNanoUsd + reservedNanoUsd
  return { reason: 'overBudget', until: isHeldBack ? Math.min(until, at + RESERVED_MS) : until }
}

/** Candidates that the budgets can pay, at the most that they may cost, and those that they cannot. */
export const payable = <C extends Candidate>(
  candidates: readonly C[],
  purse: Purse | undefined,
  mostNanoUsd: (candidate: C) => number | null,
  at: number,
): { readonly candidates: readonly C[]; readonly skipped: readonly Skipped[] } => {
  if (purse === undefined) return { candidates, skipped: [] }
  const affordable: C[] = []
  const skipped: Skipped[] = []
  for (const candidate of candidates) {
    const why = unpayable(purse, mostNanoUsd(candidate), at)
    if (why === undefined) affordable.push(candidate)
    else skipped.push({ provider: candidate.provider.id, ...why })
  }
  return { candidates: affordable, skipped }
}

/** `max_tokens` is required by the API; a request without one is refused by everybody. */
const ASSUMED_MAX_TOKENS = 64_000
/** Twice the usual error of the estimate above it. */
const ERRORS_ABOVE = 2

/**
 * What a request may cost at most, in whole billionths of a US dollar: its prompt, longer than estimated, written to the
 * dearest cache, and all the output that it allows. Not in it: fast mode, searches and what else the provider's own tools do,
 * which nobody knows before. Null without a price.
 */
export const mostCost = (
  price: ModelPrice | null,
  prompt: TokenEstimate,
  maxTokens = ASSUMED_MAX_TOKENS,
): number | null => {
  if (price === null) return null
  const promptTokens = Math.ceil(prompt.tokens * (1 + ERRORS_ABOVE * prompt.errorShare))
  const { tier } = price
  const rates = tier !== undefined && promptTokens > tier.abovePromptTokens ? tier : price
  const dearest = Math.max(rates.input, rates.cacheWrite5m, rates.cacheWrite1h)
  // USD per million tokens are thousands of nano-dollars a token.
  return Math.ceil(1_000 * (promptTokens * dearest + maxTokens * rates.output))
}
