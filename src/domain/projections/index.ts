/**
 * The projections that make up the gateway's state. Adding one here is all it takes: it is folded live and at boot, kept in
 * snapshots, and covered by the shared properties.
 */
import { capabilities } from '#domain/projections/capabilities.ts'
import { health } from '#domain/projections/health.ts'
import { requests } from '#domain/projections/requests.ts'
import { retryBudget } from '#domain/projections/retry-budget.ts'
import { spend } from '#domain/projections/spend.ts'
import { tokenRates } from '#domain/projections/token-rates.ts'
import { traffic } from '#domain/projections/traffic.ts'

export const PROJECTIONS = { health, requests, traffic, spend, retryBudget, capabilities, tokenRates } as const
