/**
 * Objectives as operators type them.
 */
import { describe, expect, it } from 'vitest'
import { measureOf, meets, objectiveValue, parseObjective } from '#domain/what-if/objective.ts'
import type { Figures } from '#domain/what-if/outcome.ts'

const figures: Figures = {
  calls: 1_000,
  costUsd: 20,
  successShare: 0.998,
  limited: 4,
  ttftP50Ms: 900,
  ttftP95Ms: 3_200,
  switchShare: 0.1,
  shareBy: new Map(),
}

describe('an objective', () => {
  it('names a goal and its bounds', () => {
    const { parts, constraints } = parseObjective('cost subject to success>=0.999, p95ttft<=3000')
    expect(parts).toEqual([{ goal: 'cost', weight: 1 }])
    expect(constraints).toEqual([
      { measure: 'success', isLeast: true, bound: 0.999 },
      { measure: 'p95ttft', isLeast: false, bound: 3_000 },
    ])
    expect(constraints.map((one) => meets(one, figures))).toEqual([false, false])
    expect(constraints.map((one) => meets(one, { ...figures, successShare: 1, ttftP95Ms: 2_999 }))).toEqual([
      true,
      true,
    ])
  })

  it('may be a weighted sum, in which every part counts as a multiple of what it is', () => {
    const objective = parseObjective('3*cost + p95ttft')
    expect(objectiveValue(objective, figures, figures)).toBeCloseTo(1)
    expect(objectiveValue(objective, { ...figures, costUsd: 10 }, figures)).toBeCloseTo(0.75 * 0.5 + 0.25)
  })

  it('counts money per thousand calls that were served, so that who serves less is not cheaper', () => {
    expect(measureOf(figures, 'cost')).toBeCloseTo(20 / 0.998)
  })

  it.each(['price', 'cost subject to speed<=3', 'cost subject to success=1', 'cost subject to', '2*', ''])(
    'is refused as %j',
    (text) => {
      expect(() => parseObjective(text)).toThrow(/is not a/)
    },
  )
})
