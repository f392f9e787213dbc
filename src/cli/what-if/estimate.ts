/**
 * The answer to "what if": the log's calls under another policy, in several worlds that the log does not tell apart, against what
 * was observed.
 */
import type { Policy } from '#domain/policy.ts'
import { changedRoutes } from '#domain/what-if/changed-routes.ts'
import { type Comparison, compare } from '#domain/what-if/compare.ts'
import { type OffPolicy, offPolicy } from '#domain/what-if/off-policy.ts'
import { figuresOf, type Outcome, observedOutcomes } from '#domain/what-if/outcome.ts'
import { fitProviders } from '#domain/what-if/provider-fit.ts'
import { type Happened, type LoggedCall, trafficOf } from '#domain/what-if/traffic.ts'
import { sizesOf } from '#domain/what-if/usage-shape.ts'
import { type Logged, playLog } from './play-log.ts'

export const loggedOf = (events: Iterable<Happened>): Logged => {
  const calls = trafficOf(events)
  const sizes = sizesOf(calls)
  return { calls, sizes, fits: fitProviders(calls, sizes) }
}

export interface Asked {
  /** The policy that made the log. */
  readonly present: Policy
  readonly wanted: Policy
  readonly seed: number
  /** More of them make the intervals steadier, and take as much longer. */
  readonly worlds: number
}

/** All that one question leads to. */
export interface Sight {
  readonly calls: readonly LoggedCall[]
  readonly comparison: Comparison
  readonly changed: ReturnType<typeof changedRoutes>
  /** Of the money, by recorded propensities; null where nothing was explored. */
  readonly firstChoices: OffPolicy | null
}

const BACKTESTS = 2
const SHOWN = 10

export const whatIf = (logged: Logged, { present, wanted, seed, worlds }: Asked): Sight => {
  const { calls } = logged
  const before = observedOutcomes(calls)
  const after = Array.from({ length: worlds }, (_, world) =>
    playLog(logged, wanted, { seed: seed + world, errorSeed: seed + world, usesObserved: true }),
  )
  const backtests = Array.from({ length: BACKTESTS }, (_, world) =>
    playLog(logged, present, { seed: seed - world, errorSeed: seed - world, usesObserved: false }),
  )
  const [first = []] = after
  const limits = limitsUnknown(logged, wanted, before, after)
  return {
    calls,
    comparison: compare({ before, worlds: after, backtests, limitsUnknown: limits, seed }),
    changed: changedRoutes(before, first, SHOWN),
    firstChoices: firstChoicesOf(calls, { before, after: first, backtest: backtests[0] ?? [] }),
  }
}

/** The model's word for what was observed is its backtest, for the other policy its first world. */
const firstChoicesOf = (
  calls: readonly LoggedCall[],
  { before, after, backtest }: { readonly [K in 'before' | 'after' | 'backtest']: readonly Outcome[] },
): OffPolicy | null => {
  if (calls.every(({ requests: [{ propensity }] }) => propensity >= 1)) return null
  return offPolicy(
    before.flatMap((one, index) => {
      const [here, there, request] = [backtest[index], after[index], calls[index]?.requests[0]]
      if (here === undefined || there === undefined || request === undefined) return []
      return [
        {
          value: one.costNanoUsd,
          propensity: request.propensity,
          isSame: one.firstChoice === there.firstChoice,
          modelledHere: here.costNanoUsd,
          modelledThere: there.costNanoUsd,
        },
      ]
    }),
  )
}

/** Where a provider would get more than ever, and nothing tells of its limits. */
const limitsUnknown = (
  { fits }: Logged,
  { providers }: Policy,
  before: readonly Outcome[],
  worlds: readonly (readonly Outcome[])[],
): string | undefined => {
  const sharesBefore = figuresOf(before).shareBy
  const sharesAfter = figuresOf(worlds.flat()).shareBy
  const dark = providers.filter(({ id, limits }) => {
    const fit = fits.get(id)
    const isTold =
      limits?.inputTokensPerMinute !== undefined ||
      limits?.requestsPerMinute !== undefined ||
      Object.keys(fit?.toldLimits ?? {}).length > 0
    return !isTold && (sharesAfter.get(id) ?? 0) > MORE_BY * (sharesBefore.get(id) ?? 0) + MORE_SHARE
  })
  if (dark.length === 0) return undefined
  return `nothing tells the limits of ${dark.map(({ id }) => id).join(', ')}, which would be asked more than ever`
}
const MORE_BY = 1.1
const MORE_SHARE = 0.02
