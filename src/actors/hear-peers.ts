/**
 * What an instance does with the events of the others: it folds them into its own state, after its own and in their order.
 *
 * The machines conclude from the facts of others what they would conclude from their own. Mostly the other has concluded it too
 * and says so; what nobody says (three failures here and two there are five) is this instance's own decision, and is recorded
 * as that. Two instances may conclude the same at the same time: both say so, and folding it twice changes nothing.
 *
 * What was set for all is folded once more when it is met in the log, one's own too: of two who set the same at the same time the later
 * in the log must have the last word with both of them.
 */
import { applyDecision, applyFact, type GatewayState, trackStream } from '#actors/gateway-state.ts'
import type { Decision, EventType } from '#domain/events.ts'
import { isFact } from '#domain/events.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'

/** Whether an instance folds an event that it meets in the log: those of others, and of its own what was set for all. */
export const isHeard = ({ writer, event }: RecordedEvent, by: string): boolean =>
  writer !== by || SETS_FOR_ALL.has(event._tag)

const SETS_FOR_ALL: ReadonlySet<EventType> = new Set(['PolicyChanged', 'SettingOverridden', 'AlertsSilenced'])

/** Folds events, in the order of the log, and answers what was concluded from them that none of them says. */
export const hearPeers = (state: GatewayState, events: readonly RecordedEvent[]): readonly Decision[] => {
  const said = new Set(events.flatMap(({ event }) => (isFact(event) ? [] : [subjectOf(event)])))
  const concluded: Decision[] = []
  for (const { event, occurredAt, writer, stream, streamVersion } of events) {
    if (isFact(event)) {
      for (const decision of applyFact(state, event, occurredAt, writer)) {
        if (!said.has(subjectOf(decision))) concluded.push(decision)
      }
    } else applyDecision(state, event, occurredAt, writer)
    trackStream(state, stream, streamVersion, event)
  }
  return concluded
}

/** Two decisions about the same thing are taken for the same, whatever their details: each instance knows a little more or less. */
const subjectOf = (decision: Decision): string =>
  'provider' in decision ? `${decision._tag} ${decision.provider}` : decision._tag

/** Whether there is anything to fold: markers of others change no state, and answering them would never end. */
export const isNews = ({ event }: RecordedEvent): boolean => event._tag !== 'PeersHeard'
