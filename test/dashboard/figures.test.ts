/**
 * Figures as people read them.
 */
import { describe, expect, it } from '@effect/vitest'
import fc from 'fast-check'
import { duration, isoSecondOf, milliseconds, percent, plural, short, usd } from '../../src/dashboard/format.ts'
import { histogram, quantile } from '../../src/dashboard/quantile.ts'

describe('a figure', () => {
  it.each([
    [usd(0), '$0.00'],
    [usd(1_234_567_890_000), '$1,234.57'],
    [usd(12_345_678), '$0.0123'],
    [usd(123_456), '$0.000123'],
    [usd(-250_000_000), '−$0.25'],
    [percent(1), '100 %'],
    [percent(0.9964), '99.6 %'],
    [percent(0), '0 %'],
    [milliseconds(412.4), '412 ms'],
    [milliseconds(1_250), '1.25 s'],
    [milliseconds(75_000), '1 min 15 s'],
    [duration(0), '0 s'],
    [duration(3_600_000), '1 h'],
    [duration(90_061_000), '1 d 1 h'],
    [short(9_999), '9,999'],
    [short(12_345), '12.3 k'],
    [short(4_000_000), '4.0 M'],
    [plural(1, 'success', 'successes'), '1 success'],
    [plural(2, 'success', 'successes'), '2 successes'],
    [isoSecondOf(Date.UTC(2026, 10, 25, 14, 3, 0, 999)), '2026-11-25T14:03:00Z'],
  ])('%s', (is, wanted) => {
    expect(is).toBe(wanted)
  })
})

describe('a quantile', () => {
  it('is one of the values, with that share of them at or below it', () => {
    const share = fc.double({ min: 0.01, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), share, (values, wanted) => {
        const found = quantile(values, wanted) ?? Number.NaN
        expect(values).toContain(found)
        expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(wanted * values.length - 1e-9)
      }),
    )
    expect(quantile([], 0.5)).toBeUndefined()
  })
})

describe('a histogram', () => {
  it('counts every value once, in bins that touch', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 600_000 })), (values) => {
        const bins = histogram(values)
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(values.length)
        for (const [index, { from }] of bins.entries()) {
          if (index > 0) expect(from).toBe(bins[index - 1]?.to)
        }
        for (const { from, to, count } of bins) {
          const inside = values.filter((value) => value >= from && value < to).length
          // What is quicker than the first bound is counted in the first bin.
          if (from > 15.625) expect(count).toBe(inside)
        }
      }),
    )
  })
})
