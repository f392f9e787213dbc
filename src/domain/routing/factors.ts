/**
 * The four factors by which candidates are compared: numbers in [0, 1], more is better. Each is monotone in what it is made
 * of. A factor of which nothing is known is no better than the worst known one of the others, and but for head-room at most
 * 1/2: unknown is never best.
 *
 * Speed and cost are compared with the best candidate's (half as fast is 1/2, ten times as dear is 1/10), because there is
 * no speed or price that is good in itself. Head-room and reliability are shares already.
 */
import type { Outlook } from '#domain/routing/outlook.ts'

export interface Factors {
  readonly headroom: number
  readonly performance: number
  readonly cost: number
  readonly reliability: number
}

/** The factors of each candidate, in their order. `limitThreshold` is the used share of a limit above which it is short. */
export const factorsOf = (outlooks: readonly Outlook[], limitThreshold: number): readonly Factors[] => {
  const headroom = withUnknown(
    outlooks.map((outlook) => headroomFactor(outlook, limitThreshold)),
    1,
  )
  const performance = withUnknown(relative(expectedTimes(outlooks), performanceFactor))
  const cost = withUnknown(
    relative(
      outlooks.map(({ turnNanoUsd }) => turnNanoUsd),
      costFactor,
    ),
  )
  const reliability = withUnknown(outlooks.map(reliabilityFactor))
  return outlooks.map(({ concurrencyShare, limitPenalty }, index) => ({
    // Of a provider whose limits are not known, it is known how many requests are under way, and when it refused one.
    headroom: Math.min(headroom[index] ?? 0, knee(concurrencyShare, 1 - limitThreshold)),
    performance: performance[index] ?? 0,
    cost: cost[index] ?? 0,
    reliability: Math.min(reliability[index] ?? 0, 1 - limitPenalty),
  }))
}

/**
 * From what the scarcest limit leaves, concurrency among them: 1 when it is untouched, 1/2 when it is used up to the threshold,
 * then quickly down to 0. Null: no limit is known.
 */
export const headroomFactor = (
  { headroomShare, concurrencyShare }: Pick<Outlook, 'headroomShare' | 'concurrencyShare'>,
  limitThreshold: number,
): number | null =>
  headroomShare === null ? null : knee(Math.min(headroomShare, concurrencyShare), 1 - limitThreshold)

/** Two straight lines: from (0, 0) to (margin, 1/2) and on to (1, 1). */
const knee = (freeShare: number, margin: number): number => {
  if (freeShare <= 0) return 0
  if (freeShare < margin) return (0.5 * freeShare) / margin
  return freeShare >= 1 ? 1 : 0.5 + (0.5 * (freeShare - margin)) / (1 - margin)
}

/** The best time among the candidates over this one's: 1 for the best. Both in milliseconds. */
export const performanceFactor = (ms: number, bestMs: number): number => (bestMs + SAME_MS) / (ms + SAME_MS)

/** The lowest cost among the candidates over this one's: 1 for the cheapest. Both in billionths of a US dollar. */
export const costFactor = (nanoUsd: number, lowestNanoUsd: number): number =>
  (lowestNanoUsd + SAME_NANO_USD) / (nanoUsd + SAME_NANO_USD)

/** Nobody feels less. It also keeps ratios sound where the best is nearly nothing. */
const SAME_MS = 100
/** A hundredth of a cent: where a local model is free, the others still differ among themselves. */
const SAME_NANO_USD = 100_000

/** The expected share of successes, lowered by the limits that were hit of late. Null: it has never been tried. */
export const reliabilityFactor = ({
  successShare,
  limitPenalty,
}: Pick<Outlook, 'successShare' | 'limitPenalty'>): number | null =>
  successShare === null ? null : successShare * (1 - limitPenalty)

/**
 * Milliseconds until each answer would be complete. Requests that are under way already stand before this one's first content,
 * as in the peak EWMA of load balancers (reliability 4.3). While nobody's speed of output is known, first contents are
 * compared; as soon as one is, the time of those whose is not is not known. Filling in another's speed instead would let a
 * provider rise by becoming slower.
 */
const expectedTimes = (outlooks: readonly Outlook[]): readonly (number | null)[] => {
  const speedsKnown = outlooks.some(({ ttftMs, msPerToken }) => ttftMs !== null && msPerToken !== null)
  return outlooks.map(({ ttftMs, msPerToken, inFlight, outputTokens }) => {
    if (ttftMs === null || (speedsKnown && msPerToken === null)) return null
    return ttftMs * (inFlight + 1) + (msPerToken ?? 0) * outputTokens
  })
}

const relative = (
  values: readonly (number | null)[],
  factor: (value: number, best: number) => number,
): readonly (number | null)[] => {
  const best = Math.min(...values.filter((value) => value !== null))
  return values.map((value) => (value === null ? null : factor(value, best)))
}

/**
 * `most`: of what is not known. Head-room may be as good as the worst known: providers that never tell their limits would
 * otherwise be left for good, also where they are the cheapest (in the routing benchmark that cost 3 %).
 */
const withUnknown = (factors: readonly (number | null)[], most = UNKNOWN): readonly number[] => {
  const known = factors.filter((factor) => factor !== null)
  const unknown = known.length === 0 ? UNKNOWN : Math.min(most, ...known)
  return factors.map((factor) => factor ?? unknown)
}

const UNKNOWN = 0.5
