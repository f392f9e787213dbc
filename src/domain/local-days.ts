/**
 * The days of a time zone, for sums that are kept by UTC hour. An hour belongs to the day in which it begins; where a zone is
 * shifted by half an hour or a quarter, up to that much of a day's first hour is counted with the day before.
 */

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const HOUR_MINUTES = 60
const DAY_MINUTES = 1_440
const DAY_MS = 86_400_000
/** No zone changes its clocks twice within a week; the shortest daylight saving time so far was Morocco's in Ramadan. */
const PROBE_HOURS = 168

const formats = new Map<string, Intl.DateTimeFormat>()

const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  formats.set(timeZone, format)
  return format
}

/** Whether the name is one of a time zone. */
export const isTimeZone = (name: string): boolean => {
  try {
    formatOf(name)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** Minutes by which a zone's clocks are ahead of UTC at a moment (epoch ms). Throws RangeError for a name that is no zone's. */
export const offsetMinutes = (timeZone: string, at: number): number => {
  const name = formatOf(timeZone)
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName')?.value
  const [, sign, hours = '0', minutes = '0'] = /^GMT(?:([+-])(\d+):(\d+))?/.exec(name ?? '') ?? []
  const size = Number(hours) * HOUR_MINUTES + Number(minutes)
  return sign === '-' ? -size : size
}

/** From this UTC hour on (whole hours since 1970) the clocks are ahead by so much. */
export interface OffsetStep {
  readonly hour: number
  readonly minutes: number
}

/** The offsets of a zone between two hours, both included; the first step begins with the first hour. */
export const offsetSteps = (timeZone: string, from: number, to: number): readonly OffsetStep[] => {
  const offsetAt = (hour: number): number => offsetMinutes(timeZone, hour * HOUR_MS)
  const steps: OffsetStep[] = [{ hour: from, minutes: offsetAt(from) }]
  for (let known = from; known < to; ) {
    const next = Math.min(to, known + PROBE_HOURS)
    const before = offsetAt(known)
    if (offsetAt(next) !== before) {
      let [low, high] = [known, next]
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2)
        if (offsetAt(middle) === before) low = middle
        else high = middle
      }
      steps.push({ hour: high, minutes: offsetAt(high) })
      known = high
    } else known = next
  }
  return steps
}

/** The day (whole days since 1970, by the zone's calendar) in which a UTC hour begins. */
export const localDay = (hour: number, minutes: number): number =>
  Math.floor((hour * HOUR_MINUTES + minutes) / DAY_MINUTES)

/** A day as 2026-11-23. */
export const dayText = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)

/** When a day such as 2026-11-23 begins in a zone, epoch ms; undefined when the text is no day. */
export const startOfDay = (text: string, timeZone: string): number | undefined => {
  const utc = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(utc)) return undefined
  // The offset may change between the two guesses; the second is measured where the first says that the day begins.
  const first = utc - offsetMinutes(timeZone, utc) * MINUTE_MS
  return utc - offsetMinutes(timeZone, first) * MINUTE_MS
}
