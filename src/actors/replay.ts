/**
 * Replay: folds a log from its first event, concludes every decision anew from the facts, and compares with what was
 * recorded. docs/adr/0003 made checkable: identical, or the first difference.
 *
 * Where several instances write one log, each decided by what it knew, which is neither the whole log up to there nor its own
 * part of it. `BoxStarted` and `PeersHeard` say what it knew, so the replay folds a state for each of them beside the log's own.
 */
import {
  applyDecision,
  applyRecorded,
  copyState,
  decide,
  encodeState,
  type GatewayState,
  initialState,
  trackStream,
} from '#actors/gateway-state.ts'
import { hearPeers, isHeard } from '#actors/hear-peers.ts'
import type { ReadEvent, StoredSnapshot } from '#actors/ports.ts'
import { type Decision, isFact } from '#domain/events.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { sameData } from '#domain/same-data.ts'

/** The first place where the replay and the log part. `expected`: what the facts lead to; null = nothing. */
export interface Difference {
  readonly position: number
  readonly what: 'decision' | 'missing decision' | 'snapshot' | 'foreign event'
  readonly expected: unknown
  readonly recorded: unknown
}

export interface ReplayCounts {
  readonly events: number
  readonly facts: number
  readonly decisions: number
  /** Of the decisions, those of instances that went on after they had been given up: nobody can know what they knew. */
  readonly unchecked: number
}

export interface Replay {
  /** The fold of the log in its order. */
  readonly state: GatewayState
  /** Takes the next event; positions must ascend. */
  readonly next: (row: ReadEvent) => void
  /** Compares with a snapshot, if the replay stands at its position. */
  readonly compare: (snapshot: StoredSnapshot) => void
  /** After the last event. */
  readonly finish: () => void
  readonly counts: () => ReplayCounts
  readonly position: () => number
  readonly difference: () => Difference | undefined
}

/** One who decides: what it knows, and what it must decide next. */
interface Decider {
  readonly state: GatewayState
  due: readonly Decision[]
  /** What it folds of the log and has not heard yet. */
  unheard: RecordedEvent[]
}

/** Some hundred megabytes. An instance that is there hears of the others within seconds; of one that never will, nothing says so. */
const MOST_UNHEARD = 200_000

/** `mostUnheard`: an instance that has not heard of so many events is given up. */
export const startReplay = ({ mostUnheard = MOST_UNHEARD } = {}): Replay => {
  const state = initialState()
  /** Who has the log for himself. */
  const alone: Decider = { state, due: [], unheard: [] }
  /** Those who share it, by writer; undefined: nobody does. */
  let sharing: Map<string, Decider> | undefined
  let position = 0
  let facts = 0
  let decisions = 0
  let unchecked = 0
  let difference: Difference | undefined

  const differ = (found: Difference): void => {
    difference ??= found
  }

  const overdue = (decider: Decider, at: number, recorded: unknown): void => {
    const [expected] = decider.due
    if (expected !== undefined) differ({ position: at, what: 'missing decision', expected, recorded })
    decider.due = []
  }

  /** Folds an event of one's own, and compares it with what was due. */
  const follow = (decider: Decider, recorded: RecordedEvent): void => {
    const { event, occurredAt, writer } = recorded
    if (isFact(event)) {
      overdue(decider, recorded.position, event)
      decider.due = decide(decider.state, event, occurredAt, writer)
    } else {
      const [expected, ...rest] = decider.due
      decider.due = rest
      if (expected === undefined || !sameData(expected, event)) {
        differ({ position: recorded.position, what: 'decision', expected: expected ?? null, recorded: event })
      }
      applyDecision(decider.state, event, occurredAt, writer)
    }
    trackStream(decider.state, recorded.stream, recorded.streamVersion, event)
  }

  const hear = (decider: Decider, upTo: number, at: number): void => {
    overdue(decider, at, null)
    const next = decider.unheard.findIndex((one) => one.position > upTo)
    const heard = decider.unheard.splice(0, next < 0 ? decider.unheard.length : next)
    decider.due = hearPeers(decider.state, heard)
  }

  const shared = (deciders: Map<string, Decider>, recorded: RecordedEvent): void => {
    const { event, writer } = recorded
    applyRecorded(state, recorded)
    for (const [name, decider] of deciders) {
      if (isHeard(recorded, name)) decider.unheard.push(recorded)
      if (decider.unheard.length > mostUnheard) deciders.delete(name)
    }
    if (event._tag === 'BoxStarted') {
      deciders.set(writer, { state: copyState(state), due: [], unheard: [] })
      return
    }
    if (event._tag === 'InstanceLost') deciders.delete(event.instance)
    const decider = deciders.get(writer)
    if (decider === undefined) {
      if (!isFact(event)) unchecked++
    } else if (event._tag === 'PeersHeard') hear(decider, event.upTo, recorded.position)
    else follow(decider, recorded)
    if (event._tag === 'BoxStopped') deciders.delete(writer)
  }

  const known = (recorded: RecordedEvent): void => {
    const { event } = recorded
    if (isFact(event)) facts++
    else decisions++
    if (event._tag === 'BoxStarted') {
      if (event.shared === undefined) sharing = undefined
      else {
        overdue(alone, recorded.position, event)
        sharing ??= new Map()
      }
    }
    if (sharing === undefined) follow(alone, recorded)
    else shared(sharing, recorded)
  }

  return {
    state,
    next: (row) => {
      if (row._tag === 'Known') {
        position = row.recorded.position
        known(row.recorded)
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
    finish: () => {
      for (const decider of sharing?.values() ?? [alone]) overdue(decider, position, null)
    },
    counts: () => ({ events: facts + decisions, facts, decisions, unchecked }),
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
