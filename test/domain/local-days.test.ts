import fc from 'fast-check'
import { expect, it } from 'vitest'
import { dayText, isTimeZone, localDay, offsetMinutes, offsetSteps, startOfDay } from '#domain/local-days.ts'

const HOUR_MS = 3_600_000
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Africa/Casablanca']

/** 2020 to 2030. */
const hours = fc.integer({ min: 438_288, max: 525_960 })

it('knows the offset of a zone, in summer and in winter, with halves and quarters of hours', () => {
  const [winter, summer] = [Date.UTC(2026, 0, 15), Date.UTC(2026, 6, 15)]
  expect(ZONES.map((zone) => [offsetMinutes(zone, winter), offsetMinutes(zone, summer)])).toEqual([
    [0, 0],
    [60, 120],
    [-300, -240],
    [330, 330],
    [660, 630],
    [60, 60],
  ])
})

it('steps from offset to offset exactly where the clocks change', () => {
  const from = Date.UTC(2026, 0, 1) / HOUR_MS
  expect(offsetSteps('Europe/Berlin', from, from + 365 * 24)).toEqual([
    { hour: from, minutes: 60 },
    { hour: Date.UTC(2026, 2, 29, 1) / HOUR_MS, minutes: 120 },
    { hour: Date.UTC(2026, 9, 25, 1) / HOUR_MS, minutes: 60 },
  ])
})

it('gives every hour the offset that the zone has then', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), hours, fc.nat(20_000), fc.nat(20_000), (zone, from, length, at) => {
      const steps = offsetSteps(zone, from, from + length)
      const hour = from + Math.min(at, length)
      const step = steps.findLast((one) => one.hour <= hour)
      expect(step?.minutes).toBe(offsetMinutes(zone, hour * HOUR_MS))
    }),
    { numRuns: 60 },
  )
})

it('begins a day where the one before it ends', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), fc.integer({ min: 18_262, max: 22_000 }), (zone, day) => {
      const start = startOfDay(dayText(day), zone) ?? Number.NaN
      const dayAt = (at: number) => Math.floor((at + offsetMinutes(zone, at) * 60_000) / 86_400_000)
      expect([dayAt(start - 1), dayAt(start)]).toEqual([day - 1, day])
    }),
  )
})

it('counts an hour to the day in which it begins', () => {
  expect(dayText(localDay(Date.UTC(2026, 10, 23, 18) / HOUR_MS, 330))).toBe('2026-11-23')
  expect(dayText(localDay(Date.UTC(2026, 10, 23, 19) / HOUR_MS, 330))).toBe('2026-11-24')
})

it('tells names of zones and texts of days from others', () => {
  expect(['Europe/Berlin', 'UTC', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([true, true, false, false])
  expect(['2026-13-01', '2026-1-1', 'today', '2026-11-23T10:00'].map((text) => startOfDay(text, 'UTC'))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
