/**
 * Bad news at once, good news by half a distance per half-life, and nothing held against anybody for ever.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leftAfter } from '#domain/decay.ts'
import { expectedAt, observe, type PeakAverage } from '#domain/peak-average.ts'
import { EPOCH } from '#test/generators.ts'

const HALF_LIFE = 60_000
const average = (values: readonly (readonly [afterMs: number, value: number])[]): PeakAverage =>
  values.reduce<PeakAverage | null>((all, [after, value]) => observe(all, value, EPOCH + after, HALF_LIFE), null)!
const at = (one: PeakAverage, afterMs: number) => expectedAt(one, EPOCH + afterMs, HALF_LIFE)

/** Times that add up to `total`. */
const schedules = (total: number) =>
  fc.array(fc.nat(total), { maxLength: 20 }).map((times) => [...times.toSorted((a, b) => a - b), total])

describe('what is left of a weight', () => {
  it('halves in a half-life, however the time is cut', () => {
    fc.assert(
      fc.property(schedules(3 * HALF_LIFE), (times) => {
        const steps = times.map((time, index) => time - (times[index - 1] ?? 0))
        expect(steps.reduce((left, step) => left * leftAfter(step, HALF_LIFE), 1)).toBeCloseTo(1 / 8, 10)
      }),
    )
  })

  it('stays when the clock is set back', () => {
    expect(leftAfter(-1_000, HALF_LIFE)).toBe(1)
  })
})

describe('a peak average', () => {
  it('is its only value', () => {
    expect(at(average([[0, 2_000]]), 0)).toBe(2_000)
  })

  it('takes a peak as it is', () => {
    expect(at(average([...steady(50, 1_000), [50, 60_000]]), 50)).toBe(60_000)
  })

  it('comes down by half the distance in a half-life of lower values, however many there are', () => {
    fc.assert(
      fc.property(schedules(HALF_LIFE), fc.integer({ min: 1, max: 3 }), (times, halfLives) => {
        const stretched = times.map((time) => [time * halfLives, 1_000] as const)
        const one = average([[0, 9_000], ...stretched])
        expect(one.recent).toBeCloseTo(1_000 + 8_000 / 2 ** halfLives, 6)
      }),
    )
  })

  it('goes back to the long mean at the same pace while nothing is measured', () => {
    const one = average([...steady(99, 1_000), [99, 60_000]])
    const typical = (99 * 1_000 + 60_000) / 100
    expect(one.typical).toBeCloseTo(typical, 6)
    expect(at(one, 99 + HALF_LIFE)).toBeCloseTo((typical + 60_000) / 2, 6)
    expect(at(one, 99 + 100 * HALF_LIFE)).toBeCloseTo(typical, 6)
  })

  it('stays between the lowest and the highest value, at any time and whatever the clock does', () => {
    const values = fc.array(fc.tuple(fc.nat(1_000_000), fc.nat(300_000)), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(values, fc.integer({ min: -1_000_000, max: 2_000_000 }), (all, after) => {
        const [low, high] = [Math.min(...all.map(([, v]) => v)), Math.max(...all.map(([, v]) => v))]
        const expected = at(average(all), after)
        expect(expected).toBeGreaterThanOrEqual(low - 1e-6)
        expect(expected).toBeLessThanOrEqual(high + 1e-6)
      }),
    )
  })
})

const steady = (count: number, value: number) => Array.from({ length: count }, (_, n) => [n, value] as const)
