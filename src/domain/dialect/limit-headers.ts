/**
 * The limits that an answer's headers tell, of every dialect: `anthropic-ratelimit-*` with RFC 3339 resets; `x-ratelimit-*`
 * of OpenAI, Azure and Groq with Go durations or seconds, of Cerebras with the window in the name, of OpenRouter without the
 * limit's name and with a reset in epoch ms. Facts: providers 1.8, 3.2, 4.6, 5.3. Not read: a subscription's unified windows
 * and the buckets of priority tier and fast mode, which are no requests or tokens of ours, and OpenAI's project tokens, a
 * second limit of the same name. What cannot be read is left out.
 */
import { durationMs } from '#domain/dialect/openai/rate-headers.ts'
import { withinReason } from '#domain/dialect/retry-after.ts'
import type { LimitReading } from '#domain/events.ts'

type Headers = readonly (readonly [name: string, value: string])[]

export interface LimitHeaderOptions {
  /** The window that `x-ratelimit-*-requests` are about: a day at Groq, a minute (the default) elsewhere. */
  readonly requestsHeaderWindow?: LimitReading['window']
}

/**
 * At most one reading for each limit and window.
 *
 * @param headers lower-case names; of a repeated one the first counts
 * @param at epoch ms of the answer
 */
export const readLimits = (
  headers: Headers,
  at: number,
  { requestsHeaderWindow = 'minute' }: LimitHeaderOptions = {},
): readonly LimitReading[] => {
  // Each dialect asks for a dozen names or two, so only where it is spoken at all.
  const inAnthropic = headers.filter(([name]) => name.startsWith('anthropic-ratelimit-'))
  const inChat = headers.filter(([name]) => name.startsWith('x-ratelimit-'))
  const readings = [
    ...(inAnthropic.length === 0 ? [] : anthropic(inAnthropic)),
    ...(inChat.length === 0 ? [] : chat(inChat, at, requestsHeaderWindow)),
  ]
  const isFirst = ({ limit, window }: LimitReading, index: number): boolean =>
    readings.findIndex((other) => other.limit === limit && other.window === window) === index
  return readings.filter(isFirst)
}

const get = (headers: Headers, name: string): string | undefined => headers.find(([key]) => key === name)?.[1]?.trim()

const anthropic = (headers: Headers): readonly LimitReading[] => {
  const read = (limit: LimitReading['limit'], name: string): readonly LimitReading[] => {
    const of = (part: string): string | undefined => get(headers, `anthropic-ratelimit-${name}-${part}`)
    return reading(limit, 'minute', of('limit'), of('remaining'), moment(of('reset')))
  }
  const input = read('input', 'input-tokens')
  const output = read('output', 'output-tokens')
  // Without a workspace's limit in force the combined figure is the sum of both, and no limit of its own.
  const sum = (input[0]?.size ?? Number.NaN) + (output[0]?.size ?? Number.NaN)
  const tokens = read('tokens', 'tokens').filter(({ size }) => size !== sum)
  return [...read('requests', 'requests'), ...input, ...output, ...tokens]
}

const chat = (headers: Headers, at: number, requestsWindow: LimitReading['window']): readonly LimitReading[] => {
  const read = (limit: LimitReading['limit'], window: LimitReading['window'] | undefined, suffix: string) => {
    const of = (part: string): string | undefined => get(headers, `x-ratelimit-${part}${suffix}`)
    const resetAt = resetOf(of('reset'), at)
    return reading(limit, window ?? windowOf(resetAt, at), of('limit'), of('remaining'), resetAt)
  }
  return [
    ...read('requests', requestsWindow, '-requests'),
    ...read('tokens', 'minute', '-tokens'),
    ...read('requests', 'minute', '-requests-minute'),
    ...read('requests', 'day', '-requests-day'),
    ...read('tokens', 'minute', '-tokens-minute'),
    ...read('tokens', 'day', '-tokens-day'),
    ...read('requests', undefined, ''),
  ]
}

/** OpenRouter has 20 a minute and 50 or 1,000 a UTC day under one name; only the reset tells which. */
const windowOf = (resetAt: number | undefined, at: number): LimitReading['window'] =>
  resetAt !== undefined && resetAt - at > 60_000 ? 'day' : 'minute'

const reading = (
  limit: LimitReading['limit'],
  window: LimitReading['window'],
  sizeText: string | undefined,
  remainingText: string | undefined,
  resetAt: number | undefined,
): readonly LimitReading[] => {
  const size = amount(sizeText)
  const remaining = amount(remainingText)
  // A limit of nothing is how some servers say that there is none.
  if (size === 0 || (size === undefined && remaining === undefined)) return []
  return [
    {
      limit,
      window,
      ...(size === undefined ? {} : { size }),
      ...(remaining === undefined ? {} : { remaining }),
      ...(resetAt === undefined ? {} : { resetAt }),
    },
  ]
}

/** Plain decimal digits, up to a quadrillion: `Number` alone would also take `0x10`, `1e999` and an empty text. */
const amount = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/

const moment = (text: string | undefined): number | undefined => {
  if (text === undefined || !RFC_3339.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isFinite(ms) ? ms : undefined
}

/** Numbers above these are points in time, in milliseconds or seconds; see openai/rate-headers.ts. */
const EPOCH_MS = 1e12
const EPOCH_S = 1e9

/** Epoch ms of a Go duration, of seconds from now, or of a point in time. */
const resetOf = (text: string | undefined, at: number): number | undefined => {
  if (text === undefined) return undefined
  const number = amount(text)
  if (number !== undefined && number >= EPOCH_MS) return number
  if (number !== undefined && number >= EPOCH_S) return number * 1_000
  const ms = durationMs(text)
  return ms === undefined ? undefined : withinReason(at + ms, at)
}
