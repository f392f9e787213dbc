/**
 * Which alerts stand, by the events that raise and clear them.
 */
import type { EventRow } from '#http/admin/event-row.ts'
import { type Occurred, ofType } from './api/events.ts'

/** @param rows AlertRaised and AlertCleared, the newest first */
export const raisedAlerts = (rows: readonly EventRow[]): readonly Occurred<'AlertRaised'>[] => {
  const standing = new Map<string, Occurred<'AlertRaised'>>()
  for (const row of rows.toReversed()) {
    for (const raised of ofType([row], 'AlertRaised')) {
      if (!standing.has(raised.event.alertId)) standing.set(raised.event.alertId, raised)
    }
    for (const { event } of ofType([row], 'AlertCleared')) standing.delete(event.alertId)
  }
  return [...standing.values()].toReversed()
}
