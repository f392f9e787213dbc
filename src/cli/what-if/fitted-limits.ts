/**
 * The limits of a provider as far as its configuration and the log tell them, kept by the books of the virtual engine.
 */
import type { ProviderPolicy } from '#domain/policy.ts'
import type { ProviderFit } from '#domain/what-if/provider-fit.ts'
import type { Exchange } from '#infra/simulator/virtual/exchange.ts'
import { type LimitKeeper, makeLimits } from '#infra/simulator/virtual/true-limits.ts'

/** The most certain word counts: the operator's, then that of headers, then what refusals suggest. */
export const keeperOf = (
  policy: ProviderPolicy,
  fit: ProviderFit | undefined,
  startsAt: number,
  error: number,
): LimitKeeper => {
  const { limits: told } = policy
  const size = (configured: number | undefined, name: 'requests' | 'input' | 'output'): number | undefined => {
    const known = configured ?? fit?.toldLimits[name]
    // Others may use the same account, so it may let through less than it is told to; never more.
    if (known !== undefined) return Math.max(1, Math.round(known * Math.exp(-OTHERS_ERROR * Math.abs(error))))
    const guessed = fit?.guessedLimits[name] ?? Number.POSITIVE_INFINITY
    return Number.isFinite(guessed) ? Math.max(1, Math.round(guessed * Math.exp(GUESS_ERROR * error))) : undefined
  }
  const [requests, input, output] = [
    size(told?.requestsPerMinute, 'requests'),
    size(told?.inputTokensPerMinute, 'input'),
    size(told?.outputTokensPerMinute, 'output'),
  ]
  return makeLimits(
    {
      ...(requests === undefined ? {} : { requestsPerMinute: requests }),
      ...(input === undefined ? {} : { inputTokensPerMinute: input }),
      ...(output === undefined ? {} : { outputTokensPerMinute: output }),
      ...(told?.maxConcurrent === undefined ? {} : { maxConcurrent: told.maxConcurrent }),
      window: told?.window ?? 'bucket',
      countsCachedInput: told?.countsCachedInput === true,
      othersShare: 0,
    },
    startsAt,
  )
}
const GUESS_ERROR = 0.3
const OTHERS_ERROR = 0.2

/** Headers speak in this world too where they did in the log. */
export const readings = (
  policy: ProviderPolicy,
  fit: ProviderFit | undefined,
  keeper: LimitKeeper,
  at: number,
): Exchange['limits'] =>
  policy.limits?.inputTokensPerMinute === undefined && Object.keys(fit?.toldLimits ?? {}).length > 0
    ? keeper.readings(at)
    : []
