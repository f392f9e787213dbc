/**
 * Holds what-if estimates against worlds whose truth is known.
 */
import { backtestsOf, loggedOf, whatIfBeside } from '#cli/what-if/estimate.ts'
import { MEASURES } from '#domain/what-if/compare.ts'
import { figuresOf, observedOutcomes } from '#domain/what-if/outcome.ts'
import { trafficOf } from '#domain/what-if/traffic.ts'
import { policyFor } from '#infra/simulator/virtual/operator.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { logOfWorld } from './log-of-world.ts'
import { questionsOf } from './questions.ts'

export interface WorldJob {
  readonly seed: number
  readonly hours: number
  readonly explorationShare: number
}

export interface Judged {
  readonly question: string
  readonly measure: string
  readonly isKnown: boolean
  readonly truth: number
  readonly low: number
  readonly high: number
}

export const judgeWorld = ({ seed, hours, explorationShare }: WorldJob): readonly Judged[] => {
  const world = makeWorld(seed, { hours })
  const logged = loggedOf(logOfWorld(world, 'intelligent', { explorationShare }))
  const before = figuresOf(observedOutcomes(logged.calls))
  const present = policyFor(world, 'intelligent', { explorationShare })
  const backtests = backtestsOf(logged, present, seed)
  return questionsOf(world, logged.calls, explorationShare).flatMap(({ name, wanted, otherwise }) => {
    const { comparison: found } = whatIfBeside(backtests, logged, { wanted, seed, worlds: 4 })
    const { routing } = wanted.policy
    const after = figuresOf(observedOutcomes(trafficOf(logOfWorld(otherwise, routing.strategy, routing))))
    const judged = MEASURES.map((measure) => ({
      ...{ question: name, measure, truth: after[measure] - before[measure] },
      ...givenBy(found.findings[measure]),
    }))
    const shares = [...found.shareBy].map(([id, finding]) => ({
      ...{ question: name, measure: 'share', truth: (after.shareBy.get(id) ?? 0) - (before.shareBy.get(id) ?? 0) },
      ...givenBy(finding),
    }))
    return [...judged, ...shares]
  })
}

type Finding = ReturnType<typeof whatIfBeside>['comparison']['findings']['costUsd']

const givenBy = (finding: Finding): Pick<Judged, 'isKnown' | 'low' | 'high'> =>
  finding._tag === 'Known'
    ? { isKnown: true, low: finding.difference.low, high: finding.difference.high }
    : { isKnown: false, low: Number.NaN, high: Number.NaN }
