import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BreakerWindow, BUCKETS, countOutcome, emptyWindow, outcomes } from '#domain/breaker-window.ts'

const WINDOW = 60_000
const rows = fc.array(fc.record({ passes: fc.nat(20_000), failed: fc.boolean() }), { maxLength: 80 })

describe('the window of the breaker', () => {
  it('counts nothing while nothing happens', () => {
    expect(outcomes(emptyWindow, 1_000_000, WINDOW)).toEqual({ successes: 0, failures: 0 })
  })

  it('counts every outcome of the last eleven buckets and the current one, and none before', () => {
    fc.assert(
      fc.property(rows, (history) => {
        let window: BreakerWindow = emptyWindow
        let at = 1_000_000_000
        const seen: { at: number; failed: boolean }[] = []
        for (const { passes, failed } of history) {
          at += passes
          seen.push({ at, failed })
          window = countOutcome(window, at, WINDOW, failed)
          const slot = (time: number) => Math.floor(time / (WINDOW / BUCKETS))
          const recent = seen.filter((outcome) => slot(outcome.at) > slot(at) - BUCKETS)
          const failures = recent.filter((outcome) => outcome.failed).length
          expect(outcomes(window, at, WINDOW)).toEqual({ failures, successes: recent.length - failures })
        }
      }),
    )
  })

  it('never holds more than twelve buckets, whatever happens to its length or to the clock', () => {
    const wild = fc.array(fc.tuple(fc.integer({ min: -2_000, max: 10_000 }), fc.integer({ min: 0, max: 200_000 })), {
      minLength: 30,
      maxLength: 60,
    })
    fc.assert(
      fc.property(wild, (history) => {
        let window: BreakerWindow = emptyWindow
        let at = 1_000_000_000
        for (const [passes, windowMs] of history) {
          at += passes
          window = countOutcome(window, at, windowMs, true)
          expect(window.length).toBeLessThanOrEqual(BUCKETS)
          expect(outcomes(window, at, 400_000).failures).toBeGreaterThan(0)
        }
      }),
    )
  })
})
