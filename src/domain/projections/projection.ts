/**
 * A projection folds the log into one view. Rules: `evolve` is total (returns the state unchanged for events it does not
 * hear), depends on nothing but its arguments, and never reads `position` or `recordedAt`. It takes ownership of the state it is
 * given and may update it in place: the live state is folded once per event and shared with nobody who keeps it.
 * State is JSON plus Map (see snapshot-json.ts) and its size is bounded, whatever the length of the log.
 */
import type { DomainEvent, EventType } from '#domain/events.ts'

/** One event with the time at which it occurred (epoch ms) and the process that wrote it. */
export interface Occurred {
  readonly event: DomainEvent
  readonly occurredAt: number
  readonly writer: string
}

export interface Projection<S> {
  readonly name: string
  /** Raised when the shape or the meaning of the state changes: old snapshots are then folded anew from the log. */
  readonly version: number
  /** The events that can change the state. It is not asked about others, which are most of those that are folded. */
  readonly hears: readonly EventType[]
  readonly initial: () => S
  readonly evolve: (state: S, occurred: Occurred) => S
}
