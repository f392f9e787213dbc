/**
 * What the alerts look at: folded state, and what only the process itself can know.
 */
import type { ProviderId } from '#domain/ids.ts'
import type { Limits } from '#domain/projections/limits.ts'
import type { Outages } from '#domain/projections/outages.ts'
import type { RecentOutcomes } from '#domain/projections/recent-outcomes.ts'
import type { Spend } from '#domain/projections/spend.ts'

/** A budget in its running period. */
export interface BudgetUse {
  readonly name: string
  /** Whose, where it is one each of a session, an agent, …; else empty. */
  readonly subject: string
  /** 1: all of it. */
  readonly usedShare: number
  /** Epoch ms. */
  readonly periodEnd: number
}

export interface WatchedProvider {
  readonly id: ProviderId
  readonly enabled: boolean
  readonly state: 'healthy' | 'throttled' | 'openCircuit' | 'halfOpen' | 'retired'
}

export interface AlertView {
  readonly spend: Spend
  readonly recentOutcomes: RecentOutcomes
  readonly limits: Limits
  readonly outages: Outages
  /** Those of the policy. */
  readonly providers: readonly WatchedProvider[]
  /** Whether the policy names a price by now. */
  readonly hasPrice: (provider: string, model: string) => boolean
  readonly budgetUse: readonly BudgetUse[]
  /** Epoch ms; null: the log writes. */
  readonly logFailingSince: number | null
  /** Of the file system that holds the log; null: not known. */
  readonly diskFreeBytes: number | null
}
