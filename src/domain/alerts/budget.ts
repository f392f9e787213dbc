/**
 * Budgets that fill up: each threshold is an alert of its own, the more urgent the fuller. Used shares only grow within a period,
 * so an alert clears when the period turns, or when the budget is made larger.
 */
import { alertIdOf, type Found, tooMuch } from '#domain/alerts/found.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { AlertView, BudgetUse } from '#domain/alerts/view.ts'

export const budgetAlerts = ({ budgetUse }: AlertView, { budgetShares }: AlertRules): readonly Found[] =>
  budgetUse.flatMap((budget) =>
    budgetShares.map((threshold): Found => {
      const subject = subjectOf(budget)
      return {
        alertId: alertIdOf('budget', subject, String(threshold)),
        kind: 'budget',
        subject,
        severity: threshold >= 1 ? 'critical' : threshold === Math.min(...budgetShares) ? 'info' : 'warning',
        value: budget.usedShare,
        threshold,
        standing: tooMuch(budget.usedShare, threshold),
      }
    }),
  )

const subjectOf = ({ name, subject }: BudgetUse): string => (subject === '' ? name : `${name}/${subject}`)
