import type { GatewayState } from '#actors/gateway-state.ts'
import type { LedgerHealth } from '#actors/ledger-news.ts'
import type { AlertView, BudgetUse } from '#domain/alerts/view.ts'
import { toldPrice } from '#domain/pricing.ts'

/** What the alerts look at, of the live state. It is read at once and not kept. */
export const alertView = (
  { policy, machines, projections }: GatewayState,
  box: {
    readonly health: LedgerHealth
    readonly diskFreeBytes: number | undefined
    readonly budgetUse: readonly BudgetUse[]
  },
): AlertView => ({
  spend: projections.spend,
  recentOutcomes: projections.recentOutcomes,
  limits: projections.limits,
  outages: projections.outages,
  providers: policy.providers.map(({ id, enabled }) => ({ id, enabled, state: machines.get(id)?.state ?? 'healthy' })),
  hasPrice: (provider, model) =>
    toldPrice(policy.providers.find(({ id }) => id === provider)?.prices, model) !== undefined,
  budgetUse: box.budgetUse,
  logFailingSince: box.health.failingSince ?? null,
  diskFreeBytes: box.diskFreeBytes ?? null,
})
