import { describe, expect, it } from '@effect/vitest'
import fc from 'fast-check'
import { firstSlice, HOLD_MS, nextSlice, PAGES, REQUESTS } from '#infra/event-log/archive-slice.ts'

const kinds = fc.constantFrom(REQUESTS, PAGES)

describe('the slices of a removal', () => {
  it('hold the log for their time on any machine that can do the least in it, from the first ones on', () => {
    fc.assert(
      fc.property(kinds, fc.double({ min: 0.001, max: 1, noNaN: true }), (kind, share) => {
        // The time of one request or page, on a machine of which the least slice takes this share of the time.
        const each = (HOLD_MS * share) / kind.least
        let size = firstSlice(kind)
        for (let n = 0; n < 20; n++) {
          expect(size * each).toBeLessThanOrEqual(HOLD_MS * 2)
          size = nextSlice(size, size * each, kind)
        }
        expect(size * each).toBeLessThanOrEqual(HOLD_MS + 1e-9)
        // And no needless number of them: most of the time is used.
        const fits = Math.min(kind.most, HOLD_MS / each)
        expect(size).toBeGreaterThanOrEqual(Math.floor(fits / 2))
      }),
    )
  })

  it('are whole, and within their bounds, whatever the last one took', () => {
    fc.assert(
      fc.property(kinds, fc.nat(2_000), fc.double({ min: 0, noNaN: true }), (kind, size, tookMs) => {
        const next = nextSlice(size, tookMs, kind)
        expect(Number.isInteger(next)).toBe(true)
        expect(next).toBeGreaterThanOrEqual(kind.least)
        expect(next).toBeLessThanOrEqual(kind.most)
      }),
    )
  })

  it('shrink at once when one has taken too long, and grow again', () => {
    expect(nextSlice(80, 4 * HOLD_MS, REQUESTS)).toBe(20)
    expect(nextSlice(20, HOLD_MS / 10, REQUESTS)).toBe(40)
  })
})
