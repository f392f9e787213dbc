/**
 * Our budgets and a provider's daily limits in the words of Anthropic's `anthropic-ratelimit-unified-*` headers, by which
 * Claude Code warns its user (at 75 and 95 percent) and stops (at `rejected`). Anthropic's own gateway tells its spend limits
 * so. Facts: providers 1.8, claude-code 5.
 *
 * The words know two windows. What is counted by the day stands in the one of five hours, what is counted by the week or the
 * month in the one of seven days; of several bounds that with most used counts. Limits of a minute are no news for a person:
 * they are full and empty again within one answer.
 */
import { isOver, type Meter, usedShare } from '#domain/limits.ts'
import type { Standing } from '#domain/projections/budgets.ts'

type Headers = readonly (readonly [name: string, value: string])[]

export interface UnifiedBounds {
  /** Of the budgets that the request falls under. */
  readonly standings: readonly Standing[]
  /** Of the provider that serves. */
  readonly meters: readonly Meter[]
  /** Epoch ms. */
  readonly at: number
}

const PREFIX = 'anthropic-ratelimit-unified-'
const WARNING_SHARE = 0.75

/**
 * The upstream's headers with ours behind them, or as they are where it sent its own: those are true of the account that pays.
 *
 * @param headers lower-case names
 */
export const withUnifiedLimits = (headers: Headers, bounds: () => UnifiedBounds): Headers =>
  headers.some(([name]) => name.startsWith(PREFIX)) ? headers : [...headers, ...unifiedLimits(bounds())]

type Status = 'allowed' | 'allowed_warning' | 'rejected'

interface Bound {
  readonly usedShare: number
  /** Epoch ms. */
  readonly resetAt: number
  readonly status: Status
}

interface Claim extends Bound {
  readonly window: '5h' | '7d'
  readonly name: 'five_hour' | 'seven_day'
}

/** None when there is nothing to tell. */
export const unifiedLimits = ({ standings, meters, at }: UnifiedBounds): Headers => {
  const days = standings.filter(({ budget }) => budget.period === 'day').map(boundOfBudget)
  const longer = standings.filter(({ budget }) => budget.period !== 'day').map(boundOfBudget)
  const limits = meters.filter((meter) => meter.window === 'day' && !isOver(meter, at)).map(boundOfMeter(at))
  const claims = [...claimOf('5h', 'five_hour', [...days, ...limits]), ...claimOf('7d', 'seven_day', longer)].toSorted(
    mostUrgent,
  )
  const [first] = claims
  if (first === undefined) return []
  return [
    [`${PREFIX}status`, first.status],
    [`${PREFIX}reset`, seconds(first.resetAt)],
    ...claims.flatMap(({ window, status, resetAt, usedShare: share }) => [
      [`${PREFIX}${window}-status`, status] as const,
      [`${PREFIX}${window}-reset`, seconds(resetAt)] as const,
      [`${PREFIX}${window}-utilization`, String(Number(Math.min(1, share).toFixed(4)))] as const,
    ]),
    [`${PREFIX}representative-claim`, first.name],
  ]
}

const claimOf = (window: Claim['window'], name: Claim['name'], bounds: readonly Bound[]): readonly Claim[] =>
  bounds
    .toSorted(mostUrgent)
    .slice(0, 1)
    .map((bound) => ({ window, name, ...bound }))

const URGENCY: { readonly [S in Status]: number } = { rejected: 0, allowed_warning: 1, allowed: 2 }

const mostUrgent = (a: Bound, b: Bound): number =>
  URGENCY[a.status] - URGENCY[b.status] || b.usedShare - a.usedShare || a.resetAt - b.resetAt

/**
 * What was spent, without what is held back: the request that is being answered has itself held back the most that it may
 * cost, and would be told `rejected` with its answer.
 */
const boundOfBudget = ({ budget, spentNanoUsd, period }: Standing): Bound => {
  const share = budget.limitNanoUsd > 0 ? Math.max(0, spentNanoUsd / budget.limitNanoUsd) : 1
  const { hard } = budget
  const refuses = hard !== undefined && hard.strategy === undefined && hard.model === undefined
  return {
    usedShare: share,
    resetAt: period.end,
    status: share >= 1 && refuses ? 'rejected' : share >= WARNING_SHARE ? 'allowed_warning' : 'allowed',
  }
}

/** A limit that is used up is no refusal: another provider serves then. */
const boundOfMeter =
  (at: number) =>
  (meter: Meter): Bound => {
    const share = usedShare(meter, at)
    const resetAt = meter.resetAt ?? at + DAY_MS
    return { usedShare: share, resetAt, status: share >= WARNING_SHARE ? 'allowed_warning' : 'allowed' }
  }

const DAY_MS = 86_400_000

/** Unix time, rounded up: what is promised for then is there. */
const seconds = (at: number): string => String(Math.ceil(at / 1_000))
