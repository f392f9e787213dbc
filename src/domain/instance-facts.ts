/**
 * Facts of instances that share one log. Part of the catalogue in events.ts; docs/adr/0022 has the reasons.
 */
import { Schema } from 'effect'

/**
 * The instance that writes this has now folded in what the others had appended up to a position. With it a replay knows what each
 * decision of that instance could know, although everybody's events lie between each other in the log.
 */
export const PeersHeard = Schema.TaggedStruct('PeersHeard', { upTo: Schema.Int })

/** An instance fell silent for so long that its requests were closed by another. Recorded once for each. */
export const InstanceLost = Schema.TaggedStruct('InstanceLost', { instance: Schema.String })
