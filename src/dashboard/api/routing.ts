/**
 * PUT /admin/routing and POST /admin/route: change how requests find their providers, and ask how one would.
 */
import type { RoutingView } from '#actors/views/routing-view.ts'
import type { RouteAnswer as Answered } from '#http/admin/route.ts'
import type { RoutingChange } from '#http/admin/routing.ts'
import { type Answer, ask } from './ask.ts'

export const changeRouting = (change: RoutingChange): Promise<Answer<RoutingView>> =>
  ask('/admin/routing', { method: 'PUT', json: change })

export interface RouteQuestion {
  /** A Messages request. */
  readonly request: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** In [0, 1). */
  readonly draw?: number
}

export type RouteAnswer = typeof Answered.Type

export const dryRun = (question: RouteQuestion): Promise<Answer<RouteAnswer>> =>
  ask('/admin/route', { method: 'POST', json: question })
