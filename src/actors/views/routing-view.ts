/**
 * How requests find their providers at present: the routing part of the policy in force.
 */
import { Schema } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { Policy } from '#domain/policy.ts'

export const RoutingView = Schema.Struct({
  /** Of the policy; it grows by one with every change. */
  policyVersion: Schema.Int,
  ...Policy.fields.routing.fields,
}).annotate({ identifier: 'RoutingView' })
export type RoutingView = typeof RoutingView.Type

export const routingView = ({ policy, policyVersion }: GatewayState): RoutingView => ({
  policyVersion,
  ...policy.routing,
})
