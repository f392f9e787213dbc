/**
 * Who shares the log, and how old what this instance knows of the others is.
 */
import { Schema } from 'effect'
import type { Ledger } from '#actors/ledger.ts'
import type { Membership } from '#actors/membership.ts'

const InstanceView = Schema.Struct({
  /** The writer of everything it appends. */
  id: Schema.String,
  name: Schema.String,
  version: Schema.String,
  /** Epoch ms. */
  startedAt: Schema.Finite,
  /** Since it last said that it is there. */
  silentForMs: Schema.Finite,
  /** The log position up to which its state has heard everybody. */
  heardTo: Schema.Int,
  isThis: Schema.Boolean,
})

export const InstancesView = Schema.Struct({
  /** False: this instance has its log for itself; then the list is empty. */
  shared: Schema.Boolean,
  id: Schema.String,
  /** It does what only one of them must do: alerts, health checks, retention, closing what lost instances left open. */
  isLeader: Schema.Boolean,
  /** How old what it knows of the others is, ms. */
  stateAgeMs: Schema.Finite,
  /** Events that are kept on its machine until the database can be reached. */
  spooledEvents: Schema.Int,
  /** Epoch ms since when the log fails; null: it does not. */
  logFailingSince: Schema.NullOr(Schema.Finite),
  instances: Schema.Array(InstanceView),
}).annotate({ identifier: 'InstancesView' })
export type InstancesView = typeof InstancesView.Type

/** At `at` (epoch ms). */
export const instancesView = (
  ledger: Ledger['Service'],
  membership: Membership | undefined,
  at: number,
): InstancesView => {
  const { spooled, failingSince } = ledger.health()
  return {
    shared: ledger.shared,
    id: ledger.writer,
    isLeader: membership?.isLeader() ?? true,
    stateAgeMs: ledger.shared ? Math.max(0, at - ledger.heard().at) : 0,
    spooledEvents: spooled,
    logFailingSince: failingSince ?? null,
    instances: (membership?.instances() ?? []).map(({ writer, ...seen }) => ({
      id: writer,
      ...seen,
      isThis: writer === ledger.writer,
    })),
  }
}
