/**
 * Replay: folds a log from its first event, concludes every decision anew from the facts, and compares with what was
 * recorded. docs/adr/0003 made checkable: identical, or the first difference.
 */
import {
  applyDecision,
  decide,
  encodeState,
  type GatewayState,
  initialState,
  trackStream,
} from '#actors/gateway-state.ts'
import type { ReadEvent, StoredSnapshot } from '#actors/ports.ts'
import { type Decision, isFact } from '#domain/events.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { sameData } from '#domain/same-data.ts'

/** The first place where the replay and the log part. `expected`: what the facts lead to; null = nothing. */
export interface Difference {
  readonly position: number
  readonly what: 'decision' | 'missing decision' | 'snapshot' | 'foreign event'
  readonly expected: unknown
  readonly recorded: unknown
}

export interface Replay {
  readonly state: GatewayState
  /** Takes the next event; positions must ascend. */
  readonly next: (row: ReadEvent) => void
  /** Compares with a snapshot, if the replay stands at its position. */
  readonly compare: (snapshot: StoredSnapshot) => void
  /** After the last event. */
  readonly finish: () => void
  readonly counts: () => { readonly events: number; readonly facts: number; readonly decisions: number }
  readonly position: () => number
  readonly difference: () => Difference | undefined
}

export const startReplay = (): Replay => {
  const state = initialState()
  let due: readonly Decision[] = []
  let position = 0
  let facts = 0
  let decisions = 0
  let difference: Difference | undefined

  const differ = (found: Difference): void => {
    difference ??= found
  }

  const overdue = (at: number, recorded: unknown): void => {
    const [expected] = due
    if (expected !== undefined) differ({ position: at, what: 'missing decision', expected, recorded })
    due = []
  }

  const known = (recorded: NewEvent, at: number): void => {
    const { event, occurredAt, writer } = recorded
    if (isFact(event)) {
      overdue(at, event)
      facts++
      due = decide(state, event, occurredAt, writer)
    } else {
      decisions++
      const [expected, ...rest] = due
      due = rest
      if (expected === undefined || !sameData(expected, event)) {
        differ({ position: at, what: 'decision', expected: expected ?? null, recorded: event })
      }
      applyDecision(state, event, occurredAt, writer)
    }
    trackStream(state, recorded.stream, recorded.streamVersion, event)
  }

  return {
    state,
    next: (row) => {
      if (row._tag === 'Known') {
        position = row.recorded.position
        known(row.recorded, position)
      } else {
        position = row.position
        differ({ position, what: 'foreign event', expected: null, recorded: row.upcast })
      }
    },
    compare: (snapshot) => {
      if (snapshot.position !== position) return
      const expected = canonicalState(encodeState(state))
      const recorded = canonicalState(snapshot.state)
      if (expected !== recorded) differ({ position, what: 'snapshot', ...firstDifference(expected, recorded) })
    },
    finish: () => overdue(position, null),
    counts: () => ({ events: facts + decisions, facts, decisions }),
    position: () => position,
    difference: () => difference,
  }
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

/**
 * A state's text, made comparable. An event that comes back from the log has its members in the order of its schema, not in
 * that of the code that made it; the state that was folded live keeps the latter, and is the same state.
 */
export const canonicalState = (text: string): string => canonical(JSON.parse(text))

/** The neighbourhood of the first differing character, which is all that a person can read of two long texts. */
const firstDifference = (expected: string, recorded: string) => {
  let at = 0
  while (at < expected.length && expected[at] === recorded[at]) at++
  const cut = (text: string) => text.slice(Math.max(0, at - 80), at + 80)
  return { expected: cut(expected), recorded: cut(recorded) }
}
