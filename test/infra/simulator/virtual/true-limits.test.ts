/**
 * Limits that change while a world runs.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LimitPhase, makeLimits } from '#infra/simulator/virtual/true-limits.ts'

const MINUTE_MS = 60_000

const keeper = (phases: readonly LimitPhase[], window: 'bucket' | 'fixed' = 'bucket') =>
  makeLimits({ inputTokensPerMinute: 60_000, window, countsCachedInput: false, othersShare: 0, phases }, 0)

describe('a phase of a limit', () => {
  it('takes the room that is above the smaller limit, and tells the smaller size', () => {
    const limits = keeper([{ from: MINUTE_MS, until: 2 * MINUTE_MS, sizeFactor: 0.1, othersShare: 0 }])
    expect(limits.refusal(60_000, MINUTE_MS - 1)).toBeUndefined()
    expect(limits.refusal(7_000, MINUTE_MS)?.by).toBe('input')
    expect(limits.refusal(6_000, MINUTE_MS)).toBeUndefined()
    expect(limits.readings(MINUTE_MS)).toMatchObject([{ limit: 'input', size: 6_000, remaining: 6_000 }])
  })

  it('gives the room back afterwards, at the pace of the whole limit', () => {
    const limits = keeper([{ from: 0, until: MINUTE_MS, sizeFactor: 0.1, othersShare: 0 }])
    expect(limits.refusal(30_000, MINUTE_MS)?.freesAt).toBe(MINUTE_MS + 24_000)
    expect(limits.refusal(30_000, MINUTE_MS + 24_000)).toBeUndefined()
  })

  it('lets others use a share of what flows back', () => {
    const limits = keeper([{ from: 0, until: MINUTE_MS, sizeFactor: 1, othersShare: 0.9 }])
    limits.enter(60_000, 0)
    // A tenth of 1,000 tokens a second.
    expect(limits.refusal(3_000, 29_999)).toBeDefined()
    expect(limits.refusal(3_000, 30_000)).toBeUndefined()
  })

  it('holds for windows too', () => {
    const limits = keeper([{ from: MINUTE_MS, until: 2 * MINUTE_MS, sizeFactor: 0.5, othersShare: 0.5 }], 'fixed')
    expect(limits.refusal(15_001, MINUTE_MS)).toBeDefined()
    limits.enter(15_000, MINUTE_MS)
    expect(limits.refusal(60_000, 2 * MINUTE_MS)).toBeUndefined()
  })

  it('changes nothing where it is as usual', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20_000), fc.nat(40_000)), { maxLength: 30 }),
        fc.nat(200_000),
        fc.nat(200_000),
        (calls, from, length) => {
          const plain = keeper([])
          const phased = keeper([{ from, until: from + length + 1, sizeFactor: 1, othersShare: 0 }])
          let at = 0
          for (const [afterMs, input] of calls) {
            at += afterMs
            const refused = plain.refusal(input, at)
            expect(phased.refusal(input, at)?.by).toBe(refused?.by)
            expect(phased.room(at)).toBeCloseTo(plain.room(at), 9)
            if (refused === undefined) for (const limits of [plain, phased]) limits.enter(input, at)
          }
        },
      ),
    )
  })
})
