/**
 * What a log tells of each provider: how fast it was when, how often it failed when, what its limits let through, whether it has a
 * cache. Everything that a request which went elsewhere would have met is made of this.
 */
import { countsAgainst, type FailureReason } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import { type LimitTraces, limitTraces } from '#domain/what-if/limit-traces.ts'
import { type LocalLevel, localLevel, type Seen } from '#domain/what-if/local-level.ts'
import type { LoggedAttempt, LoggedCall } from '#domain/what-if/traffic.ts'
import type { CallSize } from '#domain/what-if/usage-shape.ts'

/** An attempt that was worked on, or refused for a limit. */
export interface Asked {
  /** Epoch ms. */
  readonly at: number
  readonly endedAt: number
  /** Tokens of its prompt that were not in the cache; all of them; those of the answer. */
  readonly input: number
  readonly prompt: number
  readonly output: number
  readonly isRefused: boolean
}

export interface ProviderFit extends LimitTraces {
  readonly provider: ProviderId
  /** Nothing of it was observed: see assumed-fit.ts. */
  readonly isAssumed?: true
  /** Attempts that ended by themselves. */
  readonly observed: number
  /** Logarithms of ms. */
  readonly ttft: LocalLevel
  readonly msPerToken: LocalLevel
  readonly msPerFreshToken: number
  /** Shares: 1 for an attempt that failed by the provider's fault; where none was seen nearby, the share of those that fail by themselves. */
  readonly failures: LocalLevel
  /** Share of the time in which it was down: one failure followed another. */
  readonly downShare: number
  readonly failed: readonly { readonly at: number; readonly reason: FailureReason; readonly afterMs: number }[]
  /** In the order of their beginnings. */
  readonly asked: readonly Asked[]
  /** Epoch ms at which attempts began that it let in, ascending. */
  readonly letInAt: readonly number[]
  readonly tellsRetryAfter: boolean
  readonly hasCache: boolean
  /** Features that it refused, as in FeatureRefused. */
  readonly refuses: readonly string[]
}

/**
 * Below this many observations nothing is said: a level is not known to a third of its noise. Above it the errors of a world say how
 * little is known.
 */
export const LEAST_OBSERVED = 10

const LATENCY_WIDTH_MS = 600_000
const FAILURE_WIDTH_MS = 90_000

interface Observed {
  readonly attempt: LoggedAttempt
  readonly fresh: number
  readonly promptTokens: number
}

/** By provider; whom nobody asked is not in it. `sizes` are those of `sizesOf`. */
export const fitProviders = (
  calls: readonly LoggedCall[],
  sizes: readonly CallSize[],
): ReadonlyMap<ProviderId, ProviderFit> => {
  const all = calls.flatMap(({ key, requests }) => {
    const promptTokens = sizes[key]?.promptTokens ?? 0
    return requests.flatMap(({ attempts }) =>
      attempts
        .filter(({ reason }) => reason?._tag !== 'Cancelled')
        .map(
          (attempt): Observed => ({
            attempt,
            promptTokens,
            fresh: promptTokens - (attempt.usage?.cacheReadTokens ?? 0),
          }),
        ),
    )
  })
  const msPerFreshToken = sizeSlope(all)
  const byProvider = Map.groupBy(
    all.toSorted((a, b) => a.attempt.startedAt - b.attempt.startedAt),
    ({ attempt }) => attempt.provider,
  )
  return new Map([...byProvider].map(([provider, observed]) => [provider, fitOne(provider, observed, msPerFreshToken)]))
}

const fitOne = (provider: ProviderId, observed: readonly Observed[], msPerFreshToken: number): ProviderFit => {
  const served = observed.filter(({ attempt }) => attempt.ttftMs !== null)
  const ttfts = served.map(
    ({ attempt, fresh }): Seen => ({
      at: attempt.startedAt,
      value: Math.log(Math.max(LEAST_TTFT_MS, (attempt.ttftMs ?? 0) - msPerFreshToken * fresh)),
    }),
  )
  const paces = served.flatMap(({ attempt }): readonly Seen[] => {
    const tokens = attempt.usage?.outputTokens ?? 0
    const ms = attempt.endedAt - attempt.startedAt - (attempt.ttftMs ?? 0)
    return tokens < LEAST_PACED_TOKENS || ms <= 0 ? [] : [{ at: attempt.startedAt, value: Math.log(ms / tokens) }]
  })
  const tried = observed.filter(({ attempt: { reason } }) => reason === null || countsAgainst(reason) === 'provider')
  const limited = observed.filter(({ attempt }) => attempt.reason?._tag === 'RateLimited')
  const windows = { widthMs: LATENCY_WIDTH_MS }
  const failing = failingOf(tried)
  return {
    provider,
    observed: observed.length,
    ttft: localLevel(ttfts, windows),
    msPerToken: localLevel(paces, windows),
    msPerFreshToken,
    failures: localLevel(
      tried.map(({ attempt }) => ({ at: attempt.startedAt, value: attempt.reason === null ? 0 : 1 })),
      { mean: failing.alone, widthMs: FAILURE_WIDTH_MS, priorWeight: 0.3 },
    ),
    downShare: failing.downShare,
    failed: tried.flatMap(({ attempt: { startedAt, endedAt, reason } }) =>
      reason === null ? [] : [{ at: startedAt, reason, afterMs: endedAt - startedAt }],
    ),
    ...limitTraces(observed),
    asked: observed.flatMap(({ attempt, fresh, promptTokens }): readonly Asked[] => {
      const isRefused = attempt.reason?._tag === 'RateLimited'
      const isWorkedOn = attempt.reason === null || attempt.usage !== null
      if (!isRefused && !isWorkedOn) return []
      const { startedAt, endedAt, usage } = attempt
      const tokens = { input: Math.max(1, fresh), prompt: promptTokens, output: usage?.outputTokens ?? 0 }
      return [{ at: startedAt, endedAt, ...tokens, isRefused }]
    }),
    letInAt: observed
      .filter(({ attempt: { reason } }) => reason?._tag !== 'RateLimited')
      .map(({ attempt }) => attempt.startedAt),
    tellsRetryAfter: limited.some(
      ({ attempt: { reason } }) => reason?._tag === 'RateLimited' && reason.until !== undefined,
    ),
    hasCache: served.some(
      ({ attempt: { usage } }) =>
        (usage?.cacheReadTokens ?? 0) + (usage?.cacheWrite5mTokens ?? 0) + (usage?.cacheWrite1hTokens ?? 0) > 0,
    ),
    refuses: [
      ...new Set(
        observed.flatMap(({ attempt: { reason } }) => (reason?._tag === 'FeatureRefused' ? reason.features : [])),
      ),
    ],
  }
}

const LEAST_TTFT_MS = 20
/** Of shorter answers the pace is mostly rounding. */
const LEAST_PACED_TOKENS = 20

/** Ms of time to first content per token that is not in the cache: least squares within each provider, at most 0.2. */
const sizeSlope = (all: readonly Observed[]): number => {
  const served = all.filter(({ attempt }) => attempt.ttftMs !== null)
  let [xy, xx] = [0, 0]
  for (const group of Map.groupBy(served, ({ attempt }) => attempt.provider).values()) {
    // Outages and bursts make outliers of a hundred seconds.
    const cut =
      group.map(({ attempt }) => attempt.ttftMs ?? 0).toSorted((a, b) => a - b)[Math.floor(group.length * 0.9)] ?? 0
    const usual = group.filter(({ attempt }) => (attempt.ttftMs ?? 0) <= cut)
    const meanX = usual.reduce((sum, { fresh }) => sum + fresh, 0) / Math.max(1, usual.length)
    const meanY = usual.reduce((sum, { attempt }) => sum + (attempt.ttftMs ?? 0), 0) / Math.max(1, usual.length)
    for (const { attempt, fresh } of usual) {
      xy += (fresh - meanX) * ((attempt.ttftMs ?? 0) - meanY)
      xx += (fresh - meanX) ** 2
    }
  }
  return xx === 0 ? 0 : Math.min(0.2, Math.max(0, xy / xx))
}

/** Longest time for which one failure speaks: then the next open time would have ended. */
const FAILURE_SPEAKS_MS = 300_000
/**
 * What is known of a provider before it was asked: it is down for 2 % of the time, 1 % of its requests fail by themselves. It counts like an
 * hour, and like fifty requests: who was only asked during an outage is not down for ever.
 */
export const USUAL = { downShare: 0.02, forMs: 3_600_000, alone: 0.01, attempts: 50 } as const

/** A share of the attempts would be too small for outages: who fails is not asked while it does. So they are counted by their time. */
const failingOf = (tried: readonly Observed[]): { readonly alone: number; readonly downShare: number } => {
  let [bad, all, alone] = [USUAL.downShare * USUAL.forMs, USUAL.forMs, USUAL.alone * USUAL.attempts]
  const isFailed = (one: Observed | undefined): boolean => one !== undefined && one.attempt.reason !== null
  for (const [index, one] of tried.entries()) {
    const [before, next] = [tried[index - 1], tried[index + 1]]
    if (isFailed(one) && !isFailed(before) && !isFailed(next)) alone += 1
    if (next === undefined) continue
    const gap = Math.min(FAILURE_SPEAKS_MS, next.attempt.startedAt - one.attempt.startedAt)
    all += gap
    if (isFailed(one) && isFailed(next)) bad += gap
  }
  return { alone: alone / (tried.length + USUAL.attempts), downShare: bad / all }
}
