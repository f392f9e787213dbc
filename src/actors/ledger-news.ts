/**
 * What the ledger tells of itself, and to those who listen.
 */
import type { CommittedEvent, PlacedEvent } from '#domain/recorded-event.ts'

/** Whether the log keeps up. `failingSince`: epoch ms of the first of the current failures. */
export interface LedgerHealth {
  readonly pending: number
  readonly committedPosition: number
  readonly failingSince: number | undefined
  readonly failure: string | undefined
  readonly overflowing: boolean
  /** Events that are kept on this machine until the log can be reached; 0 where there is no spool. */
  readonly spooled: number
}

/** What of the others' events is in the state. */
export interface Heard {
  /** The log position up to which everybody was heard. */
  readonly position: number
  /** Epoch ms at which that was all there was. */
  readonly at: number
}

/** How far the log is behind the state, and the newest snapshot behind the log. */
export interface LedgerLag {
  /** Events of the state that are not durable yet: those that wait, and those on their way to the log. */
  readonly uncommitted: number
  /** What the next start has not to fold again: the events up to this position. */
  readonly snapshotPosition: number
  /** Epoch ms at which this process stored that snapshot; undefined: an earlier process did, or nobody has. */
  readonly snapshotAt: number | undefined
}

/** One commit. `tookMs`: until it was durable, with all that had to be tried again. */
export interface Commit {
  readonly tookMs: number
}

export type CommitListener = (events: readonly CommittedEvent[], commit: Commit) => void
export type LogListener = (events: readonly PlacedEvent[]) => void
