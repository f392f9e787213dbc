/**
 * Everything that the rules ask about, measured at one moment; and the facts that follow, given what is raised already.
 */
import { boxAlerts } from '#domain/alerts/box.ts'
import { budgetAlerts } from '#domain/alerts/budget.ts'
import { costAlerts } from '#domain/alerts/cost.ts'
import type { Found } from '#domain/alerts/found.ts'
import { limitAlerts } from '#domain/alerts/limit-forecast.ts'
import { priceAlerts } from '#domain/alerts/price-unknown.ts'
import { providerAlerts } from '#domain/alerts/providers.ts'
import { qualityAlerts } from '#domain/alerts/quality.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { AlertView } from '#domain/alerts/view.ts'
import type { AlertCleared, AlertRaised } from '#domain/operator-facts.ts'
import { type Alerts, RAISED_KEPT } from '#domain/projections/alerts.ts'

/** What is measured at `at` (epoch ms), raised or not; at most one for each alertId. */
export const evaluateAlerts = (view: AlertView, rules: AlertRules, at: number): readonly Found[] => [
  ...costAlerts(view, rules, at),
  ...budgetAlerts(view, rules),
  ...qualityAlerts(view, rules, at),
  ...providerAlerts(view, rules, at),
  ...limitAlerts(view, rules, at),
  ...priceAlerts(view, rules, at),
  ...boxAlerts(view, rules, at),
]

/**
 * The facts to record. What is not measured any more, because its provider, its budget or its rule is gone, clears with the value
 * 0. No more alerts stand than are remembered: one that were forgotten would be raised again and again.
 */
export const alertChanges = (
  found: readonly Found[],
  { raised }: Pick<Alerts, 'raised'>,
): readonly (AlertRaised | AlertCleared)[] => {
  const measured = new Map(found.map((one) => [one.alertId, one]))
  const cleared = [...raised.keys()].flatMap((alertId): readonly AlertCleared[] => {
    const now = measured.get(alertId)
    return now === undefined || now.standing === 'under'
      ? [{ _tag: 'AlertCleared', alertId, value: now?.value ?? 0 }]
      : []
  })
  const room = RAISED_KEPT - (raised.size - cleared.length)
  const fresh = [...measured.values()]
    .filter(({ alertId, standing }) => standing === 'over' && !raised.has(alertId))
    .slice(0, Math.max(0, room))
    .map(({ standing: _, ...alert }): AlertRaised => ({ _tag: 'AlertRaised', ...alert }))
  return [...cleared, ...fresh]
}
