/**
 * Whether other weights are to be recommended: only where what they gain, judged on calls that they were not chosen by, is larger than
 * chance and the model's errors, and where they keep the operator's bounds. Judged on the very calls that they were chosen by, the gain
 * must be so large that none of the finalists would show it by chance.
 */
import { drawnFigures, meanFigures, type Sessions, sessionsOf } from '#domain/what-if/drawn-figures.ts'
import { drawnTimes, type Interval, intervalOf, seeded, varianceOf, widened } from '#domain/what-if/intervals.ts'
import { type Constraint, meets, type Objective, objectiveValue } from '#domain/what-if/objective.ts'
import type { Figures, Outcome } from '#domain/what-if/outcome.ts'

export type Verdict =
  | { readonly _tag: 'Recommended'; readonly gain: Interval }
  | { readonly _tag: 'Refused'; readonly gain: Interval | null; readonly why: string }

/** The same worlds under the weights in force and under the others, on the calls to judge by. */
export interface Judgement {
  readonly present: readonly (readonly Outcome[])[]
  readonly wanted: readonly (readonly Outcome[])[]
  readonly objective: Objective
  readonly seed: number
  /** The other weights were chosen by these calls. */
  readonly isOwnChoice?: boolean
}

/**
 * So much wider is an interval that holds for all of six at once, which is how many finalists tune chooses from: 2.64 standard
 * deviations instead of 1.96 (Bonferroni: a twentieth of a sixth on both sides together).
 */
const OF_SIX = 2.64 / 1.96

const DRAWS = 400
const LEAST_CALLS = 60
const LEAST_SESSIONS = 5
/** So much larger a share of the calls at providers of which too little is known, and the difference would be a guess. */
const MOST_UNSUPPORTED = 0.05
/** Less is not worth a change, and within what two runs of one world differ by. */
export const LEAST_GAIN = 0.01

const unsupportedShare = (outcomes: readonly Outcome[]): number =>
  outcomes.filter(({ unsupported }) => unsupported > 0).length / Math.max(1, outcomes.length)

/** It sends hardly more calls than the present policy to providers of which too little is known: what both send there cancels. */
export const isSupported = (wanted: readonly Outcome[], present: readonly Outcome[]): boolean =>
  unsupportedShare(wanted) - unsupportedShare(present) <= MOST_UNSUPPORTED

/** `gain`: share by which the objective's value falls. */
export const judge = ({ present, wanted, objective, seed, isOwnChoice = false }: Judgement): Verdict => {
  const [first = []] = present
  const sessions = sessionsOf(first)
  const refused = (why: string, gain: Interval | null = null): Verdict => ({ _tag: 'Refused', gain, why })
  if (first.length < LEAST_CALLS)
    return refused(`${first.length} calls to judge by are too few (at least ${LEAST_CALLS}).`)
  if (sessions.count < LEAST_SESSIONS)
    return refused(`${sessions.count} sessions to judge by are too few (at least ${LEAST_SESSIONS}).`)
  if (!isSupported(wanted.flat(), present.flat()))
    return refused(
      'The better weights lead to providers that were hardly ever asked; switch on routing.exploration for a while.',
    )
  const { gain: single, drawn } = gainOf({ present, wanted, objective, seed }, sessions)
  const gain = isOwnChoice ? widened(single, OF_SIX) : single
  if (gain.low <= 0) return refused('The gain may be chance: its 95 % interval includes zero.', gain)
  if (gain.estimate < LEAST_GAIN) return refused('The gain is below 1 %, which is not worth a change.', gain)
  const broken = objective.constraints.find((constraint) => !surely(constraint, drawn))
  if (broken !== undefined)
    return refused(
      `${broken.measure} ${broken.isLeast ? '>=' : '<='} ${broken.bound} is not met with confidence.`,
      gain,
    )
  return { _tag: 'Recommended', gain }
}

/** A gain, but not surely one. */
const isDoubtful = ({ _tag, gain }: Verdict): boolean =>
  _tag === 'Refused' && gain !== null && gain.low <= 0 && gain.estimate >= LEAST_GAIN

/**
 * Which of two judgements counts. Where the halves of a log have found different weights, what each gains on the other is less than
 * what is proposed for both: a gain that is not sure by it may be so when the proposal is judged itself, by the wider interval.
 * @param ofItself asked only where there is doubt: it takes plays of its own
 */
export const decide = <A extends { readonly verdict: Verdict }>(byOther: A, ofItself: () => A): A => {
  if (!isDoubtful(byOther.verdict)) return byOther
  const itself = ofItself()
  return itself.verdict._tag === 'Recommended' ? itself : byOther
}

/**
 * The gain over the mean of the worlds, its interval from two sources. Sessions are drawn again over that mean. What the worlds differ
 * by has two parts: the luck of a play, which their mean takes away, and the errors of the fit, which it does not. Luck is told by how
 * much more sessions vary in one world than in the mean of all.
 */
const gainOf = (
  { present, wanted, objective, seed }: Judgement,
  sessions: Sessions,
): { readonly gain: Interval; readonly drawn: readonly Figures[] } => {
  const worlds = present.map((before, world) => ({
    before: drawnFigures(before, sessions),
    after: drawnFigures(wanted[world] ?? [], sessions),
  }))
  const gain = (before: Figures, after: Figures): number => 1 - objectiveValue(objective, after, before)
  const measured = (times: ArrayLike<number>) => {
    const befores = worlds.map(({ before }) => before(times))
    const afters = worlds.map(({ after }) => after(times))
    return {
      afters,
      overall: gain(meanFigures(befores), meanFigures(afters)),
      single: befores.map((before, world) => gain(before, afters[world] ?? before)),
    }
  }
  const chance = seeded(seed)
  const draws = Array.from({ length: DRAWS }, () => measured(drawnTimes(sessions.count, chance)))
  const whole = measured(new Uint8Array(sessions.count).fill(1))
  const count = worlds.length
  const ofSessions = draws.map(({ overall }) => overall)
  const ofOneWorld = mean(worlds.map((_, world) => varianceOf(draws.map(({ single }) => single[world] ?? 0))))
  const luck = (Math.max(0, ofOneWorld - varianceOf(ofSessions)) * count) / Math.max(1, count - 1)
  const between = varianceOf(whole.single)
  const errors = Math.max(between / count, between - luck)
  return {
    gain: intervalOf(whole.overall, ofSessions, Math.sqrt(errors)),
    drawn: draws.flatMap(({ afters }) => afters[Math.floor(chance() * count)] ?? []),
  }
}

/** In 95 % of the draws. */
const surely = (constraint: Constraint, drawn: readonly Figures[]): boolean =>
  drawn.filter((figures) => meets(constraint, figures)).length >= 0.95 * drawn.length

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
