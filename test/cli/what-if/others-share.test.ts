/**
 * How much of a limit others use, told from which attempts were refused.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawnShare, NOTHING_SEEN, othersShareOf } from '#cli/what-if/others-share.ts'
import { seeded } from '#domain/what-if/intervals.ts'
import type { Asked } from '#domain/what-if/provider-fit.ts'
import { makeLimits } from '#infra/simulator/virtual/true-limits.ts'

const keeper = (othersShare: number) =>
  makeLimits({ requestsPerMinute: 30, window: 'bucket', countsCachedInput: false, othersShare }, 0)

/** An hour of requests, so many a minute on average, as a provider with such others met them. */
const hour = (othersShare: number, perMinute: number): readonly Asked[] => {
  const truth = keeper(othersShare)
  const chance = seeded(7)
  const times = Array.from({ length: 60 * perMinute }, () => Math.floor(chance() * 3_600_000)).toSorted((a, b) => a - b)
  return times.map((at) => {
    const isRefused = truth.refusal(100, at) !== undefined
    if (!isRefused) {
      truth.enter(100, at)
      truth.leave(10, at)
    }
    return { at, endedAt: at, input: 100, prompt: 100, output: 10, isRefused }
  })
}

const expected = ({ shares, probabilities }: typeof NOTHING_SEEN): number =>
  shares.reduce((sum, share, index) => sum + share * (probabilities[index] ?? 0), 0)

describe('the share of a limit that others use', () => {
  it.each([0, 0.2, 0.4])('is found where the limit was met: %d', (share) => {
    expect(expected(othersShareOf(hour(share, 30), keeper))).toBeCloseTo(share, 1)
  })

  it('is left open by a log that never came near the limit', () => {
    const found = othersShareOf(hour(0, 2), keeper)
    for (const [index, probability] of found.probabilities.entries())
      expect(probability).toBeCloseTo(NOTHING_SEEN.probabilities[index] ?? 0)
  })

  it('is nothing when the limit was nearly used up and nobody was refused', () => {
    const { probabilities } = othersShareOf(
      hour(0, 26).filter(({ isRefused }) => !isRefused),
      keeper,
    )
    expect(probabilities[0]).toBeGreaterThan(0.9)
  })

  it('is drawn as often as it is probable', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (chance) => {
        const drawn = drawnShare(NOTHING_SEEN, chance)
        const below = NOTHING_SEEN.shares.reduce(
          (sum, share, index) => sum + (share < drawn ? (NOTHING_SEEN.probabilities[index] ?? 0) : 0),
          0,
        )
        expect(below).toBeLessThanOrEqual(chance + 1e-9)
      }),
    )
    expect(drawnShare(NOTHING_SEEN, null)).toBe(0)
  })
})
