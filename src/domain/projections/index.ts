/**
 * The projections that make up the gateway's state. Adding one here is all it takes: it is folded live and at boot, kept in
 * snapshots, and covered by the shared properties.
 */
import { alerts } from '#domain/projections/alerts.ts'
import { budgets } from '#domain/projections/budgets.ts'
import { capabilities } from '#domain/projections/capabilities.ts'
import { checks } from '#domain/projections/checks.ts'
import { clientKeys } from '#domain/projections/client-keys.ts'
import { failedTurns } from '#domain/projections/failed-turns.ts'
import { health } from '#domain/projections/health.ts'
import { limits } from '#domain/projections/limits.ts'
import { outages } from '#domain/projections/outages.ts'
import { outputSizes } from '#domain/projections/output-sizes.ts'
import { overrides } from '#domain/projections/overrides.ts'
import { performance } from '#domain/projections/performance.ts'
import type { Projection } from '#domain/projections/projection.ts'
import { recentOutcomes } from '#domain/projections/recent-outcomes.ts'
import { reliability } from '#domain/projections/reliability.ts'
import { requests } from '#domain/projections/requests.ts'
import { retryBudget } from '#domain/projections/retry-budget.ts'
import { shadow } from '#domain/projections/shadow.ts'
import { spend } from '#domain/projections/spend.ts'
import { tokenRates } from '#domain/projections/token-rates.ts'
import { totals } from '#domain/projections/totals.ts'
import { traffic } from '#domain/projections/traffic.ts'
import { transitions } from '#domain/projections/transitions.ts'
import { warmCaches } from '#domain/projections/warm-caches.ts'

export const PROJECTIONS = {
  health,
  requests,
  traffic,
  spend,
  retryBudget,
  capabilities,
  tokenRates,
  limits,
  performance,
  reliability,
  outputSizes,
  warmCaches,
  failedTurns,
  budgets,
  overrides,
  clientKeys,
  transitions,
  checks,
  recentOutcomes,
  outages,
  alerts,
  totals,
  shadow,
} as const

/** The state of each, by its name here. */
export type ProjectionStates = {
  -readonly [K in keyof typeof PROJECTIONS]: (typeof PROJECTIONS)[K] extends Projection<infer S> ? S : never
}
