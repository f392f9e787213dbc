/**
 * `sunset` (RFC 8594: an HTTP date) and `deprecation` (RFC 9745: `@` and Unix seconds; before that an HTTP date or `true`):
 * by them a provider tells that it, or a model, will end.
 */
type Headers = readonly (readonly [name: string, value: string])[]

export interface Sunset {
  /** Epoch ms. */
  readonly sunsetAt?: number
  /** Epoch ms. */
  readonly deprecatedAt?: number
}

const get = (headers: Headers, name: string): string | undefined => headers.find(([key]) => key === name)?.[1]?.trim()

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

const moment = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const seconds = /^@(\d{1,12})$/.exec(text)?.[1]
  if (seconds !== undefined) return Number(seconds) * 1000
  // The form may be that of a date, and the day the 99th.
  const ms = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN
  return Number.isFinite(ms) ? ms : undefined
}

/** @param headers lower-case names. Undefined when nothing readable is announced. */
export const readSunset = (headers: Headers): Sunset | undefined => {
  const sunsetAt = moment(get(headers, 'sunset'))
  const deprecatedAt = moment(get(headers, 'deprecation'))
  if (sunsetAt === undefined && deprecatedAt === undefined) return undefined
  return {
    ...(sunsetAt === undefined ? {} : { sunsetAt }),
    ...(deprecatedAt === undefined ? {} : { deprecatedAt }),
  }
}
