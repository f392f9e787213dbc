import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isUnder, periodAt, subjectOf } from '#domain/budget.ts'
import { modelId } from '#domain/ids.ts'
import { BUDGET_PERIODS, type Budget } from '#domain/policy.ts'

const at = (text: string): number => Date.parse(text)
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia']

describe('the period of a budget', () => {
  it.each([
    ['day', '2026-11-25T18:00:00Z', 'UTC', '2026-11-25T00:00:00Z', '2026-11-26T00:00:00Z'],
    ['day', '2026-11-25T23:30:00Z', 'Europe/Berlin', '2026-11-25T23:00:00Z', '2026-11-26T23:00:00Z'],
    // Clocks go back on 25 October: that day has 25 hours.
    ['day', '2026-10-25T12:00:00Z', 'Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
    // And forward on 8 March in New York: 23 hours.
    ['day', '2026-03-08T12:00:00Z', 'America/New_York', '2026-03-08T05:00:00Z', '2026-03-09T04:00:00Z'],
    ['day', '2026-11-25T18:29:59Z', 'Asia/Kolkata', '2026-11-24T18:30:00Z', '2026-11-25T18:30:00Z'],
    // 25 November 2026 is a Wednesday.
    ['week', '2026-11-25T18:00:00Z', 'UTC', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z'],
    ['week', '2026-11-29T23:59:59Z', 'UTC', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z'],
    ['month', '2026-12-31T23:59:59Z', 'UTC', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['month', '2026-11-30T23:30:00Z', 'Europe/Berlin', '2026-11-30T23:00:00Z', '2026-12-31T23:00:00Z'],
  ] as const)('of one %s at %s in %s is from %s to %s', (period, moment, zone, start, end) => {
    expect(periodAt(period, at(moment), zone)).toEqual({ start: at(start), end: at(end) })
  })

  it('holds its moment, and the next begins where it ends', () => {
    const moments = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') })
    fc.assert(
      fc.property(fc.constantFrom(...BUDGET_PERIODS), moments, fc.constantFrom(...ZONES), (period, moment, zone) => {
        const { start, end } = periodAt(period, moment, zone)
        expect(start).toBeLessThanOrEqual(moment)
        expect(moment).toBeLessThan(end)
        expect(periodAt(period, start, zone)).toEqual({ start, end })
        expect(periodAt(period, end, zone).start).toBe(end)
      }),
    )
  })
})

describe('a budget', () => {
  const daily: Budget = { name: 'daily', period: 'day', limitNanoUsd: 1 }
  const spender = {
    model: modelId('claude-sonnet-5-5'),
    clientKey: 'ci',
    project: 'web',
    sessionId: 's1',
    agentId: 'a2',
  }

  it('is for the requests that fit all that it names', () => {
    expect(isUnder(daily, spender)).toBe(true)
    expect(isUnder({ ...daily, key: 'ci', project: 'web', model: 'claude-sonnet-*' }, spender)).toBe(true)
    expect(isUnder({ ...daily, key: 'ci', project: 'api' }, spender)).toBe(false)
    expect(isUnder({ ...daily, model: 'claude-opus-*' }, spender)).toBe(false)
    expect(isUnder({ ...daily, key: 'ci' }, { model: spender.model })).toBe(false)
  })

  it('has one account for all, or one for each', () => {
    expect(subjectOf(daily, spender, 'a1')).toBe('')
    expect(subjectOf({ ...daily, each: 'key' }, spender, 'a1')).toBe('ci')
    expect(subjectOf({ ...daily, each: 'project' }, spender, 'a1')).toBe('web')
    expect(subjectOf({ ...daily, each: 'model' }, spender, 'a1')).toBe('claude-sonnet-5-5')
    expect(subjectOf({ ...daily, each: 'session' }, spender, 'a1')).toBe('s1')
    expect(subjectOf({ ...daily, each: 'agent' }, spender, 'a1')).toBe('["s1","a1"]')
    expect(subjectOf({ ...daily, each: 'session' }, { model: spender.model }, undefined)).toBe('')
  })
})
