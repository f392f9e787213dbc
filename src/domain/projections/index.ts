/**
 * The projections that make up the gateway's state. Adding one here is all it takes: it is folded live and at boot, kept in
 * snapshots, and covered by the shared properties.
 */
import { capabilities } from '#domain/projections/capabilities.ts'
import { failedTurns } from '#domain/projections/failed-turns.ts'
import { health } from '#domain/projections/health.ts'
import { limits } from '#domain/projections/limits.ts'
import { outputSizes } from '#domain/projections/output-sizes.ts'
import { performance } from '#domain/projections/performance.ts'
import { reliability } from '#domain/projections/reliability.ts'
import { requests } from '#domain/projections/requests.ts'
import { retryBudget } from '#domain/projections/retry-budget.ts'
import { spend } from '#domain/projections/spend.ts'
import { tokenRates } from '#domain/projections/token-rates.ts'
import { traffic } from '#domain/projections/traffic.ts'
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
} as const
