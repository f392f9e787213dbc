/**
 * Who takes part in the routing benchmark: Signalbox with each of its strategies, the baselines, the oracle.
 */
import { STRATEGIES } from '#domain/policy.ts'
import { BASELINES } from '#infra/simulator/virtual/baselines.ts'
import { type Contender, nameOf } from '#infra/simulator/virtual/play.ts'

export const ORACLE = 'oracle'

export const CONTENDERS: readonly Contender[] = [
  ...STRATEGIES.map((strategy) => ({ _tag: 'Signalbox' as const, name: strategy, strategy })),
  ...BASELINES.map((baseline) => ({ _tag: 'Baseline' as const, baseline })),
  { _tag: 'Oracle' },
]

export const contenderNamed = (name: string): Contender => {
  const found = CONTENDERS.find((contender) => nameOf(contender) === name)
  if (found === undefined) throw new Error(`nobody is named ${name}: ${CONTENDERS.map(nameOf).join(', ')}`)
  return found
}
