/**
 * Answers that cost something which nobody can tell: sums and budgets leave them out. It clears when the policy names a price, or
 * when nothing like it was asked for a day.
 */
import { alertIdOf, type Found } from '#domain/alerts/found.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { AlertView } from '#domain/alerts/view.ts'
import { HOUR_MS, UNPRICED_HOURS_KEPT } from '#domain/projections/spend.ts'

export const priceAlerts = (
  { spend, providers, hasPrice }: AlertView,
  rules: AlertRules,
  at: number,
): readonly Found[] => {
  if (!rules.priceUnknown) return []
  const oldest = Math.floor(at / HOUR_MS) - UNPRICED_HOURS_KEPT + 1
  // Of a provider that is gone nobody can name a price any more.
  const named = new Set<string>(providers.map(({ id }) => id))
  const pairs = [...spend.unpriced.values()].filter(({ provider }) => named.has(provider))
  return pairs.map(({ provider, model, hours }): Found => {
    const subject = `${provider}/${model}`
    const attempts = hours.reduce((sum, hour) => (hour.slot < oldest ? sum : sum + hour.attempts), 0)
    const value = hasPrice(provider, model) ? 0 : attempts
    return {
      ...{ alertId: alertIdOf('priceUnknown', subject), kind: 'priceUnknown', subject, severity: 'info' },
      ...{ value, threshold: 1, standing: value >= 1 ? 'over' : 'under' },
    }
  })
}
