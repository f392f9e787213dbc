/**
 * How well answers come: the share that fails, and how long they take to begin, of the box and of each provider, over the
 * window of the rules. The window itself is slow enough against flapping, and with few outcomes neither raises anything.
 */
import { alertIdOf, type Found, type Standing, tooMuch } from '#domain/alerts/found.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { AlertView } from '#domain/alerts/view.ts'
import type { AlertKind } from '#domain/policy.ts'
import { BOX, type OutcomeCounts, outcomesWithin, TTFT_BOUNDS_MS } from '#domain/projections/recent-outcomes.ts'

const LATENCY_PERCENTILE = 0.95

export const qualityAlerts = (view: AlertView, rules: AlertRules, at: number): readonly Found[] =>
  [BOX, ...view.providers.filter(({ enabled }) => enabled).map(({ id }) => id)].flatMap((subject) => {
    const counts = outcomesWithin(view.recentOutcomes, subject, at, rules.windowMs)
    return [...errorRate(subject, counts, rules), ...latency(subject, counts, rules)]
  })

const errorRate = (subject: string, { good, bad }: OutcomeCounts, rules: AlertRules): readonly Found[] => {
  const { errorRateShare: threshold, minimumOutcomes } = rules
  if (threshold === null) return []
  const value = good + bad === 0 ? 0 : bad / (good + bad)
  const standing = whenEnough(tooMuch(value, threshold), good + bad, minimumOutcomes)
  return [found('errorRate', subject, value, threshold, standing)]
}

const latency = (subject: string, { ttft }: OutcomeCounts, rules: AlertRules): readonly Found[] => {
  const { latencyMs: threshold, minimumOutcomes } = rules
  if (threshold === null) return []
  const value = percentileMs(ttft, LATENCY_PERCENTILE)
  const answers = ttft.reduce((sum, count) => sum + count, 0)
  return [found('latency', subject, value, threshold, whenEnough(tooMuch(value, threshold), answers, minimumOutcomes))]
}

/** A few bad outcomes raise nothing, and are no reason either to take back what many have raised. */
const whenEnough = (standing: Standing, outcomes: number, minimum: number): Standing =>
  standing === 'over' && outcomes < minimum ? 'between' : standing

const found = (kind: AlertKind, subject: string, value: number, threshold: number, standing: Standing): Found => ({
  ...{ alertId: alertIdOf(kind, subject), kind, subject },
  severity: kind === 'errorRate' && subject === BOX ? 'critical' : 'warning',
  ...{ value, threshold, standing },
})

/**
 * A percentile of a histogram over `TTFT_BOUNDS_MS`, in ms; within a class evenly. 0 without answers; what is beyond the last
 * bound counts as the bound.
 */
export const percentileMs = (counts: readonly number[], share: number): number => {
  const wanted = share * counts.reduce((sum, count) => sum + count, 0)
  let below = 0
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= wanted) {
      const from = TTFT_BOUNDS_MS[index - 1] ?? 0
      const to = TTFT_BOUNDS_MS[index] ?? from
      return from + ((wanted - below) / count) * (to - from)
    }
    below += count
  }
  return 0
}
