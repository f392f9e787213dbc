import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { retryAt } from '#domain/dialect/retry-after.ts'

const at = Date.UTC(2026, 10, 23, 10, 0, 0, 500)
type Headers = readonly (readonly [string, string])[]
const retryAfter = (value: string): Headers => [['retry-after', value]]
const limit = (name: string, remaining: string, reset: string): Headers => [
  [`anthropic-ratelimit-${name}-remaining`, remaining],
  [`anthropic-ratelimit-${name}-reset`, reset],
]

describe('when a provider may be asked again', () => {
  it.each<[string, Headers, number]>([
    ['whole seconds', retryAfter('17'), at + 17_000],
    ['zero seconds', retryAfter('0'), at],
    ['a fraction of a second', retryAfter('0.25'), at + 250],
    ['seconds beyond all calendars', retryAfter('1e300'), at + 366 * 86_400_000],
    ['a year that will be long after', limit('tokens', '0', '9999-12-31T23:59:59Z'), at + 366 * 86_400_000],
    ['seconds with spaces', retryAfter(' 5 '), at + 5_000],
    ['an HTTP date', retryAfter('Mon, 23 Nov 2026 10:01:00 GMT'), Date.UTC(2026, 10, 23, 10, 1, 0)],
    ['an HTTP date of the old form', retryAfter('Monday, 23-Nov-26 10:01:00 GMT'), Date.UTC(2026, 10, 23, 10, 1, 0)],
    ['an HTTP date that has passed', retryAfter('Mon, 23 Nov 2026 09:00:00 GMT'), at],
    ['milliseconds', [['retry-after-ms', '1500']], at + 1_500],
    [
      'milliseconds before seconds',
      [
        ['retry-after', '2'],
        ['retry-after-ms', '1500'],
      ],
      at + 1_500,
    ],
    [
      'seconds when the milliseconds are garbage',
      [
        ['retry-after-ms', 'x'],
        ['retry-after', '2'],
      ],
      at + 2_000,
    ],
    ['an exhausted limit', limit('requests', '0', '2026-11-23T10:00:09Z'), Date.UTC(2026, 10, 23, 10, 0, 9)],
    [
      'an exhausted limit with fractions',
      limit('tokens', '0', '2026-11-23T10:00:09.5+00:00'),
      Date.UTC(2026, 10, 23, 10, 0, 9, 500),
    ],
    [
      'the last of several exhausted limits',
      [...limit('input-tokens', '0', '2026-11-23T10:00:09Z'), ...limit('output-tokens', '0', '2026-11-23T10:00:19Z')],
      Date.UTC(2026, 10, 23, 10, 0, 19),
    ],
    [
      'the exhausted limit, not the one that has room',
      [...limit('input-tokens', '0', '2026-11-23T10:00:09Z'), ...limit('requests', '9', '2026-11-23T10:00:59Z')],
      Date.UTC(2026, 10, 23, 10, 0, 9),
    ],
    [
      'the reset of a rejected subscription',
      [
        ['anthropic-ratelimit-unified-status', 'rejected'],
        ['anthropic-ratelimit-unified-reset', '1795430400'],
      ],
      1_795_430_400_000,
    ],
    [
      'the told time before the resets',
      [...retryAfter('3'), ...limit('requests', '0', '2026-11-23T10:00:59Z')],
      at + 3_000,
    ],
    [
      'the resets when the told time is garbage',
      [...retryAfter('soon'), ...limit('requests', '0', '2026-11-23T10:00:59Z')],
      Date.UTC(2026, 10, 23, 10, 0, 59),
    ],
    ['the first of a repeated header', [...retryAfter('3'), ...retryAfter('9')], at + 3_000],
  ])('%s', (_what, headers, expected) => {
    expect(retryAt(headers, at)).toBe(expected)
  })

  it.each<[string, Headers]>([
    ['no header', []],
    ['an empty value', retryAfter(' ')],
    ['a word', retryAfter('soon')],
    ['a sentence with a number, which Date.parse takes for a year', retryAfter('try again in 2050')],
    ['a word and a small number', retryAfter('later 1')],
    ['a negative number', retryAfter('-1')],
    ['infinity', retryAfter('Infinity')],
    ['a number too large for a time', retryAfter('1e308')],
    ['negative milliseconds', [['retry-after-ms', '-5']]],
    ['an impossible date', retryAfter('Mon, 99 Nov 2026 10:01:00 GMT')],
    ['limits with room', limit('requests', '999', '2026-11-23T10:00:01Z')],
    ['an exhausted limit without a time', [['anthropic-ratelimit-requests-remaining', '0']]],
    ['an exhausted limit with garbage', limit('requests', '0', 'in 5')],
    [
      'a subscription with room',
      [
        ['anthropic-ratelimit-unified-status', 'allowed_warning'],
        ['anthropic-ratelimit-unified-reset', '1795430400'],
      ],
    ],
    ['a rejected subscription without a time', [['anthropic-ratelimit-unified-status', 'rejected']]],
    [
      'a rejected subscription with an empty time',
      [
        ['anthropic-ratelimit-unified-status', 'rejected'],
        ['anthropic-ratelimit-unified-reset', ''],
      ],
    ],
  ])('%s says nothing', (_what, headers) => {
    expect(retryAt(headers, at)).toBeUndefined()
  })

  it('is a finite time that is never in the past, whatever the header holds', () => {
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    )
    fc.assert(
      fc.property(fc.constantFrom('retry-after', 'retry-after-ms'), value, (name, text) => {
        const told = retryAt([[name, text]], at)
        if (told === undefined) return
        expect(Number.isFinite(told)).toBe(true)
        expect(told).toBeGreaterThanOrEqual(at)
      }),
      { numRuns: 500 },
    )
  })
})
