/**
 * GET /admin/budgets: how every budget stands in its running period.
 */
import type { BudgetView } from '#actors/views/budget-view.ts'
import { type Answer, ask } from './ask.ts'

export const fetchBudgets = (signal?: AbortSignal): Promise<Answer<{ readonly data: readonly BudgetView[] }>> =>
  ask('/admin/budgets', signal === undefined ? {} : { signal })
