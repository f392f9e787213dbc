/**
 * Points in time as parameters: ISO 8601, or milliseconds since 1970; and days.
 */
import { Schema } from 'effect'
import { startOfDay } from '#domain/local-days.ts'

const read = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Date.parse(text))

/** What JavaScript's own dates can hold. */
const LATEST_MS = 8.64e15

export const Moment = Schema.String.check(
  Schema.makeFilter((text) => read(text) <= LATEST_MS || 'Expected an ISO 8601 time or milliseconds since 1970'),
).annotate({ description: 'A time: ISO 8601 (`2026-11-25T14:03:00Z`), or milliseconds since 1970.' })

/** Epoch ms of a text that fits `Moment`. */
export const momentOf = (text: string): number => read(text)

export const DayOrMoment = Schema.String.check(
  Schema.makeFilter((text) => read(text) <= LATEST_MS || 'Expected a day, an ISO 8601 time or milliseconds since 1970'),
).annotate({
  description: 'A day of the time zone (`2026-11-25`), an ISO 8601 time, or milliseconds since 1970.',
})

const DAY_MS = 86_400_000

/** Epoch ms of a text that fits `DayOrMoment`: a moment, or the beginning or the end of a day in the time zone. */
export const edgeOf = (text: string, timeZone: string, edge: 'start' | 'end'): number => {
  const start = startOfDay(text, timeZone)
  if (start === undefined) return read(text)
  if (edge === 'start') return start
  // The end of a day is the beginning of the next, however long it is.
  const next = new Date(Date.parse(`${text}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10)
  return startOfDay(next, timeZone) ?? start
}
