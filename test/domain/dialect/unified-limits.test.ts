import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unifiedLimits, withUnifiedLimits } from '#domain/dialect/unified-limits.ts'
import { type Meter, seedMeters, take } from '#domain/limits.ts'
import type { Budget } from '#domain/policy.ts'
import type { Standing } from '#domain/projections/budgets.ts'

const NOON = Date.UTC(2026, 10, 23, 12)
const MIDNIGHT = Date.UTC(2026, 10, 24)

const standing = (spentShare: number, budget: Partial<Budget> = {}, reservedNanoUsd = 0): Standing => {
  const limitNanoUsd = 1_000_000
  const spentNanoUsd = Math.round(spentShare * limitNanoUsd)
  return {
    budget: { name: 'daily', period: 'day', limitNanoUsd, ...budget },
    subject: '',
    period: { start: MIDNIGHT - 86_400_000, end: MIDNIGHT },
    spentNanoUsd,
    reservedNanoUsd,
    leftNanoUsd: limitNanoUsd - spentNanoUsd - reservedNanoUsd,
  }
}

const headers = (standings: readonly Standing[], meters: readonly Meter[] = []) =>
  Object.fromEntries(unifiedLimits({ standings, meters, at: NOON }))

const short = (standings: readonly Standing[], meters: readonly Meter[] = []) =>
  Object.fromEntries(
    unifiedLimits({ standings, meters, at: NOON }).map(([name, value]) => [
      name.replace('anthropic-ratelimit-unified-', ''),
      value,
    ]),
  )

/** A limit of 1,000 requests a day, of which so many are used. */
const requestsUsed = (count: number): readonly Meter[] =>
  seedMeters({ requestsPerDay: 1_000, requestsPerMinute: 10, window: 'fixed' }, NOON).map((meter) =>
    take(meter, meter.window === 'day' ? count : 10, NOON),
  )

describe('budgets and limits in the words of unified limits', () => {
  it('are the headers that the client knows', () => {
    expect(headers([standing(0.0425)])).toEqual({
      'anthropic-ratelimit-unified-status': 'allowed',
      'anthropic-ratelimit-unified-reset': String(MIDNIGHT / 1_000),
      'anthropic-ratelimit-unified-5h-status': 'allowed',
      'anthropic-ratelimit-unified-5h-reset': String(MIDNIGHT / 1_000),
      'anthropic-ratelimit-unified-5h-utilization': '0.0425',
      'anthropic-ratelimit-unified-representative-claim': 'five_hour',
    })
  })

  it('are none when there is neither budget nor limit of a day', () => {
    expect(headers([], seedMeters({ requestsPerMinute: 10 }, NOON))).toEqual({})
  })

  it('warn from three quarters on', () => {
    expect(short([standing(0.749)]).status).toBe('allowed')
    expect(short([standing(0.75)]).status).toBe('allowed_warning')
  })

  it('say rejected when a budget is used up that refuses, and for no other reason', () => {
    expect(short([standing(1, { hard: {} })])).toMatchObject({ status: 'rejected', '5h-utilization': '1' })
    expect(short([standing(1.5)])).toMatchObject({ status: 'allowed_warning', '5h-utilization': '1' })
    expect(short([standing(1, { hard: { strategy: 'cost' } })]).status).toBe('allowed_warning')
    expect(short([], requestsUsed(1_000)).status).toBe('allowed_warning')
    expect(short([standing(0, { limitNanoUsd: 0, hard: {} })]).status).toBe('rejected')
  })

  it('do not count what the answered request itself holds back', () => {
    expect(short([standing(0.5, { hard: {} }, 500_000)])).toMatchObject({ status: 'allowed', '5h-utilization': '0.5' })
  })

  it('stand in two windows, and the most urgent speaks for all', () => {
    expect(short([standing(0.2), standing(0.9, { period: 'week' }), standing(0.3, { period: 'month' })])).toMatchObject(
      {
        status: 'allowed_warning',
        '5h-utilization': '0.2',
        '7d-utilization': '0.9',
        'representative-claim': 'seven_day',
      },
    )
  })

  it('tell the fuller of a budget and a daily limit of the provider', () => {
    expect(short([standing(0.2)], requestsUsed(600))['5h-utilization']).toBe('0.6')
    expect(short([standing(0.7)], requestsUsed(600))['5h-utilization']).toBe('0.7')
  })

  it('are shares and times whatever was spent', () => {
    const standings = fc.array(
      fc.record({ share: fc.double({ min: 0, max: 5, noNaN: true }), period: fc.constantFrom('day', 'week', 'month') }),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(standings, (all) => {
        const told = short(all.map(({ share, period }) => standing(share, { period: period as Budget['period'] })))
        for (const window of ['5h', '7d']) {
          const share = told[`${window}-utilization`]
          if (share !== undefined) expect(share).toMatch(/^(0|1|0\.\d{1,4})$/)
        }
        expect(told.reset).toMatch(/^\d+$/)
        expect(told.status).not.toBe('rejected')
      }),
    )
  })
})

describe('the headers of an answer', () => {
  const bounds = () => ({ standings: [standing(0.5)], meters: [], at: NOON })

  it('get ours behind the upstream’s', () => {
    const [first, second] = withUnifiedLimits([['content-type', 'text/event-stream']], bounds)
    expect(first).toEqual(['content-type', 'text/event-stream'])
    expect(second).toEqual(['anthropic-ratelimit-unified-status', 'allowed'])
  })

  it('stay as they are when the upstream sent its own', () => {
    const own = [['anthropic-ratelimit-unified-status', 'rejected']] as const
    expect(withUnifiedLimits(own, bounds)).toBe(own)
  })
})
