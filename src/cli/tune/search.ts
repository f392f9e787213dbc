/**
 * Looks for better weights by cross-validation over two halves of the log's time. Each half searches by itself, from a few weights over
 * all of them to what is near the best, and what it finds is judged by the other half. What is proposed is what is best by both. Where
 * the halves have found things that differ, and gain all the same, what is proposed is judged itself, more strictly.
 */
import type { Logged } from '#cli/what-if/play-log.ts'
import type { Policy } from '#domain/policy.ts'
import { meanFigures } from '#domain/what-if/drawn-figures.ts'
import type { Objective } from '#domain/what-if/objective.ts'
import { type Figures, figuresOf } from '#domain/what-if/outcome.ts'
import { gridOf, neighboursOf, normalised, type Weights } from '#domain/what-if/simplex.ts'
import { decide, judge, type Verdict } from '#domain/what-if/verdict.ts'
import { type Bench, makeBench, nameOfSetting, type Setting, type Trial, withSetting } from './bench.ts'
import { halvesOf, joined } from './halves.ts'

export interface Candidate extends Setting {
  /** By both halves; 1 is what the policy in force comes to, less is better. */
  readonly value: number
  readonly figures: Figures
  readonly isAllowed: boolean
  /** What was not among the best was played once, and its value is less sure. */
  readonly isTriedOnce: boolean
}

export interface Found {
  readonly present: Weights
  /** Ordered, the best first. */
  readonly candidates: readonly Candidate[]
  readonly best: Candidate
  readonly verdict: Verdict
  /** Each half by what the other half has found, or all calls by what is proposed. */
  readonly judgedBy: 'other half' | 'itself'
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
/** Each factor alone, half of two; all alike is added. */
const START_PARTS = 2
const ALL_ALIKE: Weights = { headroom: 0.25, performance: 0.25, cost: 0.25, reliability: 0.25 }
/** So many of them are played with other luck too. */
const START_KEPT = 4
const STEP = 0.25
const THRESHOLDS = [0.6, 0.7, 0.9, 0.95] as const
/** One play tells a gain to within two percentage points, which is as much as the best weights differ by (docs/adr/0021). */
const PLAYS = 2
/** So many of what a half likes best it plays so often, for its choice is what the other half judges. */
const KEPT = 4
const LAST_PLAYS = 6
/** At so many of these the other half looks too. */
const FINALISTS = 3
/** To judge by: each has errors and luck of its own. */
const WORLDS = 8
/** For the progress bar. */
const EXPECTED_PLAYS =
  2 * (11 + START_KEPT + 6 * PLAYS + LAST_PLAYS + KEPT * (LAST_PLAYS - PLAYS) + FINALISTS * LAST_PLAYS + 2 * WORLDS)

export const searchWeights = (logged: Logged, options: SearchOptions): Found => {
  const { policy, objective, seed, progress = () => undefined } = options
  let plays = 0
  const [first, second] = halvesOf(logged, () => {
    plays += 1
    progress(Math.min(1, plays / EXPECTED_PLAYS))
  })
  // Other luck and other errors in each: what is best by both is then best in more worlds.
  const benches = [
    makeBench(first, policy, objective, seed),
    makeBench(second, policy, objective, seed + LAST_PLAYS),
  ] as const
  const [byFirst, bySecond] = [searchOn(benches[0], options), searchOn(benches[1], options)]
  const finalists = [...byFirst.slice(0, FINALISTS), ...bySecond.slice(0, FINALISTS)].map(({ setting }) => setting)
  for (const bench of benches) for (const setting of finalists) bench.tryOut(setting, LAST_PLAYS)
  const [best, ...rest] = candidatesOf(benches, new Set(finalists.map(nameOfSetting)))

  const worlds = Array.from({ length: WORLDS }, (_, world) => seed + 2 * LAST_PLAYS + world)
  const judged = (forFirst: Policy, forSecond: Policy) =>
    worlds.map((luck) =>
      joined(first(forFirst, { seed: luck, errorSeed: luck }), second(forSecond, { seed: luck, errorSeed: luck })),
    )
  const before = judged(policy, policy)
  const judgement = { present: before, objective, seed }
  const crossed = judged(withSetting(policy, bySecond[0].setting), withSetting(policy, byFirst[0].setting))
  const judgedOn = (judgedBy: Found['judgedBy'], after: ReturnType<typeof judged>) => ({
    ...{ judgedBy, after },
    verdict: judge({ ...judgement, wanted: after, isOwnChoice: judgedBy === 'itself' }),
  })
  const byOther = judgedOn('other half', crossed)
  const decision = !best.isAllowed
    ? { ...byOther, verdict: { _tag: 'Refused', gain: null, why: NONE_ALLOWED } as const }
    : decide(byOther, () => judgedOn('itself', judged(withSetting(policy, best), withSetting(policy, best))))
  progress(1)
  return {
    present: normalised(policy.routing.weights),
    candidates: [best, ...rest],
    best,
    verdict: decision.verdict,
    judgedBy: decision.judgedBy,
    judgedBefore: meanFigures(before.map(figuresOf)),
    judgedAfter: meanFigures(decision.after.map(figuresOf)),
    judgedCalls: before[0]?.length ?? 0,
  }
}

/** The best first, each played as often as the others. */
const searchOn = (bench: Bench, { policy, tunesThreshold }: SearchOptions): readonly [Trial, ...Trial[]] => {
  const { limitThreshold } = policy.routing
  const at = (weights: Weights): Setting => ({ weights, limitThreshold })
  const start = [...gridOf(START_PARTS), ALL_ALIKE].map((weights) => bench.tryOut(at(weights), 1))
  for (const { setting } of start.toSorted(betterFirst).slice(0, START_KEPT)) bench.tryOut(setting, PLAYS)
  const ranked = (leastPlays = PLAYS): readonly [Trial, ...Trial[]] => {
    const [best, ...rest] = [...bench.trials().values()].filter((one) => one.plays >= leastPlays).toSorted(betterFirst)
    if (best === undefined) throw new Error('nothing was tried')
    return [best, ...rest]
  }
  for (const weights of neighboursOf(ranked()[0].setting.weights, STEP)) bench.tryOut(at(weights), PLAYS)
  if (tunesThreshold) {
    const { weights } = ranked()[0].setting
    for (const other of THRESHOLDS) bench.tryOut({ weights, limitThreshold: other }, PLAYS)
  }
  for (const { setting } of ranked().slice(0, KEPT)) bench.tryOut(setting, LAST_PLAYS)
  return ranked(LAST_PLAYS)
}

const betterFirst = (
  a: { readonly isAllowed: boolean; readonly value: number },
  b: { readonly isAllowed: boolean; readonly value: number },
): number => Number(b.isAllowed) - Number(a.isAllowed) || a.value - b.value

/** What both halves have tried: the finalists first, which were played most. */
const candidatesOf = (
  [first, second]: readonly [Bench, Bench],
  finalists: ReadonlySet<string>,
): readonly [Candidate, ...Candidate[]] => {
  const both = [...first.trials()].flatMap(([name, one]): readonly (Candidate & { readonly isFinalist: boolean })[] => {
    const other = second.trials().get(name)
    if (other === undefined) return []
    return [
      {
        ...one.setting,
        value: (one.value + other.value) / 2,
        figures: meanFigures([one.figures, other.figures]),
        isAllowed: one.isAllowed && other.isAllowed,
        isTriedOnce: Math.min(one.plays, other.plays) < PLAYS,
        isFinalist: finalists.has(name),
      },
    ]
  })
  const [best, ...rest] = both
    .toSorted((a, b) => Number(b.isFinalist) - Number(a.isFinalist) || betterFirst(a, b))
    .map(({ isFinalist, ...candidate }): Candidate => candidate)
  if (best === undefined) throw new Error('the halves have tried nothing in common')
  return [best, ...rest]
}
