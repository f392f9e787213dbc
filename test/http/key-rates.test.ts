/**
 * The buckets of client keys.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeKeyRates } from '#http/key-rates.ts'
import { EPOCH } from '#test/generators.ts'

describe('the bucket of a key', () => {
  it('holds a minute’s requests, and tells how long it takes until there is another', () => {
    const rates = makeKeyRates()
    for (let n = 0; n < 6; n++) expect(rates.take('key_1', 6, EPOCH)).toBeUndefined()
    expect(rates.take('key_1', 6, EPOCH)).toBe(10_000)
    expect(rates.take('key_1', 6, EPOCH + 4_000)).toBeCloseTo(6_000)
    expect(rates.take('key_1', 6, EPOCH + 10_000)).toBeUndefined()
    expect(rates.take('key_1', 6, EPOCH + 10_000)).toBeCloseTo(10_000)
  })

  it('is its own', () => {
    const rates = makeKeyRates()
    expect(rates.take('key_1', 1, EPOCH)).toBeUndefined()
    expect(rates.take('key_1', 1, EPOCH)).toBe(60_000)
    expect(rates.take('key_2', 1, EPOCH)).toBeUndefined()
  })

  it('is never fuller than full, and gains nothing from a clock that is set back', () => {
    const rates = makeKeyRates()
    expect(rates.take('key_1', 2, EPOCH)).toBeUndefined()
    const later = EPOCH + 3_600_000
    expect([1, 2, 3].map(() => rates.take('key_1', 2, later) === undefined)).toEqual([true, true, false])
    expect(rates.take('key_1', 2, EPOCH)).toBeDefined()
  })

  it('lets through what it says, and no more than a full bucket and what flowed in since', () => {
    const steps = fc.array(fc.nat(20_000), { minLength: 1, maxLength: 80 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), steps, (perMinute, waits) => {
        const rates = makeKeyRates()
        let at = EPOCH
        let passed = 0
        for (const wait of waits) {
          at += wait
          const left = rates.take('key_1', perMinute, at)
          if (left === undefined) passed++
          else expect(left).toBeGreaterThan(0)
        }
        expect(passed).toBeLessThanOrEqual(perMinute + ((at - EPOCH) * perMinute) / 60_000 + 1e-6)
      }),
    )
  })

  it('has a token when it said that it would', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), (perMinute) => {
        const rates = makeKeyRates()
        let left: number | undefined
        while (left === undefined) left = rates.take('key_1', perMinute, EPOCH)
        expect(rates.take('key_1', perMinute, EPOCH + Math.ceil(left))).toBeUndefined()
      }),
    )
  })
})
