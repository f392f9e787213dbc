/**
 * The whole box at one moment: what a dashboard shows of now, and the time slider of any moment before.
 */
import { Schema } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { ProviderView, providerViews } from '#actors/views/provider-view.ts'
import { RequestRow, requestRows } from '#actors/views/requests-view.ts'
import { RoutingView, routingView } from '#actors/views/routing-view.ts'
import { ShadowView, shadowView } from '#actors/views/shadow-view.ts'
import { StatsView, statsView } from '#actors/views/stats-view.ts'

export const BoxView = Schema.Struct({
  /** Epoch ms. */
  at: Schema.Finite,
  /** The last event of the log that is in it. */
  position: Schema.Int,
  providers: Schema.Array(ProviderView),
  routing: RoutingView,
  /** Null: there is no shadow policy. */
  shadow: Schema.NullOr(ShadowView),
  /** Requests under way, the newest first. */
  inFlight: Schema.Array(RequestRow),
  stats: StatsView,
}).annotate({ identifier: 'BoxView' })
export type BoxView = typeof BoxView.Type

export const boxView = (state: GatewayState, at: number, position: number): BoxView => ({
  at,
  position,
  providers: providerViews(state, at),
  routing: routingView(state),
  shadow: shadowView(state),
  inFlight: requestRows(state.projections.requests, { outcome: 'inFlight' }),
  stats: statsView(state),
})
