/**
 * When a server of the chat dialect may be asked again, from its rate headers. OpenAI, Groq and Cerebras give resets as Go
 * durations (`6m0s`, `120ms`), OpenRouter one reset in epoch milliseconds. Facts: providers 4.6 and 5.3.
 */
import { withinReason } from '#domain/dialect/retry-after.ts'

type Headers = readonly (readonly [name: string, value: string])[]

const UNIT_MS: { readonly [unit: string]: number } = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
}
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|h|m|s))+$/
const PART = /(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)/g

/** Milliseconds of a Go duration such as `1h2m3.5s`, or of a bare number of seconds; undefined for anything else. */
export const durationMs = (text: string): number | undefined => {
  const trimmed = text.trim()
  if (/^\d+(\.\d+)?$/.test(trimmed)) return finite(Number(trimmed) * 1000)
  if (!DURATION.test(trimmed)) return undefined
  let ms = 0
  for (const [, amount, unit] of trimmed.matchAll(PART)) ms += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0)
  return finite(ms)
}

const finite = (ms: number): number | undefined => (Number.isFinite(ms) ? ms : undefined)

/** Numbers above these are points in time since 2001, in milliseconds or seconds: no limit takes 30 years to refill. */
const EPOCH_MS = 1e12
const EPOCH_S = 1e9

const REMAINING = /^x-ratelimit-remaining(-.+)?$/

/**
 * The reset of those `x-ratelimit-*` limits that have nothing left, the latest one.
 * @param headers lower-case names
 * @param at epoch ms of the answer
 * @returns epoch ms, never before `at`; undefined when no limit is used up
 */
export const exhaustedUntil = (headers: Headers, at: number): number | undefined => {
  const resets: number[] = []
  for (const [name, value] of headers) {
    const match = REMAINING.exec(name)
    if (match === null || value.trim() === '' || Number(value) !== 0) continue
    const reset = headers.find(([other]) => other === `x-ratelimit-reset${match[1] ?? ''}`)?.[1]
    if (reset === undefined) continue
    const number = Number(reset)
    const ms = durationMs(reset)
    // The text of a number may be beyond all numbers.
    if (number === Number.POSITIVE_INFINITY) continue
    if (number >= EPOCH_MS) resets.push(number)
    else if (number >= EPOCH_S) resets.push(number * 1000)
    else if (ms !== undefined) resets.push(at + ms)
  }
  return resets.length === 0 ? undefined : withinReason(Math.max(...resets), at)
}
