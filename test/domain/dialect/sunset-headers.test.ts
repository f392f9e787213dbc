import { describe, expect, it } from 'vitest'
import { readSunset } from '#domain/dialect/sunset-headers.ts'

describe('an announced end', () => {
  it('is read from the headers of the standards, and of GitHub', () => {
    expect(
      readSunset([
        ['deprecation', '@1777939200'],
        ['sunset', 'Thu, 30 Jul 2026 00:00:00 GMT'],
      ]),
    ).toEqual({ deprecatedAt: 1_777_939_200_000, sunsetAt: Date.UTC(2026, 6, 30) })
    expect(readSunset([['deprecation', 'Sun, 11 Nov 2018 23:59:59 GMT']])).toEqual({
      deprecatedAt: Date.UTC(2018, 10, 11, 23, 59, 59),
    })
  })

  it.each([
    ['no header', []],
    ['true, which names no time', [['deprecation', 'true']]],
    ['another form of date', [['sunset', '2026-07-30']]],
    ['text with a number in it', [['sunset', 'soon, in 30 days']]],
    ['the form of a date that is none', [['sunset', 'Mon, 99 Xxx 2026 99:99:99 GMT']]],
    ['an endless number', [['deprecation', `@${'9'.repeat(40)}`]]],
  ] as const)('is none in %s', (_, headers) => {
    expect(readSunset(headers)).toBeUndefined()
  })
})
