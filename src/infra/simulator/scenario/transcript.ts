/**
 * The events of a virtual box as its log would have them, in batches, and what became of its circuits.
 */
import { encodeState, type GatewayState, trackStream } from '#actors/gateway-state.ts'
import type { DomainEvent } from '#domain/events.ts'
import { type NewEvent, streamOf } from '#domain/recorded-event.ts'
import type { Witness } from '#infra/simulator/virtual/gateway.ts'

export interface Transcript {
  /** To be given to the box that it writes down. */
  readonly witness: Witness
  /** The events since the last call, in order; empty unless they are kept. */
  readonly take: () => readonly NewEvent[]
  readonly events: () => number
  /** The state after the last event, for a snapshot; undefined before the first. */
  readonly state: () => string | undefined
  /** Circuits that opened, and those of them that are still open: names of providers in the order of events. */
  readonly circuits: () => { readonly opened: readonly string[]; readonly open: readonly string[] }
}

/** `keeps`: without a log nobody takes the events. */
export const makeTranscript = (writer: string, keeps: boolean): Transcript => {
  let batch: NewEvent[] = []
  let writerSeq = 0
  const opened = new Set<string>()
  const open = new Set<string>()
  let folded: GatewayState | undefined

  const note = (event: DomainEvent): void => {
    if (event._tag === 'CircuitOpened') {
      opened.add(event.provider)
      open.add(event.provider)
    }
    if (event._tag === 'CircuitClosed') open.delete(event.provider)
  }
  return {
    witness: {
      after: (fact, at, state, decisions) => {
        let causation: number | undefined
        folded = state
        for (const event of [fact, ...decisions]) {
          const stream = streamOf(event)
          const streamVersion = (state.streams.get(stream) ?? 0) + 1
          trackStream(state, stream, streamVersion, event)
          writerSeq += 1
          note(event)
          const correlation = 'requestId' in event ? { correlation: event.requestId } : {}
          const cause = causation === undefined ? {} : { causation }
          if (keeps)
            batch.push({ event, stream, streamVersion, occurredAt: at, writer, writerSeq, ...correlation, ...cause })
          causation ??= writerSeq
        }
      },
    },
    take: () => {
      const taken = batch
      batch = []
      return taken
    },
    events: () => writerSeq,
    state: () => folded && encodeState(folded),
    circuits: () => ({ opened: [...opened], open: [...open] }),
  }
}
