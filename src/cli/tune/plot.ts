/**
 * The weights that were tried, as bars: how the objective's value compares with that of the weights in force.
 */
import { nameOfWeights } from '#domain/what-if/simplex.ts'
import type { Candidate } from './search.ts'

const ROWS = 8
const WIDTH = 30

/** The best first; shorter is better. */
export const plotOf = (candidates: readonly Candidate[]): readonly string[] => {
  const rows = candidates.slice(0, ROWS)
  const most = Math.max(1, ...rows.map(({ value }) => value))
  const names = rows.map(({ weights, ...one }) => `${nameOfWeights(weights)}${remarkOf(one)}`)
  const width = Math.max(...names.map(({ length }) => length))
  return rows.map(({ value }, index) => {
    const full = Math.round((value / most) * WIDTH)
    return `${(names[index] ?? '').padEnd(width)}  ${'█'.repeat(full).padEnd(WIDTH, '░')} ${(100 * value).toFixed(1)} %`
  })
}

/** What keeps its value from counting like that of the best. */
export const remarkOf = ({ isAllowed, isTriedOnce }: Pick<Candidate, 'isAllowed' | 'isTriedOnce'>): string =>
  isAllowed ? (isTriedOnce ? ' (one try)' : '') : ' (not allowed)'
