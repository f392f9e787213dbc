/**
 * GET /admin/alerts and POST /admin/alerts/silence: what is raised, and what an operator wants to hear nothing of.
 */
import type { AlertsView } from '#actors/views/alerts-view.ts'
import { type Answer, ask } from './ask.ts'

export interface SilenceQuestion {
  readonly kind?: string
  readonly subject?: string
  /** Epoch ms; one that has passed ends a silence. */
  readonly until: number
}

export const fetchAlerts = (signal?: AbortSignal): Promise<Answer<AlertsView>> =>
  ask('/admin/alerts', signal === undefined ? {} : { signal })

export const silence = (question: SilenceQuestion): Promise<Answer<unknown>> =>
  ask('/admin/alerts/silence', { method: 'POST', json: question })
