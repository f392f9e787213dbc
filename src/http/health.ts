/**
 * GET /health: the state of the box in one JSON document, for people and for checks that want more than a status.
 */
import type { Ledger } from '#actors/ledger.ts'
import type { Membership } from '#actors/membership.ts'
import { instancesView } from '#actors/views/instances-view.ts'
import { learnedOf } from '#actors/views/provider-view.ts'
import type { IntakeCounts } from '#http/overload.ts'

/** Reads the live state; no credential and no prompt is in it. */
export const healthReport = (
  ledger: Ledger['Service'],
  operations: {
    readonly version: string
    readonly accepting: () => boolean
    readonly intake: () => IntakeCounts
    readonly now: () => number
  },
  membership?: Membership,
) => {
  const { state } = ledger
  const at = operations.now()
  const { projections } = state
  const log = ledger.health()
  const serving = [...state.machines.values()].some(
    (machine) => machine.state === 'healthy' || machine.state === 'halfOpen',
  )
  return {
    status: !operations.accepting() ? 'draining' : log.failingSince !== undefined || !serving ? 'degraded' : 'ok',
    version: operations.version,
    strategy: state.policy.routing.strategy,
    providers: state.policy.providers.map((provider) => {
      const machine = state.machines.get(provider.id)
      return {
        id: provider.id,
        kind: provider.kind,
        enabled: provider.enabled,
        priority: provider.priority,
        state: machine?.state ?? 'unknown',
        ...projections.health.get(provider.id),
        check: projections.checks.get(provider.id),
        learned: learnedOf(projections.capabilities, provider.id, at),
      }
    }),
    requests: { inFlight: projections.requests.inFlight.size, ...projections.traffic.totals },
    intake: operations.intake(),
    ...(ledger.shared ? { sharing: instancesView(ledger, membership, at) } : {}),
    log: { position: log.committedPosition, pending: log.pending, failing: log.failingSince !== undefined },
  }
}
