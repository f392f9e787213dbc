import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boundConcurrency, type Concurrency, freshConcurrency, lower, raise } from '#domain/concurrency.ts'
import { EPOCH } from '#test/generators.ts'

const succeed = (times: number, inFlight: number, from: Concurrency): Concurrency =>
  Array.from({ length: times }).reduce<Concurrency>((state) => raise(state, inFlight), from)

describe('the attempts that a provider is given at once', () => {
  it('are eight at first, or as many as are allowed', () => {
    expect(freshConcurrency()).toEqual({ limit: 8, max: 64, successes: 0, loweredAt: null })
    expect(freshConcurrency(3)).toMatchObject({ limit: 3, max: 3 })
    expect(freshConcurrency(0)).toMatchObject({ limit: 1, max: 1 })
  })

  it('are one more after ten successes while half of them were used', () => {
    expect(succeed(9, 4, freshConcurrency()).limit).toBe(8)
    expect(succeed(10, 4, freshConcurrency()).limit).toBe(9)
    expect(succeed(100, 3, freshConcurrency())).toEqual(freshConcurrency())
    expect(succeed(10_000, 64, freshConcurrency()).limit).toBe(64)
    expect(succeed(10_000, 64, freshConcurrency(100)).limit).toBe(100)
  })

  it('are seven tenths after a refusal, once in five seconds', () => {
    const first = lower(freshConcurrency(), EPOCH)
    expect(first).toMatchObject({ limit: 5, loweredAt: EPOCH })
    expect(lower(first, EPOCH + 4_999)).toBe(first)
    expect(lower(first, EPOCH + 5_000).limit).toBe(3)
    expect(lower(first, EPOCH - 60_000).limit).toBe(3)
    // Another instance was refused at the same time, and is heard of a moment later.
    expect(lower(first, EPOCH - 300)).toBe(first)
  })

  it('begin to count their successes anew after a refusal', () => {
    expect(succeed(9, 4, lower(succeed(9, 8, freshConcurrency()), EPOCH)).limit).toBe(5)
  })

  it('keep what was learned under another maximum', () => {
    const learned = lower(freshConcurrency(), EPOCH)
    expect(boundConcurrency(learned, 4)).toEqual({ ...learned, limit: 4, max: 4 })
    expect(boundConcurrency(boundConcurrency(learned, 4), 100).limit).toBe(4)
  })

  it('are whole, at least one and at most the maximum, whatever happens', () => {
    const step = fc.oneof(
      fc.nat(100).map((inFlight) => (state: Concurrency) => raise(state, inFlight)),
      fc.nat(100_000).map((ms) => (state: Concurrency) => lower(state, EPOCH + ms)),
      fc.integer({ min: -5, max: 200 }).map((max) => (state: Concurrency) => boundConcurrency(state, max)),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { limit, max } = steps.reduce<Concurrency>((state, change) => change(state), freshConcurrency())
        expect(Number.isInteger(limit)).toBe(true)
        expect(limit).toBeGreaterThanOrEqual(1)
        expect(limit).toBeLessThanOrEqual(max)
      }),
    )
  })
})
