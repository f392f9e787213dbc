/**
 * An announced end in words, the same in the event's line and in the log. Dates come from the headers of strangers, so one
 * beyond the calendar is told as the number that it is.
 */

/** Epoch ms. */
export interface AnnouncedEnd {
  readonly sunsetAt?: number
  readonly deprecatedAt?: number
}

/** E.g. `deprecated since 2026-05-05T00:00:00.000Z, ends 2026-07-30T00:00:00.000Z`. */
export const describeEnd = ({ sunsetAt, deprecatedAt }: AnnouncedEnd): string =>
  [
    ...(deprecatedAt === undefined ? [] : [`deprecated since ${moment(deprecatedAt)}`]),
    ...(sunsetAt === undefined ? [] : [`ends ${moment(sunsetAt)}`]),
  ].join(', ') || 'no date is told'

/** The last epoch ms that ECMAScript's dates know, to either side of 1970. */
const LAST_MS = 8.64e15

const moment = (at: number): string => (Math.abs(at) <= LAST_MS ? new Date(at).toISOString() : `epoch ms ${at}`)
