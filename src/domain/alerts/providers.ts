/**
 * Providers that are down for a while, and such as are gone for good. Short outages are what fallbacks are for: down is a
 * provider whose circuit has not closed for as long as the rules say, however often it was probed meanwhile.
 */
import { alertIdOf, type Found } from '#domain/alerts/found.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { AlertView, WatchedProvider } from '#domain/alerts/view.ts'

export const providerAlerts = (view: AlertView, rules: AlertRules, at: number): readonly Found[] => {
  const watched = view.providers.filter(({ enabled }) => enabled)
  const nobodyElse = watched.every(({ state }) => isOpen(state) || state === 'retired')
  return watched.flatMap((provider) => [
    ...down(view, provider, nobodyElse, rules.providerDownMs, at),
    ...(rules.providerRetired ? [retired(provider)] : []),
  ])
}

const isOpen = (state: WatchedProvider['state']): boolean => state === 'openCircuit' || state === 'halfOpen'

/** Critical when nobody else is there. It clears at once when the circuit closes: that took successful probes already. */
const down = (
  { outages }: AlertView,
  { id, state }: WatchedProvider,
  nobodyElse: boolean,
  threshold: number | null,
  at: number,
): readonly Found[] => {
  if (threshold === null) return []
  const since = isOpen(state) ? outages.get(id) : undefined
  const value = since === undefined ? 0 : Math.max(0, at - since)
  const standing = since === undefined ? 'under' : value >= threshold ? 'over' : 'between'
  const severity = nobodyElse ? 'critical' : 'warning'
  return [
    { alertId: alertIdOf('providerDown', id), kind: 'providerDown', subject: id, severity, value, threshold, standing },
  ]
}

/** It clears when its entry in the configuration changes. */
const retired = ({ id, state }: WatchedProvider): Found => ({
  ...{ alertId: alertIdOf('providerRetired', id), kind: 'providerRetired', subject: id, severity: 'warning' },
  ...(state === 'retired'
    ? { value: 1, threshold: 1, standing: 'over' as const }
    : { value: 0, threshold: 1, standing: 'under' as const }),
})
