/** What each kind measures, at its edges. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lastHoursUsd, monthForecastUsd, usualHourUsd } from '#domain/alerts/cost.ts'
import { tooLittle, tooMuch } from '#domain/alerts/found.ts'
import { forecastShare } from '#domain/alerts/limit-forecast.ts'
import { percentileMs } from '#domain/alerts/quality.ts'
import { seedMeters, take } from '#domain/limits.ts'
import { TTFT_BOUNDS_MS } from '#domain/projections/recent-outcomes.ts'
import { noUsage } from '#domain/usage.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOON = Date.UTC(2027, 0, 15, 12)
const USD = 1e9

const hour = (at: number, usd: number) => ({ slot: Math.floor(at / HOUR), attempts: 1, costNanoUsd: usd * USD })
const day = (at: number, usd: number) => ({
  slot: Math.floor(at / DAY),
  attempts: 1,
  usage: noUsage,
  costNanoUsd: usd * USD,
})

describe('the cost of the last hours', () => {
  it('takes of the hour that is partly past the part that still counts', () => {
    const hours = [hour(NOON - HOUR, 8), hour(NOON, 2)]
    expect(lastHoursUsd(hours, NOON, 1)).toBeCloseTo(10)
    expect(lastHoursUsd(hours, NOON + HOUR / 4, 1)).toBeCloseTo(8)
    expect(lastHoursUsd(hours, NOON + HOUR - 1, 1)).toBeCloseTo(2, 4)
    expect(lastHoursUsd(hours, NOON + 2 * HOUR, 1)).toBeCloseTo(0)
  })

  it('is never more than all of the hours that it can touch, and never negative', () => {
    const cost = fc.array(fc.tuple(fc.integer({ min: 0, max: 47 }), fc.nat(1_000)), { maxLength: 48 })
    fc.assert(
      fc.property(cost, fc.nat(HOUR), fc.constantFrom(1, 24), (costs, ms, count) => {
        const hours = costs.map(([ago, usd]) => hour(NOON - ago * HOUR, usd))
        const sum = costs.reduce((all, [ago, usd]) => (ago <= count ? all + usd : all), 0)
        const value = lastHoursUsd(hours, NOON + Math.min(ms, HOUR - 1), count)
        expect(value).toBeGreaterThanOrEqual(0)
        expect(value).toBeLessThanOrEqual(sum + 1e-6)
      }),
    )
  })
})

describe('the usual hour', () => {
  const steady = (hoursAgo: readonly number[], usd = 2) => hoursAgo.map((ago) => hour(NOON - ago * HOUR, usd))

  it('is the median of the hours in which something was spent', () => {
    expect(usualHourUsd(steady([40, 30, 20, 10]), NOON)).toBe(2)
    expect(usualHourUsd([...steady([40, 30, 20]), hour(NOON - 10 * HOUR, 100)], NOON)).toBe(2)
    expect(usualHourUsd([...steady([40, 30], 1), ...steady([20, 10], 3)], NOON)).toBe(2)
  })

  it('is not known without a day of history and some hours of work', () => {
    expect(usualHourUsd([], NOON)).toBeNull()
    expect(usualHourUsd(steady([23, 20, 10, 5]), NOON)).toBeNull()
    expect(usualHourUsd(steady([30, 20]), NOON)).toBeNull()
  })

  it('leaves the present hour and the one before out: they may be the spike', () => {
    expect(usualHourUsd([...steady([30, 20, 10]), hour(NOON - HOUR, 99), hour(NOON, 99)], NOON)).toBe(2)
  })
})

describe('the forecast of the month', () => {
  it('adds what the rest of the month will cost at the rate of the last seven days', () => {
    const days = Array.from({ length: 15 }, (_, n) => day(Date.UTC(2027, 0, n + 1), n === 14 ? 5 : 10))
    // Fourteen days of 10 and half a day of 5, then 16.5 days to come.
    expect(monthForecastUsd(days, NOON)).toBeCloseTo(145 + (65 / 6.5) * 16.5)
  })

  it('begins anew with the month, at the same rate', () => {
    const days = Array.from({ length: 31 }, (_, n) => day(Date.UTC(2027, 0, n + 1), 10))
    expect(monthForecastUsd(days, Date.UTC(2027, 1, 1))).toBeCloseTo((60 / 6) * 28)
  })

  it('says nothing before there is a whole day to judge by', () => {
    expect(monthForecastUsd([], NOON)).toBeNull()
    expect(monthForecastUsd([day(NOON, 50)], NOON)).toBeNull()
    expect(monthForecastUsd([day(NOON - DAY, 50)], NOON)).not.toBeNull()
  })
})

describe('the forecast of a limit', () => {
  const [fixed] = seedMeters({ requestsPerDay: 100, window: 'fixed' }, NOON)
  const [bucket] = seedMeters({ requestsPerDay: 100 }, NOON)

  it('of a window that turns is what will be used when it does', () => {
    const used = take(fixed!, 40, NOON)
    expect(forecastShare(used, 0, NOON)).toBeCloseTo(0.4)
    expect(forecastShare(used, 60 / (12 * HOUR), NOON)).toBeCloseTo(1)
    expect(forecastShare(used, 1, NOON + 12 * HOUR)).toBeCloseTo(0)
  })

  it('of one that refills counts only what is used faster than that', () => {
    const used = take(bucket!, 60, NOON)
    expect(forecastShare(used, 100 / DAY, NOON)).toBeCloseTo(0.6)
    expect(forecastShare(used, 150 / DAY, NOON)).toBeCloseTo(1.1)
  })
})

describe('a percentile of times', () => {
  const counts = (...entries: readonly (readonly [bound: number, count: number])[]) => {
    const all = Array.from({ length: TTFT_BOUNDS_MS.length + 1 }, () => 0)
    for (const [bound, count] of entries) all[TTFT_BOUNDS_MS.findIndex((one) => bound <= one)] = count
    return all
  }

  it('lies in the class in which it is', () => {
    expect(percentileMs(counts([3_000, 100]), 0.95)).toBeCloseTo(2_950)
    expect(percentileMs(counts([500, 90], [8_000, 10]), 0.95)).toBeCloseTo(6_500)
    expect(percentileMs(counts([500, 96], [8_000, 4]), 0.95)).toBeLessThanOrEqual(500)
  })

  it('is 0 without answers, and at most the last bound', () => {
    expect(percentileMs(counts(), 0.95)).toBe(0)
    expect(percentileMs([...TTFT_BOUNDS_MS.map(() => 0), 7], 0.95)).toBe(120_000)
  })

  it('never falls when an answer becomes slower', () => {
    const classes = fc.array(fc.nat(20), { minLength: TTFT_BOUNDS_MS.length + 1, maxLength: TTFT_BOUNDS_MS.length + 1 })
    fc.assert(
      fc.property(classes, fc.nat(TTFT_BOUNDS_MS.length - 1), (all, from) => {
        if ((all[from] ?? 0) === 0) return
        const slower = all.with(from, all[from]! - 1).with(from + 1, all[from + 1]! + 1)
        expect(percentileMs(slower, 0.95)).toBeGreaterThanOrEqual(percentileMs(all, 0.95) - 1e-9)
      }),
    )
  })
})

describe('a bound', () => {
  it('is crossed at once, and left only with some distance', () => {
    expect([9, 9.1, 10].map((value) => tooMuch(value, 10))).toEqual(['between', 'between', 'over'])
    expect(tooMuch(8.9, 10)).toBe('under')
    expect([90, 91, 100, 101].map((value) => tooLittle(value, 90))).toEqual(['over', 'between', 'between', 'under'])
  })
})
