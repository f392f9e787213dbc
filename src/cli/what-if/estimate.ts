/**
 * The answer to "what if": the log's calls under another policy, in several worlds that the log does not tell apart, against what
 * was observed.
 */
import type { Policy } from '#domain/policy.ts'
import { type Assumption, assumedFit } from '#domain/what-if/assumed-fit.ts'
import { changedRoutes } from '#domain/what-if/changed-routes.ts'
import { type Comparison, compare } from '#domain/what-if/compare.ts'
import { type OffPolicy, offPolicy } from '#domain/what-if/off-policy.ts'
import { figuresOf, type Outcome, observedOutcomes } from '#domain/what-if/outcome.ts'
import { fitProviders } from '#domain/what-if/provider-fit.ts'
import { type Happened, type LoggedCall, trafficOf } from '#domain/what-if/traffic.ts'
import { sizesOf } from '#domain/what-if/usage-shape.ts'
import { type Logged, playLog } from './play-log.ts'
import type { Wanted } from './wanted-policy.ts'

export const loggedOf = (events: Iterable<Happened>): Logged => {
  const calls = trafficOf(events)
  const sizes = sizesOf(calls)
  return { calls, sizes, fits: fitProviders(calls, sizes) }
}

export interface Asked {
  /** The policy that made the log. */
  readonly present: Policy
  readonly wanted: Wanted
  readonly seed: number
  /** More of them make the intervals steadier, and take as much longer. */
  readonly worlds: number
}

/** All that one question leads to. */
export interface Sight {
  readonly calls: readonly LoggedCall[]
  readonly assumptions: readonly Assumption[]
  readonly comparison: Comparison
  readonly changed: ReturnType<typeof changedRoutes>
  /** Of the money, by recorded propensities; null where nothing was explored. */
  readonly firstChoices: OffPolicy | null
}

const BACKTESTS = 2
const SHOWN = 10

/** @throws Error with a message for the user, where an added provider is to be like one that was never asked */
export const whatIf = (logged: Logged, asked: Asked): Sight =>
  whatIfBeside(backtestsOf(logged, asked.present, asked.seed), logged, asked)

/** Several questions about one log have the same backtests. */
export const whatIfBeside = (
  backtests: readonly (readonly Outcome[])[],
  logged: Logged,
  { wanted, seed, worlds }: Omit<Asked, 'present'>,
): Sight => {
  const { calls } = logged
  const { policy, added, otherLimits } = wanted
  const before = observedOutcomes(calls)
  const other = { ...logged, fits: withAssumed(logged.fits, added) }
  const after = Array.from({ length: worlds }, (_, world) =>
    playLog(other, policy, { seed: seed + world, errorSeed: seed + world, usesObserved: true, otherLimits }),
  )
  const [first = []] = after
  return {
    calls,
    assumptions: added,
    comparison: compare({
      before,
      worlds: after,
      backtests,
      limitsUnknown: limitsUnknown(other, policy, before, after),
      seed,
    }),
    changed: changedRoutes(before, first, SHOWN),
    firstChoices: firstChoicesOf(calls, { before, after: first, backtest: backtests[0] ?? [] }),
  }
}

/** The policy that made the log, with nothing taken from the log. */
export const backtestsOf = (logged: Logged, present: Policy, seed: number): readonly (readonly Outcome[])[] =>
  Array.from({ length: BACKTESTS }, (_, world) =>
    playLog(logged, present, { seed: seed - world, errorSeed: seed - world, usesObserved: false }),
  )

const withAssumed = (fits: Logged['fits'], added: readonly Assumption[]): Logged['fits'] => {
  const all = new Map(fits)
  for (const assumption of added) {
    const like = fits.get(assumption.like)
    if (like === undefined)
      throw new Error(`Nothing can be like ${assumption.like}, which was never asked in this log.`)
    all.set(assumption.id, assumedFit(like, assumption))
  }
  return all
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
