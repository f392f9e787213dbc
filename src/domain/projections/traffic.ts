/**
 * How much went through: totals since the log began, and the last hour minute by minute, each event in the minute in which
 * it occurred.
 */
import type { DomainEvent } from '#domain/events.ts'
import type { Projection } from '#domain/projections/projection.ts'
import { bucketAt } from '#domain/projections/time-buckets.ts'

/** admitted = succeeded + failed + cancelled + abandoned + those under way. */
export interface TrafficCounts {
  admitted: number
  succeeded: number
  failed: number
  cancelled: number
  abandoned: number
  attempts: number
  /** Attempts after the first of their request. */
  fallbacks: number
}

/** `slot`: minutes since the epoch. */
export interface TrafficMinute extends TrafficCounts {
  readonly slot: number
}

export interface Traffic {
  readonly totals: TrafficCounts
  /** Oldest first; minutes without traffic are absent. */
  readonly minutes: TrafficMinute[]
}

export const MINUTES_KEPT = 60

export const traffic: Projection<Traffic> = {
  name: 'traffic',
  version: 1,
  hears: [
    'RequestAdmitted',
    'AttemptStarted',
    'AttemptSucceeded',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
  ],
  initial: () => ({ totals: nothing(), minutes: [] }),
  evolve: (state, { event, occurredAt }) => {
    const keys = countedAs(event)
    if (keys.length === 0) return state
    const minute = bucketAt(state.minutes, Math.floor(occurredAt / 60_000), MINUTES_KEPT, (slot) => ({
      slot,
      ...nothing(),
    }))
    for (const key of keys) {
      state.totals[key] += 1
      if (minute !== undefined) minute[key] += 1
    }
    return state
  },
}

const NOT_COUNTED: readonly (keyof TrafficCounts)[] = []

const countedAs = (event: DomainEvent): readonly (keyof TrafficCounts)[] => {
  switch (event._tag) {
    case 'RequestAdmitted':
      return ['admitted']
    case 'AttemptStarted':
      return event.attempt > 1 ? ['attempts', 'fallbacks'] : ['attempts']
    case 'AttemptSucceeded':
      return ['succeeded']
    case 'RequestFailed':
      return ['failed']
    case 'RequestCancelled':
      return ['cancelled']
    case 'RequestAbandoned':
      return ['abandoned']
    default:
      return NOT_COUNTED
  }
}

const nothing = (): TrafficCounts => ({
  admitted: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  abandoned: 0,
  attempts: 0,
  fallbacks: 0,
})
