/**
 * A provider that nobody had, as the operator assumes it: like one of the log, but for what is said of it. Nothing of it was seen, so
 * whatever comes of it is worth as much as the assumption.
 */
import type { ProviderId } from '#domain/ids.ts'
import type { LocalLevel } from '#domain/what-if/local-level.ts'
import type { ProviderFit } from '#domain/what-if/provider-fit.ts'

export interface Assumption {
  readonly id: ProviderId
  readonly like: ProviderId
  /** Median time to first content of a prompt that is in its cache. */
  readonly ttftMs?: number
  readonly msPerToken?: number
  /** Share of its requests that fail. */
  readonly failureShare?: number
  readonly hasCache?: boolean
  /** Times the prices of the one that it is like. */
  readonly priceFactor: number
}

/** Without outages, drifts and limits of the other: these were that provider's own days. Its spread and its slope by size are kept. */
export const assumedFit = (like: ProviderFit, assumption: Assumption): ProviderFit => {
  const { id, ttftMs, msPerToken, failureShare = like.failures.mean, hasCache = like.hasCache } = assumption
  return {
    ...like,
    provider: id,
    isAssumed: true,
    ttft: steady(like.ttft, ttftMs === undefined ? like.ttft.mean : Math.log(ttftMs)),
    msPerToken: steady(like.msPerToken, msPerToken === undefined ? like.msPerToken.mean : Math.log(msPerToken)),
    failures: steady(like.failures, failureShare),
    downShare: 0,
    toldLimits: {},
    guessedLimits: OPEN,
    mostRequests: Number.POSITIVE_INFINITY,
    asked: [],
    letInAt: [],
    hasCache,
  }
}

const OPEN = {
  requests: Number.POSITIVE_INFINITY,
  input: Number.POSITIVE_INFINITY,
  output: Number.POSITIVE_INFINITY,
}

/** The same at every time. */
const steady = (like: LocalLevel, level: number): LocalLevel => ({
  ...like,
  mean: level,
  drift: 0,
  at: () => ({ level, support: 1 }),
})
