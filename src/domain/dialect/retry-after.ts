/**
 * When a provider may be asked again, from its answer's headers: `retry-after-ms`, `retry-after` in seconds (fractions
 * included) or as an HTTP date, the unified subscription reset (unix seconds), and the reset times of those
 * `anthropic-ratelimit-*` limits that have nothing left (RFC 3339). Facts: providers 1.7 and 1.8.
 */
type Headers = readonly (readonly [name: string, value: string])[]

const get = (headers: Headers, name: string): string | undefined => headers.find(([key]) => key === name)?.[1]

const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined)

// Date.parse alone takes almost any text with a number in it for a date ("try later 1" is the year 2001).
const HTTP_DATE = /^[A-Z][a-z]{2,8}, \d{2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/

const date = (text: string | undefined, form: RegExp): number | undefined =>
  text !== undefined && form.test(text.trim()) ? finite(Date.parse(text.trim())) : undefined

/**
 * @param headers lower-case names
 * @param at epoch ms of the answer
 * @returns epoch ms, never before `at` or years after it; undefined when nothing readable was said
 */
export const retryAt = (headers: Headers, at: number): number | undefined => {
  const told = toldRetry(headers, at) ?? exhaustedReset(headers)
  return told === undefined ? undefined : withinReason(told, at)
}

/** No honest provider names a later time, and what prints a time has no year for any number. */
const LONGEST_MS = 366 * 86_400_000

/** @returns `told`, but never before `at`, and never more than a year after it */
export const withinReason = (told: number, at: number): number => Math.min(Math.max(at, told), at + LONGEST_MS)

const toldRetry = (headers: Headers, at: number): number | undefined => {
  const ms = get(headers, 'retry-after-ms')
  if (ms !== undefined && ms.trim() !== '') {
    const delay = finite(Number(ms))
    if (delay !== undefined && delay >= 0) return finite(at + delay)
  }
  const after = get(headers, 'retry-after')
  if (after !== undefined && after.trim() !== '') {
    const seconds = finite(Number(after))
    if (seconds !== undefined) return seconds >= 0 ? finite(at + seconds * 1000) : undefined
    return date(after, HTTP_DATE)
  }
  return undefined
}

const LIMITS = ['requests', 'tokens', 'input-tokens', 'output-tokens']

const exhaustedReset = (headers: Headers): number | undefined => {
  const resets: number[] = []
  if (get(headers, 'anthropic-ratelimit-unified-status') === 'rejected') {
    const unified = finite(Number(get(headers, 'anthropic-ratelimit-unified-reset')) * 1000)
    if (unified !== undefined && unified > 0) resets.push(unified)
  }
  for (const limit of LIMITS) {
    if (get(headers, `anthropic-ratelimit-${limit}-remaining`) !== '0') continue
    const reset = date(get(headers, `anthropic-ratelimit-${limit}-reset`), RFC_3339)
    if (reset !== undefined) resets.push(reset)
  }
  return resets.length === 0 ? undefined : Math.max(...resets)
}
