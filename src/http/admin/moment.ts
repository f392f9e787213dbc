/**
 * Points in time as parameters: ISO 8601, or milliseconds since 1970.
 */
import { Schema } from 'effect'

const read = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Date.parse(text))

/** What JavaScript's own dates can hold. */
const LATEST_MS = 8.64e15

export const Moment = Schema.String.check(
  Schema.makeFilter((text) => read(text) <= LATEST_MS || 'Expected an ISO 8601 time or milliseconds since 1970'),
).annotate({ description: 'A time: ISO 8601 (`2026-11-25T14:03:00Z`), or milliseconds since 1970.' })

/** Epoch ms of a text that fits `Moment`. */
export const momentOf = (text: string): number => read(text)
