/**
 * A shadow policy in a whole log: a replay concludes its choices anew, live choices are those of a log without it, and the
 * comparison is a fold like any other.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyDecision, decide, encodeState, initialState } from '#actors/gateway-state.ts'
import { canonicalState, startReplay } from '#actors/replay.ts'
import { shadowView } from '#actors/views/shadow-view.ts'
import type { DomainEvent, Fact } from '#domain/events.ts'
import { isFact } from '#domain/events.ts'
import { providerId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { histories, policies, shadowRoutings } from '#test/generators.ts'
import { envelopes } from '#test/recorded-events.ts'

/** What a ledger would have written for these facts, and the state that it then has. */
const logOf = (facts: readonly Fact[]) => {
  const state = initialState()
  const events: DomainEvent[] = []
  const envelope = envelopes('w', 1_000)
  const rows: RecordedEvent[] = []
  const write = (event: DomainEvent, occurredAt?: number): number => {
    events.push(event)
    const [one] = envelope([event])
    // A decision has the time of its fact.
    const at = occurredAt ?? one?.occurredAt ?? 0
    if (one !== undefined) {
      const streamVersion = one.streamVersion ?? 1
      rows.push({ ...one, streamVersion, occurredAt: at, position: rows.length + 1, schemaVersion: 1, recordedAt: at })
    }
    return at
  }
  for (const fact of facts) {
    const at = write(fact)
    for (const decision of decide(state, fact, at, 'w')) {
      write(decision, at)
      applyDecision(state, decision, at, 'w')
    }
  }
  return { state, events, rows }
}

const replayed = (rows: readonly RecordedEvent[]) => {
  const replay = startReplay()
  for (const recorded of rows) replay.next({ _tag: 'Known', recorded })
  replay.finish()
  return replay
}

const withShadow = fc.tuple(policies, shadowRoutings, histories()).map(([{ routing, ...policy }, shadow, happened]) => {
  const { shadow: _other, ...live } = routing
  const facts = happened.flatMap(({ event }) => (isFact(event) ? [event] : []))
  const under = (one: Policy['routing']): readonly Fact[] => [
    { _tag: 'PolicyChanged', version: 1, policy: { ...policy, routing: one } },
    ...facts,
  ]
  return { live: under(live), beside: under({ ...live, shadow }) }
})

const decisionsOf = (events: readonly DomainEvent[]): readonly DomainEvent[] =>
  events
    .filter((event) => !isFact(event))
    .map((event) => {
      if (event._tag !== 'RouteChosen') return event
      const { shadow: _shadow, ...route } = event
      return route
    })

describe('a log with a shadow policy', () => {
  it('has the decisions of a log without it', () => {
    fc.assert(
      fc.property(withShadow, ({ live, beside }) => {
        expect(decisionsOf(logOf(beside).events)).toEqual(decisionsOf(logOf(live).events))
      }),
    )
  })

  it('is replayed to the same choices and the same comparison', () => {
    fc.assert(
      fc.property(withShadow, ({ beside }) => {
        const { rows, state } = logOf(beside)
        const replay = replayed(rows)
        expect(replay.difference()).toBeUndefined()
        expect(shadowView(replay.state)).toEqual(shadowView(state))
        expect(canonicalState(toText(replay.state))).toBe(canonicalState(toText(state)))
      }),
    )
  })

  it('is found wrong when somebody edits what the shadow chose', () => {
    fc.assert(
      fc.property(withShadow, ({ beside }) => {
        const { rows } = logOf(beside)
        const at = rows.findIndex(({ event }) => event._tag === 'RouteChosen')
        fc.pre(at >= 0)
        const edited = rows.map((row, n) =>
          n === at && row.event._tag === 'RouteChosen'
            ? { ...row, event: { ...row.event, shadow: { order: [providerId('somebody')] } } }
            : row,
        )
        expect(replayed(edited).difference()).toMatchObject({ what: 'decision', position: at + 1 })
      }),
      { numRuns: 20 },
    )
  })
})

/** Without the streams, which a replay keeps and the fold above does not. */
const toText = (state: ReturnType<typeof initialState>): string => encodeState({ ...state, streams: new Map() })
