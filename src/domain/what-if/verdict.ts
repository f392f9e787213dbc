/**
 * Whether other weights are to be recommended: only where what they gain, judged on calls that they were not chosen by, is larger than
 * chance and the model's errors, and where they keep the operator's bounds.
 */
import { type Interval, intervalOf, resample, seeded } from '#domain/what-if/intervals.ts'
import { type Constraint, meets, type Objective, objectiveValue } from '#domain/what-if/objective.ts'
import { type Figures, figuresOf, type Outcome } from '#domain/what-if/outcome.ts'

export type Verdict =
  | { readonly _tag: 'Recommended'; readonly gain: Interval }
  | { readonly _tag: 'Refused'; readonly gain: Interval | null; readonly why: string }

/** The same worlds under the weights in force and under the others, on the calls to judge by. */
export interface Judgement {
  readonly present: readonly (readonly Outcome[])[]
  readonly wanted: readonly (readonly Outcome[])[]
  readonly objective: Objective
  readonly seed: number
}

const DRAWS = 400
const LEAST_CALLS = 60
const LEAST_SESSIONS = 5
/** More than this share of the calls at providers of which too little is known, and a figure would be a guess. */
export const MOST_UNSUPPORTED = 0.05
/** Less is not worth a change, and within what two runs of one world differ by. */
const LEAST_GAIN = 0.01

export const unsupportedShare = (outcomes: readonly Outcome[]): number =>
  outcomes.filter(({ unsupported }) => unsupported > 0).length / Math.max(1, outcomes.length)

/** `gain`: share by which the objective's value falls. */
export const judge = ({ present, wanted, objective, seed }: Judgement): Verdict => {
  const [first = []] = present
  const sessions = Map.groupBy(first.keys(), (index) => first[index]?.session ?? '')
    .values()
    .toArray()
  const refused = (why: string, gain: Interval | null = null): Verdict => ({ _tag: 'Refused', gain, why })
  if (first.length < LEAST_CALLS)
    return refused(`${first.length} calls to judge by are too few (at least ${LEAST_CALLS}).`)
  if (sessions.length < LEAST_SESSIONS)
    return refused(`${sessions.length} sessions to judge by are too few (at least ${LEAST_SESSIONS}).`)
  if (unsupportedShare(wanted.flat()) > MOST_UNSUPPORTED)
    return refused(
      'The better weights lead to providers that were hardly ever asked; switch on routing.exploration for a while.',
    )

  const chance = seeded(seed)
  const gains: number[] = []
  const drawn: Figures[] = []
  for (let n = 0; n < DRAWS; n++) {
    const world = Math.floor(chance() * wanted.length)
    const chosen = resample(sessions.length, chance).flatMap((session) => sessions[session] ?? [])
    const figures = (of: readonly (readonly Outcome[])[]) =>
      figuresOf(chosen.flatMap((index) => of[world]?.[index] ?? []))
    const [a, b] = [figures(present), figures(wanted)]
    gains.push(1 - objectiveValue(objective, b, a))
    drawn.push(b)
  }
  const overall = present.map(
    (one, world) => 1 - objectiveValue(objective, figuresOf(wanted[world] ?? []), figuresOf(one)),
  )
  const estimate = overall.reduce((sum, value) => sum + value, 0) / Math.max(1, overall.length)
  const gain = intervalOf(estimate, gains, 0)
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

/** In 95 % of the draws. */
const surely = (constraint: Constraint, drawn: readonly Figures[]): boolean =>
  drawn.filter((figures) => meets(constraint, figures)).length >= 0.95 * drawn.length
