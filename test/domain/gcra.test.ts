import { describe, expect, it } from '@effect/vitest'
import fc from 'fast-check'
import { arrivalAfter, spanOf } from '#domain/gcra.ts'

const rateOf = (perMinute: number, burst: number, cost: number) => ({ key: 'rate', perMinute, burst, cost })

describe('the generic cell rate algorithm', () => {
  it('counts a call as the time that earning it takes', () => {
    expect(spanOf(rateOf(60, 10, 3))).toEqual({ key: 'rate', spanUs: 3_000_000, allowanceUs: 10_000_000 })
  })

  it('lets a call take the whole burst after a rest, whatever the rate', () => {
    const rates = fc.record({
      burst: fc.integer({ min: 1, max: 10_000_000 }),
      // Until a month.
      fullInMinutes: fc.double({ min: 0.001, max: 44_640, noNaN: true }),
      nowUs: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
    })
    fc.assert(
      fc.property(rates, ({ burst, fullInMinutes, nowUs }) => {
        expect(arrivalAfter(0, spanOf(rateOf(burst / fullInMinutes, burst, burst)), nowUs).waitUs).toBe(0)
      }),
    )
  })

  it('never admits more than a bucket that fills at the rate, and a call that waits as told', () => {
    const calls = fc.record({
      perMinute: fc.double({ min: 1, max: 10_000_000, noNaN: true }),
      burst: fc.integer({ min: 5, max: 1_000 }),
      steps: fc.array(fc.tuple(fc.nat(3_000_000), fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 60 }),
    })
    fc.assert(
      fc.property(calls, ({ perMinute, burst, steps }) => {
        let [nowUs, arrivalUs, admitted] = [0, 0, 0]
        for (const [laterUs, cost] of steps) {
          nowUs += laterUs
          const span = spanOf(rateOf(perMinute, burst, cost))
          const first = arrivalAfter(arrivalUs, span, nowUs)
          nowUs += first.waitUs
          const second = arrivalAfter(arrivalUs, span, nowUs)
          expect(second.waitUs).toBe(0)
          arrivalUs = second.arrivalUs
          admitted += cost
          // A microsecond more than the burst, because that is rounded up.
          expect(admitted).toBeLessThanOrEqual(((nowUs + 1) * perMinute) / 60_000_000 + burst + 1e-6)
        }
      }),
    )
  })
})
