/**
 * Limits of a day that will be used up before they reset, if the last quarter of an hour goes on. Limits of a minute are over
 * before anybody has read the news; routing minds those by itself.
 */
import { alertIdOf, type Found, least, tooMuch } from '#domain/alerts/found.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { AlertView } from '#domain/alerts/view.ts'
import { levelAt, type Meter, usedShare, WINDOW_MS } from '#domain/limits.ts'
import type { LimitPolicy } from '#domain/policy.ts'
import { type OutcomeCounts, outcomesWithin } from '#domain/projections/recent-outcomes.ts'

const RATE_OVER_MS = 900_000
/** In the morning a busy quarter of an hour says nothing of the whole day; half of the limit must be gone. */
const USED_FROM_SHARE = 0.5
/** All of it. */
const THRESHOLD = 1

export const limitAlerts = (view: AlertView, rules: AlertRules, at: number): readonly Found[] => {
  if (!rules.limitForecast) return []
  return view.providers
    .filter(({ enabled }) => enabled)
    .flatMap(({ id }) => {
      const known = view.limits.get(id)
      const daily = known?.meters.filter(({ window, source }) => window === 'day' && source !== 'learned') ?? []
      if (known === undefined || daily.length === 0) return []
      const recent = outcomesWithin(view.recentOutcomes, id, at, RATE_OVER_MS)
      return daily.map((meter): Found => {
        const subject = `${id}/${meter.limit}/${meter.window}`
        const value = forecastShare(meter, amountOf(meter, recent, known.policy) / RATE_OVER_MS, at)
        const both = [tooMuch(value, THRESHOLD), tooMuch(usedShare(meter, at), USED_FROM_SHARE)]
        return {
          ...{ alertId: alertIdOf('limitForecast', subject), kind: 'limitForecast', subject, severity: 'warning' },
          ...{ value, threshold: THRESHOLD, standing: least(both) },
        }
      })
    })
}

/**
 * The share of a limit that will be used when its window turns, or of one that refills continuously, after a whole window more.
 *
 * @param rate requests or tokens per ms
 */
export const forecastShare = (meter: Meter, rate: number, at: number): number => {
  const { capacity, resetAt, size, window } = meter
  const used = capacity - levelAt(meter, at)
  if (resetAt !== null) return (used + rate * Math.max(0, resetAt - at)) / capacity
  const net = Math.max(0, rate - size / WINDOW_MS[window])
  return (used + net * WINDOW_MS[window]) / capacity
}

const amountOf = ({ limit }: Meter, recent: OutcomeCounts, { countsCachedInput }: LimitPolicy): number => {
  const input = countsCachedInput === true ? recent.promptTokens : recent.freshTokens
  switch (limit) {
    case 'requests':
      return recent.started
    case 'input':
      return input
    case 'output':
      return recent.outputTokens
    case 'tokens':
      return input + recent.outputTokens
  }
}
