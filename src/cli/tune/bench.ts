/**
 * Where weights are tried on one half of a log. Every try meets the same luck and the same errors of the fit as the policy in force does,
 * so that what differs is the policy; a second play with others tells more, and is only made where it matters.
 */
import type { Policy } from '#domain/policy.ts'
import { meanFigures } from '#domain/what-if/drawn-figures.ts'
import { meets, type Objective, objectiveValue } from '#domain/what-if/objective.ts'
import { type Figures, figuresOf, type Outcome } from '#domain/what-if/outcome.ts'
import { nameOfWeights, type Weights } from '#domain/what-if/simplex.ts'
import { isSupported } from '#domain/what-if/verdict.ts'
import type { Half } from './halves.ts'

export interface Setting {
  readonly weights: Weights
  readonly limitThreshold: number
}

export const nameOfSetting = ({ weights, limitThreshold }: Setting): string =>
  `${nameOfWeights(weights)} ${limitThreshold}`

export const withSetting = (policy: Policy, { weights, limitThreshold }: Setting): Policy => ({
  ...policy,
  routing: { ...policy.routing, strategy: 'intelligent', weights, limitThreshold },
})

export interface Trial {
  readonly setting: Setting
  /** The objective as a share of what it is under the policy in force; less is better. */
  readonly value: number
  readonly figures: Figures
  readonly isAllowed: boolean
  readonly plays: number
}

export interface Bench {
  /** Plays it until it was played so often. */
  readonly tryOut: (setting: Setting, plays: number) => Trial
  /** All that were tried, by `nameOfSetting`. */
  readonly trials: () => ReadonlyMap<string, Trial>
}

/** @param seed of the first play; the next ones follow it */
export const makeBench = (half: Half, policy: Policy, objective: Objective, seed: number): Bench => {
  const played = new Map<string, readonly (readonly Outcome[])[]>()
  const trials = new Map<string, Trial>()
  const playedSoOften = (name: string, other: Policy, plays: number): readonly (readonly Outcome[])[] => {
    const before = played.get(name) ?? []
    const more = Array.from({ length: Math.max(0, plays - before.length) }, (_, n) =>
      half(other, { seed: seed + before.length + n, errorSeed: seed + before.length + n }),
    )
    const all = [...before, ...more]
    played.set(name, all)
    return all
  }
  return {
    trials: () => trials,
    tryOut: (setting, plays) => {
      const name = nameOfSetting(setting)
      const outcomes = playedSoOften(name, withSetting(policy, setting), plays)
      const present = playedSoOften(IN_FORCE, policy, outcomes.length).slice(0, outcomes.length)
      const figures = meanFigures(outcomes.map(figuresOf))
      const isAllowed =
        isSupported(outcomes.flat(), present.flat()) &&
        objective.constraints.every((constraint) => meets(constraint, figures))
      const value = objectiveValue(objective, figures, meanFigures(present.map(figuresOf)))
      const trial = { setting, value, figures, isAllowed, plays: outcomes.length }
      trials.set(name, trial)
      return trial
    },
  }
}
const IN_FORCE = 'in force'
