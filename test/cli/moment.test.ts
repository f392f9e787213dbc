import { describe, expect, it } from 'vitest'
import { lifetimeMs } from '#cli/moment.ts'

describe('a time to live', () => {
  it.each([
    ['30d', 2_592_000_000],
    ['12 h', 43_200_000],
    ['90min', 5_400_000],
  ])('%s is %i ms', (text, ms) => {
    expect(lifetimeMs(text)).toBe(ms)
  })

  it.each(['', 'soon', '0d', '-1d', '30', '30 days'])('is not "%s"', (text) => {
    expect(() => lifetimeMs(text)).toThrow(/30d/)
  })
})
