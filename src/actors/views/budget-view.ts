/**
 * Budgets as they stand: each account of the running periods, with what is left.
 */
import { Schema } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { Budget } from '#domain/policy.ts'
import { budgetUse } from '#domain/projections/budgets.ts'

/** Money in billionths of a US dollar, times epoch ms. */
export const BudgetView = Schema.Struct({
  budget: Budget,
  /** Whose, where the budget is one each; else empty. */
  subject: Schema.String,
  period: Schema.Struct({ start: Schema.Finite, end: Schema.Finite }),
  spentNanoUsd: Schema.Finite,
  /** What attempts under way may cost at most. */
  reservedNanoUsd: Schema.Finite,
  /** What is neither spent nor held back; below zero when more was spent than planned. */
  leftNanoUsd: Schema.Finite,
  /** 1: all of it. What is held back is not used yet. */
  usedShare: Schema.Finite,
  /** Attempts of which nobody knows what they cost. */
  unpriced: Schema.Int,
}).annotate({ identifier: 'BudgetView' })
export type BudgetView = typeof BudgetView.Type

/** At `at` (epoch ms), in the order of the policy. A budget that is one each has a row for each that has spent. */
export const budgetViews = ({ projections: { budgets } }: GatewayState, at: number): readonly BudgetView[] => {
  const byName = new Map(budgets.definitions.map((budget) => [budget.name, budget]))
  return budgetUse(budgets, at).flatMap(({ name, subject, periodStart: start, periodEnd: end, ...use }) => {
    const { limitNanoUsd, spentNanoUsd, reservedNanoUsd, usedShare, unpriced } = use
    const budget = byName.get(name)
    if (budget === undefined) return []
    const leftNanoUsd = limitNanoUsd - spentNanoUsd - reservedNanoUsd
    return [
      { budget, subject, period: { start, end }, spentNanoUsd, reservedNanoUsd, leftNanoUsd, usedShare, unpriced },
    ]
  })
}
