/**
 * What the operator wants of the weights, in a line: `cost subject to success>=0.999, p95ttft<=3000`, or a sum of several,
 * `0.7*cost + 0.3*p95ttft`. Less is better; the parts of a sum are counted as multiples of what they are at present.
 */
import type { Figures } from '#domain/what-if/outcome.ts'

/** `cost`: USD per 1,000 calls served. `failures`, `success`, `switches`: shares. `refusals`: 429s. Times in ms. */
export const GOALS = ['cost', 'failures', 'refusals', 'p50ttft', 'p95ttft', 'switches'] as const
type Goal = (typeof GOALS)[number]
const BOUNDED = ['success', ...GOALS] as const
type Bounded = (typeof BOUNDED)[number]

export interface Constraint {
  readonly measure: Bounded
  readonly isLeast: boolean
  readonly bound: number
}

export interface Objective {
  readonly parts: readonly { readonly goal: Goal; readonly weight: number }[]
  readonly constraints: readonly Constraint[]
}

const isGoal = (text: string): text is Goal => (GOALS as readonly string[]).includes(text)
const isBounded = (text: string): text is Bounded => (BOUNDED as readonly string[]).includes(text)

/** @throws Error with a message for the user */
export const parseObjective = (text: string): Objective => {
  const [wanted = '', bounds, ...more] = text.split(/\bsubject\s+to\b/)
  if (more.length > 0) throw new Error('"subject to" may come once.')
  const parts = wanted.split('+').map((part) => {
    const match = /^\s*(?:(\d+(?:\.\d+)?)\s*\*\s*)?([a-z0-9]+)\s*$/.exec(part)
    const goal = match?.[2]
    if (match === null || goal === undefined || !isGoal(goal))
      throw new Error(`"${part.trim()}" is not a goal. Use ${GOALS.join(', ')}, or a sum like 0.7*cost + 0.3*p95ttft.`)
    return { goal, weight: match[1] === undefined ? 1 : Number(match[1]) }
  })
  const constraints = (bounds ?? '')
    .split(',')
    .filter((part) => bounds !== undefined || part.trim() !== '')
    .map((part): Constraint => {
      const match = /^\s*([a-z0-9]+)\s*(>=|<=)\s*(\d+(?:\.\d+)?)\s*$/.exec(part)
      const measure = match?.[1]
      if (match === null || measure === undefined || !isBounded(measure))
        throw new Error(`"${part.trim()}" is not a bound. Use for example success>=0.999, or p95ttft<=3000.`)
      return { measure, isLeast: match[2] === '>=', bound: Number(match[3]) }
    })
  return { parts, constraints }
}

export const measureOf = (figures: Figures, measure: Bounded): number => {
  switch (measure) {
    case 'cost':
      return (1_000 * figures.costUsd) / Math.max(1, figures.calls * figures.successShare)
    case 'success':
      return figures.successShare
    case 'failures':
      return 1 - figures.successShare
    case 'refusals':
      return figures.limited
    case 'p50ttft':
      return figures.ttftP50Ms
    case 'p95ttft':
      return figures.ttftP95Ms
    case 'switches':
      return figures.switchShare
  }
}

/** Relative to `present`, whose own value is the sum of the weights: less is better. Weights only count by their proportions. */
export const objectiveValue = ({ parts }: Objective, figures: Figures, present: Figures): number => {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0)
  return parts.reduce((sum, { goal, weight }) => {
    const start = measureOf(present, goal)
    const ratio = start === 0 ? 1 + measureOf(figures, goal) : measureOf(figures, goal) / start
    return sum + (weight / total) * ratio
  }, 0)
}

export const meets = ({ measure, isLeast, bound }: Constraint, figures: Figures): boolean =>
  isLeast ? measureOf(figures, measure) >= bound : measureOf(figures, measure) <= bound
