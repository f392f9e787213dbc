/**
 * Money: too much in an hour, in a day, in the month as it will end, or against what is usual. Amounts are US dollars.
 *
 * Hours and days slide: of the bucket that is partly past, the part that still counts is taken evenly. By the clock's hours a
 * steady spender would raise and clear an alert every hour.
 */
import { alertIdOf, type Found, least, type Standing, tooMuch } from '#domain/alerts/found.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { AlertView } from '#domain/alerts/view.ts'
import type { AlertKind } from '#domain/policy.ts'
import { DAY_MS, HOUR_MS, type SpendDay, type SpendHour } from '#domain/projections/spend.ts'

/** What is usual is known after a day of history and some hours with traffic. */
const SPIKE_HISTORY_HOURS = 24
const SPIKE_ACTIVE_HOURS = 3
/** Three times nearly nothing is nearly nothing. */
const SPIKE_MINIMUM_USD = 1
/** A week has all its weekdays. */
const FORECAST_DAYS = 7

const USD = 1e-9

export const costAlerts = ({ spend }: AlertView, rules: AlertRules, at: number): readonly Found[] => [
  ...amount('costPerHour', lastHoursUsd(spend.hours, at, 1), rules.costPerHourUsd),
  ...amount('costPerDay', lastHoursUsd(spend.hours, at, 24), rules.costPerDayUsd),
  ...amount('costForecast', monthForecastUsd(spend.days, at), rules.costForecastUsd),
  ...spike(spend.hours, rules.costSpikeTimes, at),
]

const amount = (kind: AlertKind, value: number | null, threshold: number | null): readonly Found[] =>
  value === null || threshold === null ? [] : [found(kind, value, threshold, tooMuch(value, threshold))]

const spike = (hours: readonly SpendHour[], threshold: number | null, at: number): readonly Found[] => {
  const usual = usualHourUsd(hours, at)
  if (threshold === null || usual === null) return []
  const now = lastHoursUsd(hours, at, 1)
  const standing = least([tooMuch(now / usual, threshold), tooMuch(now, SPIKE_MINIMUM_USD)])
  return [found('costSpike', now / usual, threshold, standing)]
}

const found = (kind: AlertKind, value: number, threshold: number, standing: Standing): Found => ({
  ...{ alertId: alertIdOf(kind, ''), kind, subject: '', severity: 'warning' },
  ...{ value, threshold, standing },
})

/** The cost of the last `count` hours before `at` (epoch ms). */
export const lastHoursUsd = (hours: readonly SpendHour[], at: number, count: number): number => {
  const current = Math.floor(at / HOUR_MS)
  const stillCounts = 1 - (at / HOUR_MS - current)
  let nano = 0
  for (const { slot, costNanoUsd } of hours) {
    if (slot > current || slot < current - count) continue
    nano += slot === current - count ? costNanoUsd * stillCounts : costNanoUsd
  }
  return nano * USD
}

/**
 * The median of the hours that cost anything, of the last two days without the present hour and the one before; of somebody
 * who works eight hours a day, an average over all hours would call every working hour a spike. Null: not known yet.
 */
export const usualHourUsd = (hours: readonly SpendHour[], at: number): number | null => {
  const current = Math.floor(at / HOUR_MS)
  const oldest = hours[0]?.slot
  if (oldest === undefined || oldest > current - SPIKE_HISTORY_HOURS) return null
  const active = hours
    .filter(({ slot, costNanoUsd }) => slot < current - 1 && costNanoUsd > 0)
    .map(({ costNanoUsd }) => costNanoUsd)
    .toSorted((a, b) => a - b)
  const [low, high] = [active[Math.floor((active.length - 1) / 2)], active[Math.floor(active.length / 2)]]
  if (active.length < SPIKE_ACTIVE_HOURS || low === undefined || high === undefined) return null
  return ((low + high) / 2) * USD
}

/**
 * What the running month (UTC) will have cost, if its rest is like the last seven days. Null before there is a whole day to
 * judge by.
 */
export const monthForecastUsd = (days: readonly SpendDay[], at: number): number | null => {
  const today = Math.floor(at / DAY_MS)
  const oldest = days[0]?.slot
  if (oldest === undefined) return null
  const since = Math.max(oldest, today - FORECAST_DAYS + 1)
  const overMs = at - since * DAY_MS
  if (overMs < DAY_MS) return null
  const date = new Date(at)
  const monthStart = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) / DAY_MS
  const monthEnd = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / DAY_MS
  const sum = (from: number): number =>
    days.reduce((nano, { slot, costNanoUsd }) => (slot < from || slot > today ? nano : nano + costNanoUsd), 0) * USD
  return sum(monthStart) + (sum(since) / overMs) * (monthEnd * DAY_MS - at)
}
