/**
 * What a provider answers where nothing was observed: drawn from its fit, by what it is for, so that two policies meet the same luck.
 */
import type { FailureReason } from '#domain/failure.ts'
import type { Usage } from '#domain/usage.ts'
import type { LocalLevel } from '#domain/what-if/local-level.ts'
import { type ProviderFit, USUAL } from '#domain/what-if/provider-fit.ts'
import { draw } from '#infra/simulator/draws.ts'
import type { Asked, Exchange } from '#infra/simulator/virtual/exchange.ts'
import type { Refused } from '#infra/simulator/virtual/true-limits.ts'
import { answered, failed } from './known-ends.ts'
import type { Sized } from './sized-call.ts'

export interface FittedAnswersOptions {
  /** Of the provider, for its draws. */
  readonly own: number
  /** Undefined: nobody was ever asked. */
  readonly fit: ProviderFit | undefined
  readonly seed: number
  /** By how many standard deviations what is meant is wrong in this world. */
  readonly wrong: (purpose: number, block: number) => number
  /** Tokens of its prompt in the provider's cache, and what it is billed. */
  readonly warm: (sized: Sized, at: number) => number
  readonly usageAt: (sized: Sized, at: number) => Usage
  readonly refusal: (sized: Sized, at: number) => Refused | undefined
}

const PURPOSE = { failure: 1, ttft: 3, pace: 5, level: 7, rate: 9, down: 15 } as const

export const fittedAnswers = (options: FittedAnswersOptions): ((asked: Asked<Sized>) => Exchange) => {
  const { own, fit, seed, wrong, warm, usageAt, refusal } = options
  const rates = fit === undefined ? { alone: 0, down: 0 } : ratesIn(fit, wrong(PURPOSE.rate, 0))
  const level = (of: LocalLevel, at: number, purpose: number): number => {
    const { level: known, support } = of.at(at)
    const unsure = Math.hypot(of.drift * Math.sqrt(1 - support), of.noise / Math.sqrt(1 + of.count))
    return known + unsure * wrong(purpose, Math.floor(at / LEVEL_BLOCK_MS))
  }
  return ({ at, call, issue, without }) => {
    const chance = (purpose: number): number => draw(seed, own, call.call.key, issue, purpose)
    const refused = refusal(call, at)
    if (refused !== undefined) {
      const until = fit?.tellsRetryAfter === true && refused.freesAt !== null ? refused.freesAt : undefined
      const rest = until === undefined ? {} : { until: at + Math.max(1, Math.ceil((until - at) / 1_000)) * 1_000 }
      return failed(at, { _tag: 'RateLimited', status: 429, ...rest }, REFUSED_AFTER_MS)
    }
    const features = fit?.refuses.filter((feature) => !without.includes(feature)) ?? []
    if (features.length > 0 && call.call.requests[0].admitted.tools > 1)
      return failed(at, { _tag: 'FeatureRefused', status: 400, features }, REFUSED_AFTER_MS)
    if (fit === undefined)
      return answered(at, UNKNOWN_TTFT_MS, UNKNOWN_MS_PER_TOKEN * call.size.outputTokens, usageAt(call, at))
    const { level: share, support } = fit.failures.at(at)
    const isDown = draw(seed, own, PURPOSE.down, Math.floor(at / OUTAGE_MS)) < rates.down
    const alone = (1 - support) * (rates.alone - fit.failures.mean)
    if (chance(PURPOSE.failure) < share + alone || (isDown && chance(PURPOSE.down) >= support)) {
      const near = nearest(fit.failed, at)
      const reason: FailureReason = near?.reason ?? { _tag: 'ServerError', status: 500 }
      return failed(at, reason, near?.afterMs ?? REFUSED_AFTER_MS)
    }
    const error = (of: LocalLevel, purpose: number): number =>
      of.errors[Math.floor(chance(purpose) * of.errors.length)] ?? 0
    const ttft =
      Math.exp(level(fit.ttft, at, PURPOSE.level) + error(fit.ttft, PURPOSE.ttft)) +
      fit.msPerFreshToken * Math.max(0, call.size.promptTokens - warm(call, at))
    const pace = Math.exp(level(fit.msPerToken, at, PURPOSE.level + 1) + error(fit.msPerToken, PURPOSE.pace))
    return answered(at, ttft, pace * call.size.outputTokens, usageAt(call, at))
  }
}

const REFUSED_AFTER_MS = 100
const UNKNOWN_TTFT_MS = 2_000
const UNKNOWN_MS_PER_TOKEN = 20

/**
 * Shares of one world: of the time in which it is down, which may be half or twice of what was seen, and of the requests that fail by
 * themselves, of which few were seen (relative errors of counts: the root of one over them).
 */
const ratesIn = (
  { failures, downShare }: ProviderFit,
  wrong: number,
): { readonly alone: number; readonly down: number } => {
  const seen = failures.mean * (failures.count + USUAL.attempts)
  const error = Math.min(1, 1 / Math.sqrt(seen))
  return {
    alone: failures.mean * Math.exp(error * wrong - (wrong === 0 ? 0 : error ** 2 / 2)),
    down: downShare * Math.exp(DOWN_ERROR * wrong),
  }
}
const DOWN_ERROR = 0.4
/** An error of a level lasts for half an hour, as drifts do. */
const LEVEL_BLOCK_MS = 1_800_000
/** Who is down at a time of which nothing is known, is so for as long as outages usually last. */
const OUTAGE_MS = 300_000

const nearest = (failures: ProviderFit['failed'], at: number): ProviderFit['failed'][number] | undefined => {
  let best: ProviderFit['failed'][number] | undefined
  for (const one of failures) if (best === undefined || Math.abs(one.at - at) < Math.abs(best.at - at)) best = one
  return best
}
