/**
 * The rate limits of one provider: three token buckets with continuous refill, as the API documents them. Uncached input
 * and cache writes count as input, cache reads do not; output counts when it has been made, `max_tokens` never does. One
 * set per provider (the real API has one per model group).
 */
import type { HeaderList } from '#actors/ports.ts'

export interface Limits {
  readonly requestsPerMinute: number
  readonly inputTokensPerMinute: number
  readonly outputTokensPerMinute: number
}
export type LimitName = 'requests' | 'input-tokens' | 'output-tokens'

/** So high that no test meets them by accident; the headers count all the same. */
export const generousLimits: Limits = {
  requestsPerMinute: 1_000_000,
  inputTokensPerMinute: 10_000_000_000,
  outputTokensPerMinute: 1_000_000_000,
}

export interface Exceeded {
  readonly limit: LimitName
  /** Whole seconds after which the same request would be admitted; at least 1. */
  readonly retryAfterSeconds: number
}

export interface LimitState {
  readonly name: LimitName
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
}

export interface RateLimits {
  readonly limits: Limits
  /** Takes one request of `inputTokens` at `now` (epoch ms), or says which limit is in the way. */
  readonly admit: (inputTokens: number, now: number) => Exceeded | undefined
  /** Books output that was made; may overdraw. */
  readonly spendOutput: (tokens: number, now: number) => void
  /** Each limit at `now`: what is left of it, and milliseconds until it is full again. */
  readonly state: (now: number) => readonly LimitState[]
  /** The `anthropic-ratelimit-*` headers at `now`. */
  readonly headers: (now: number) => HeaderList
}

export const makeRateLimits = (limits: Limits): RateLimits => {
  const requests = makeBucket(limits.requestsPerMinute)
  const input = makeBucket(limits.inputTokensPerMinute)
  const output = makeBucket(limits.outputTokensPerMinute)
  return {
    limits,
    admit: (inputTokens, now) => {
      const waits: readonly (readonly [LimitName, number])[] = [
        ['requests', requests.waitMs(1, now)],
        ['input-tokens', input.waitMs(inputTokens, now)],
        ['output-tokens', output.waitMs(1, now)],
      ]
      const longest = waits.reduce((a, b) => (b[1] > a[1] ? b : a))
      if (longest[1] > 0) {
        return { limit: longest[0], retryAfterSeconds: Math.max(1, Math.ceil(longest[1] / 1_000)) }
      }
      requests.take(1, now)
      input.take(inputTokens, now)
      return undefined
    },
    spendOutput: output.take,
    state: (now) =>
      (
        [
          ['requests', requests],
          ['input-tokens', input],
          ['output-tokens', output],
        ] as const
      ).map(([name, bucket]) => ({
        name,
        limit: bucket.size,
        remaining: remaining(bucket, now, 1),
        resetMs: bucket.waitMs(bucket.size, now),
      })),
    headers: (now) => [
      ...bucketHeaders('requests', requests, now, 1),
      ...bucketHeaders('input-tokens', input, now, 1_000),
      ...bucketHeaders('output-tokens', output, now, 1_000),
      // Without a workspace limit in force the combined figure is the sum of both.
      ['anthropic-ratelimit-tokens-limit', String(input.size + output.size)],
      ['anthropic-ratelimit-tokens-remaining', String(remaining(input, now, 1_000) + remaining(output, now, 1_000))],
      [
        'anthropic-ratelimit-tokens-reset',
        rfc3339(now + Math.max(input.waitMs(input.size, now), output.waitMs(output.size, now))),
      ],
    ],
  }
}

/** RFC 3339 in whole seconds, rounded up, as the API writes reset times. */
export const rfc3339 = (ms: number): string =>
  new Date(Math.ceil(ms / 1_000) * 1_000).toISOString().replace('.000Z', 'Z')

interface Bucket {
  /** Tokens when full = tokens per minute. */
  readonly size: number
  readonly level: (now: number) => number
  /** Until `amount` is there; an amount above the size waits for a full bucket and is then let through by nobody. */
  readonly waitMs: (amount: number, now: number) => number
  readonly take: (amount: number, now: number) => void
}

const makeBucket = (perMinute: number): Bucket => {
  let held = perMinute
  let at = Number.NEGATIVE_INFINITY
  const level = (now: number): number => {
    if (at === Number.NEGATIVE_INFINITY) at = now
    held = Math.min(perMinute, held + (Math.max(0, now - at) / 60_000) * perMinute)
    at = Math.max(at, now)
    return held
  }
  return {
    size: perMinute,
    level,
    waitMs: (amount, now) => {
      const missing = amount - level(now)
      // A thousandth of a token is rounding of the refill, not a lack.
      return missing <= 0.001 ? 0 : (missing / perMinute) * 60_000
    },
    take: (amount, now) => {
      level(now)
      held -= amount
    },
  }
}

/** Token values are rounded to the nearest thousand, as documented; requests are exact. */
const remaining = (bucket: Bucket, now: number, step: number): number =>
  Math.max(0, step === 1 ? Math.floor(bucket.level(now) + 0.001) : Math.round(bucket.level(now) / step) * step)

const bucketHeaders = (name: LimitName, bucket: Bucket, now: number, step: number): HeaderList => [
  [`anthropic-ratelimit-${name}-limit`, String(bucket.size)],
  [`anthropic-ratelimit-${name}-remaining`, String(remaining(bucket, now, step))],
  [`anthropic-ratelimit-${name}-reset`, rfc3339(now + bucket.waitMs(bucket.size, now))],
]
