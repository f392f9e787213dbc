/**
 * Looks for better weights: a grid, then what is near its best, by a model of half of the log; the best is judged by the other half, with a
 * model of that half.
 */

import { type Logged, playLog } from '#cli/what-if/play-log.ts'
import type { Policy } from '#domain/policy.ts'
import { meets, type Objective, objectiveValue } from '#domain/what-if/objective.ts'
import { type Figures, figuresOf, type Outcome } from '#domain/what-if/outcome.ts'
import { fitProviders, type ProviderFit } from '#domain/what-if/provider-fit.ts'
import { gridOf, nameOfWeights, neighboursOf, normalised, type Weights } from '#domain/what-if/simplex.ts'
import { judge, MOST_UNSUPPORTED, unsupportedShare, type Verdict } from '#domain/what-if/verdict.ts'

export interface Candidate {
  readonly weights: Weights
  readonly limitThreshold: number
  /** On the calls to choose by; 1 is what the weights in force come to, less is better. */
  readonly value: number
  readonly figures: Figures
  readonly isAllowed: boolean
}

export interface Found {
  readonly present: Weights
  /** Ordered, the best first. */
  readonly candidates: readonly Candidate[]
  readonly best: Candidate
  readonly verdict: Verdict
  /** On the calls that the best was not chosen by. */
  readonly judgedBefore: Figures
  readonly judgedAfter: Figures
  readonly judgedCalls: number
}

export interface SearchOptions {
  readonly policy: Policy
  readonly objective: Objective
  readonly seed: number
  readonly tunesThreshold: boolean
  /** Share done, 0 to 1. */
  readonly progress?: (share: number) => void
}

const NONE_ALLOWED =
  'None that was tried keeps the bounds, or all lead to providers that were hardly ever asked. Let more traffic pass, or switch on routing.exploration for a while.'
const BLOCKS = 10
const GRID_PARTS = 4
const STEPS = [0.125] as const
const THRESHOLDS = [0.6, 0.7, 0.9, 0.95] as const
const WORLDS = 5
/** Grid, neighbours, worlds: about so many, for the progress bar. */
const PLAYS = 35 + 12 + 2 * WORLDS

export const searchWeights = (logged: Logged, options: SearchOptions): Found => {
  const { policy, objective, seed, progress = () => undefined } = options
  const isToChooseBy = halves(logged)
  // What half of the log tells is less sure, which its errors say; whether a provider is known at all, the whole log tells.
  const half = (chosen: boolean): Logged => {
    const fits = fitProviders(
      logged.calls.filter(({ key }) => isToChooseBy(key) === chosen),
      logged.sizes,
    )
    const known = ({ provider, observed }: ProviderFit) => logged.fits.get(provider)?.observed ?? observed
    return { ...logged, fits: new Map([...fits].map(([id, fit]) => [id, { ...fit, observed: known(fit) }])) }
  }
  const [toChoose, toJudge] = [half(true), half(false)]
  const only = (outcomes: readonly Outcome[], chosen: boolean) =>
    outcomes.filter(({ key }) => isToChooseBy(key) === chosen)
  let plays = 0
  const play = (by: Logged, weights: Weights, limitThreshold: number, luck: number, withErrors: boolean) => {
    plays += 1
    progress(plays / PLAYS)
    return playLog(by, withWeights(policy, weights, limitThreshold), { seed: luck, withErrors, usesObserved: false })
  }

  const present = normalised(policy.routing.weights)
  const threshold = policy.routing.limitThreshold
  const start = figuresOf(only(playPolicy(toChoose, policy, seed, false), true))
  const tried = new Map<string, Candidate>()
  const tryOut = (weights: Weights, limitThreshold = threshold): void => {
    const name = `${nameOfWeights(weights)} ${limitThreshold}`
    if (tried.has(name)) return
    const outcomes = only(play(toChoose, weights, limitThreshold, seed, false), true)
    const figures = figuresOf(outcomes)
    const isAllowed =
      unsupportedShare(outcomes) <= MOST_UNSUPPORTED &&
      objective.constraints.every((constraint) => meets(constraint, figures))
    tried.set(name, { weights, limitThreshold, value: objectiveValue(objective, figures, start), figures, isAllowed })
  }
  const ranked = (): readonly [Candidate, ...Candidate[]] => {
    const [best, ...rest] = [...tried.values()].toSorted(
      (a, b) => Number(b.isAllowed) - Number(a.isAllowed) || a.value - b.value,
    )
    if (best === undefined) throw new Error('a grid has weights')
    return [best, ...rest]
  }
  for (const weights of gridOf(GRID_PARTS)) tryOut(weights)
  for (const step of STEPS) for (const weights of neighboursOf(ranked()[0].weights, step)) tryOut(weights)
  if (options.tunesThreshold) for (const other of THRESHOLDS) tryOut(ranked()[0].weights, other)

  const [best] = ranked()
  const worlds = Array.from({ length: WORLDS }, (_, world) => seed + 1 + world)
  const before = worlds.map((luck) => only(playPolicy(toJudge, policy, luck, true), false))
  const after = worlds.map((luck) => only(play(toJudge, best.weights, best.limitThreshold, luck, true), false))
  progress(1)
  return {
    present,
    candidates: ranked(),
    best,
    verdict: best.isAllowed
      ? judge({ present: before, wanted: after, objective, seed })
      : { _tag: 'Refused', gain: null, why: NONE_ALLOWED },
    judgedBefore: figuresOf(before.flat()),
    judgedAfter: figuresOf(after.flat()),
    judgedCalls: before[0]?.length ?? 0,
  }
}

const playPolicy = (by: Logged, policy: Policy, luck: number, withErrors: boolean): readonly Outcome[] =>
  playLog(by, policy, { seed: luck, withErrors, usesObserved: false })

export const withWeights = (policy: Policy, weights: Weights, limitThreshold: number): Policy => ({
  ...policy,
  routing: { ...policy.routing, strategy: 'intelligent', weights, limitThreshold },
})

/** Every other tenth of the time: both halves see every hour of the day. */
const halves = ({ calls }: Logged): ((key: number) => boolean) => {
  const first = calls[0]?.requests[0].at ?? 0
  const last = calls.at(-1)?.requests[0].at ?? 0
  const blockMs = (last - first + 1) / BLOCKS
  return (key) => Math.floor(((calls[key]?.requests[0].at ?? first) - first) / blockMs) % 2 === 0
}
