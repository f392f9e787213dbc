/**
 * What is assumed of a provider holds at every time, and the rest is that of the one it is like.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { providerId } from '#domain/ids.ts'
import { assumedFit } from '#domain/what-if/assumed-fit.ts'
import { fitProviders } from '#domain/what-if/provider-fit.ts'
import { sizesOf } from '#domain/what-if/usage-shape.ts'
import { callsAt } from '#test/what-if-worlds/logged-calls.ts'

const green = providerId('green')
/** Every tenth call fails, and it is twice as slow in the second half. */
const calls = callsAt(
  green,
  Array.from({ length: 100 }, (_, key) => (key % 10 === 0 ? null : (key < 50 ? 500 : 1_000) + 10 * (key % 7))),
)
const like = fitProviders(calls, sizesOf(calls)).get(green)
if (like === undefined) throw new Error('green was asked')
const spare = { id: providerId('spare'), like: green, priceFactor: 1 }

describe('an assumed provider', () => {
  it('is as fast and as reliable as it is said to be, at any time', () => {
    const fit = assumedFit(like, { ...spare, ttftMs: 800, msPerToken: 12, failureShare: 0.01 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000_000 }), (at) => {
        expect(Math.exp(fit.ttft.at(at).level)).toBeCloseTo(800)
        expect(Math.exp(fit.msPerToken.at(at).level)).toBeCloseTo(12)
        expect(fit.failures.at(at).level).toBe(0.01)
        expect(fit.downShare).toBe(0)
      }),
    )
  })

  it('is in all that is not said like the other on a usual day, without its limits', () => {
    const fit = assumedFit({ ...like, toldLimits: { requests: 5 } }, spare)
    expect(fit.ttft.at(0)).toEqual({ level: like.ttft.mean, support: 1 })
    expect(fit).toMatchObject({ isAssumed: true, provider: 'spare', toldLimits: {}, hasCache: like.hasCache })
    expect(fit.ttft.errors).toEqual(like.ttft.errors)
  })
})
