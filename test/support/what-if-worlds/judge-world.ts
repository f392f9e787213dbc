/**
 * Holds what-if estimates against worlds whose truth is known.
 */
import { loggedOf, whatIf } from '#cli/what-if/estimate.ts'
import type { Policy } from '#domain/policy.ts'
import { MEASURES } from '#domain/what-if/compare.ts'
import { figuresOf, observedOutcomes } from '#domain/what-if/outcome.ts'
import { trafficOf } from '#domain/what-if/traffic.ts'
import { policyFor } from '#infra/simulator/virtual/operator.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { logOfWorld } from './log-of-world.ts'

export interface WorldJob {
  readonly seed: number
  readonly hours: number
  readonly explorationShare: number
}

export interface Judged {
  readonly policy: string
  readonly measure: string
  readonly isKnown: boolean
  readonly truth: number
  readonly low: number
  readonly high: number
}

type Routing = Partial<Policy['routing']> & Pick<Policy['routing'], 'strategy'>

const ASKED: readonly (readonly [name: string, routing: Routing])[] = [
  ['strategy=cost', { strategy: 'cost' }],
  ['strategy=performance', { strategy: 'performance' }],
  [
    'weights of cost',
    { strategy: 'intelligent', weights: { headroom: 0.2, performance: 0.1, cost: 0.6, reliability: 0.1 } },
  ],
]

export const judgeWorld = ({ seed, hours, explorationShare }: WorldJob): readonly Judged[] => {
  const world = makeWorld(seed, { hours })
  const logged = loggedOf(logOfWorld(world, 'intelligent', { explorationShare }))
  const before = figuresOf(observedOutcomes(logged.calls))
  const present = policyFor(world, 'intelligent', { explorationShare })
  return ASKED.flatMap(([name, routing]) => {
    const wanted = policyFor(world, routing.strategy, { explorationShare: 0, ...routing })
    const { comparison: found } = whatIf(logged, { present, wanted, seed, worlds: 4 })
    const after = figuresOf(observedOutcomes(trafficOf(logOfWorld(world, routing.strategy, wanted.routing))))
    const judged = MEASURES.map((measure) => {
      const finding = found.findings[measure]
      const truth = after[measure] - before[measure]
      const interval = finding._tag === 'Known' ? finding.difference : { low: Number.NaN, high: Number.NaN }
      return { policy: name, measure, isKnown: finding._tag === 'Known', truth, low: interval.low, high: interval.high }
    })
    const shares = [...found.shareBy].map(([id, finding]) => {
      const truth = (after.shareBy.get(id) ?? 0) - (before.shareBy.get(id) ?? 0)
      const interval = finding._tag === 'Known' ? finding.difference : { low: Number.NaN, high: Number.NaN }
      return {
        policy: name,
        measure: 'share',
        isKnown: finding._tag === 'Known',
        truth,
        low: interval.low,
        high: interval.high,
      }
    })
    return [...judged, ...shares]
  })
}
