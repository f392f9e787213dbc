/**
 * GET /admin/costs: sums by up to two dimensions.
 */
import type { CostReport, Dimension } from '#domain/books-query.ts'
import { type Answer, ask } from './ask.ts'

export interface CostQuestion {
  readonly by: readonly Dimension[]
  /** The first day, as 2026-11-23; null: no bound. */
  readonly from: string | null
}

export interface Costs extends CostReport {
  /** In which its days are days. */
  readonly timeZone: string
}

export const fetchCosts = ({ by, from }: CostQuestion, signal?: AbortSignal): Promise<Answer<Costs>> =>
  ask('/admin/costs', { query: { by, from }, ...(signal === undefined ? {} : { signal }) })
