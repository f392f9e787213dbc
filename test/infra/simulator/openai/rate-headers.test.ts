import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { durationMs } from '#domain/dialect/openai/rate-headers.ts'
import { goDuration } from '#infra/simulator/openai/rate-headers.ts'

describe('a Go duration', () => {
  it.each([
    [0, '0s'],
    [120, '120ms'],
    [1_000, '1s'],
    [7_660, '7.66s'],
    [360_000, '6m0s'],
    [3_723_500, '1h2m3.5s'],
    [0.2, '1ms'],
  ])('of %s ms is %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text)
  })

  it('is read back by the gateway as it was written', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000_000 }), (ms) => {
        expect(durationMs(goDuration(ms))).toBeCloseTo(ms, 6)
      }),
    )
  })
})
