import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LimitHeaderOptions, readLimits } from '#domain/dialect/limit-headers.ts'
import type { LimitReading } from '#domain/events.ts'
import { rebase } from '#domain/limit-lessons.ts'
import { goDuration, openAiRateHeaders } from '#infra/simulator/openai/rate-headers.ts'
import { makeRateLimits } from '#infra/simulator/rate-limits.ts'

const at = Date.UTC(2026, 10, 23, 10, 0, 0)
type Headers = readonly (readonly [string, string])[]
const headersOf = (some: { readonly [name: string]: string }): Headers => Object.entries(some)

describe('the limits of an answer', () => {
  it.each<[string, { readonly [name: string]: string }, readonly LimitReading[], LimitHeaderOptions?]>([
    [
      'Anthropic, whose combined tokens are only the sum',
      {
        'anthropic-ratelimit-requests-limit': '1000',
        'anthropic-ratelimit-requests-remaining': '999',
        'anthropic-ratelimit-requests-reset': '2026-11-23T10:00:01Z',
        'anthropic-ratelimit-input-tokens-limit': '2000000',
        'anthropic-ratelimit-input-tokens-remaining': '0',
        'anthropic-ratelimit-input-tokens-reset': '2026-11-23T10:00:17Z',
        'anthropic-ratelimit-output-tokens-limit': '400000',
        'anthropic-ratelimit-output-tokens-remaining': '398000',
        'anthropic-ratelimit-output-tokens-reset': '2026-11-23T10:00:01Z',
        'anthropic-ratelimit-tokens-limit': '2400000',
        'anthropic-ratelimit-tokens-remaining': '398000',
        'anthropic-ratelimit-tokens-reset': '2026-11-23T10:00:17Z',
      },
      [
        { limit: 'requests', window: 'minute', size: 1_000, remaining: 999, resetAt: at + 1_000 },
        { limit: 'input', window: 'minute', size: 2_000_000, remaining: 0, resetAt: at + 17_000 },
        { limit: 'output', window: 'minute', size: 400_000, remaining: 398_000, resetAt: at + 1_000 },
      ],
    ],
    [
      "Anthropic with a workspace's limit",
      {
        'anthropic-ratelimit-input-tokens-limit': '2000000',
        'anthropic-ratelimit-output-tokens-limit': '400000',
        'anthropic-ratelimit-tokens-limit': '100000',
        'anthropic-ratelimit-tokens-remaining': '50000',
        'anthropic-ratelimit-tokens-reset': '2026-11-23T11:00:30.5+01:00',
      },
      [
        { limit: 'input', window: 'minute', size: 2_000_000 },
        { limit: 'output', window: 'minute', size: 400_000 },
        { limit: 'tokens', window: 'minute', size: 100_000, remaining: 50_000, resetAt: at + 30_500 },
      ],
    ],
    [
      'a subscription, priority tier and fast mode: none of ours',
      {
        'anthropic-ratelimit-unified-status': 'allowed',
        'anthropic-ratelimit-unified-reset': '1795430400',
        'anthropic-ratelimit-unified-5h-utilization': '0.0425',
        'anthropic-ratelimit-unified-5h-reset': '1795430400',
        'anthropic-priority-input-tokens-limit': '10000',
        'anthropic-priority-input-tokens-remaining': '9618',
        'anthropic-fast-output-tokens-limit': '8000',
      },
      [],
    ],
    [
      'OpenAI, without its project tokens',
      {
        'x-ratelimit-limit-requests': '500',
        'x-ratelimit-remaining-requests': '499',
        'x-ratelimit-reset-requests': '120ms',
        'x-ratelimit-limit-tokens': '200000',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': '6m0s',
        'x-ratelimit-limit-project-tokens': '7',
      },
      [
        { limit: 'requests', window: 'minute', size: 500, remaining: 499, resetAt: at + 120 },
        { limit: 'tokens', window: 'minute', size: 200_000, remaining: 0, resetAt: at + 360_000 },
      ],
    ],
    [
      'Groq, whose requests are those of a day',
      {
        'retry-after': '2',
        'x-ratelimit-limit-requests': '14400',
        'x-ratelimit-limit-tokens': '18000',
        'x-ratelimit-remaining-requests': '14370',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-requests': '2m59.56s',
        'x-ratelimit-reset-tokens': '7.66s',
      },
      [
        { limit: 'requests', window: 'day', size: 14_400, remaining: 14_370, resetAt: at + 179_560 },
        { limit: 'tokens', window: 'minute', size: 18_000, remaining: 0, resetAt: at + 7_660 },
      ],
      { requestsHeaderWindow: 'day' },
    ],
    [
      'Azure, which may tell no sizes',
      { 'x-ratelimit-remaining-requests': '9', 'x-ratelimit-remaining-tokens': '1234', 'x-ms-region': 'Sweden' },
      [
        { limit: 'requests', window: 'minute', remaining: 9 },
        { limit: 'tokens', window: 'minute', remaining: 1_234 },
      ],
    ],
    [
      'Cerebras, with the window in the name and seconds',
      {
        'x-ratelimit-limit-requests-day': '1440',
        'x-ratelimit-remaining-requests-day': '1439',
        'x-ratelimit-reset-requests-day': '33011.5',
        'x-ratelimit-limit-tokens-minute': '6000',
        'x-ratelimit-remaining-tokens-minute': '5990',
        'x-ratelimit-reset-tokens-minute': '11.25',
      },
      [
        { limit: 'requests', window: 'day', size: 1_440, remaining: 1_439, resetAt: at + 33_011_500 },
        { limit: 'tokens', window: 'minute', size: 6_000, remaining: 5_990, resetAt: at + 11_250 },
      ],
    ],
    [
      'OpenRouter, of a day',
      { 'x-ratelimit-limit': '50', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1795478400000' },
      [{ limit: 'requests', window: 'day', size: 50, remaining: 0, resetAt: 1_795_478_400_000 }],
    ],
    [
      'OpenRouter, of a minute',
      { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(at + 60_000) },
      [{ limit: 'requests', window: 'minute', size: 20, remaining: 0, resetAt: at + 60_000 }],
    ],
    [
      'a reset in epoch seconds',
      { 'x-ratelimit-limit-requests': '60', 'x-ratelimit-reset-requests': String(at / 1_000 + 5) },
      [{ limit: 'requests', window: 'minute', size: 60, resetAt: at + 5_000 }],
    ],
    ['GitHub Models, which names only a type', { 'retry-after': '5631', 'x-ratelimit-type': 'UserByModelByDay' }, []],
    ['a limit of nothing', { 'x-ratelimit-limit-tokens': '0', 'x-ratelimit-remaining-tokens': '0' }, []],
    ['nobody', { 'content-type': 'application/json', 'retry-after': '3' }, []],
  ])('%s', (_who, headers, expected, options) => {
    expect(readLimits(headersOf(headers), at, options)).toEqual(expected)
  })

  it('are read once when a header is repeated, from the first', () => {
    const headers: Headers = [
      ['x-ratelimit-limit-requests', '60'],
      ['x-ratelimit-limit-requests', '90'],
      ['x-ratelimit-limit', '70'],
    ]
    expect(readLimits(headers, at)).toEqual([{ limit: 'requests', window: 'minute', size: 60 }])
  })

  it.each(['', ' ', '-5', '+5', '0x10', '1e3', 'NaN', 'Infinity', 'ten', '1,000', '1'.repeat(400), '1.2.3'])(
    'are not made of the number %j',
    (text) => {
      expect(readLimits([['x-ratelimit-limit-requests', text]], at)).toEqual([])
      expect(readLimits([['anthropic-ratelimit-requests-remaining', text]], at)).toEqual([])
    },
  )

  it.each(['', 'soon', 'in 5 s', '-5', '5 minutes', '99999-99-99', 'Infinity', '9'.repeat(400)])(
    'have no reset of %j',
    (reset) => {
      const headers = headersOf({
        'x-ratelimit-limit-requests': '60',
        'x-ratelimit-reset-requests': reset,
        'anthropic-ratelimit-input-tokens-limit': '90',
        'anthropic-ratelimit-input-tokens-reset': reset,
      })
      expect(readLimits(headers, at)).toEqual([
        { limit: 'input', window: 'minute', size: 90 },
        { limit: 'requests', window: 'minute', size: 60 },
      ])
    },
  )

  it('are finite, none below zero, and one for each limit, whatever the headers hold', () => {
    const names = fc
      .tuple(
        fc.constantFrom('anthropic-ratelimit-', 'x-ratelimit-', 'x-ratelimit-limit', 'ratelimit-'),
        fc.constantFrom('limit', 'remaining', 'reset', 'requests', 'tokens', 'input-tokens', 'unified', ''),
        fc.constantFrom(
          '',
          '-limit',
          '-remaining',
          '-reset',
          '-requests',
          '-tokens',
          '-requests-day',
          '-tokens-minute',
        ),
      )
      .map((parts) => parts.join(''))
    const values = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.nat().map(String),
      fc.nat(1e9).map((ms) => `${ms}ms`),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.stringMatching(/^[0-9.]{1,30}[hms]{0,2}$/),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values), { maxLength: 20 }), (headers) => {
        const readings = readLimits(headers, at)
        expect(new Set(readings.map(({ limit, window }) => `${limit} ${window}`)).size).toBe(readings.length)
        for (const reading of readings) {
          const { size = 1, remaining = 0, resetAt = at } = reading
          expect([size, remaining, resetAt].every(Number.isFinite)).toBe(true)
          expect(size).toBeGreaterThan(0)
          expect(remaining).toBeGreaterThanOrEqual(0)
          expect(reading.size ?? reading.remaining).toBeDefined()
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

describe("the simulator's headers", () => {
  const limits = { requestsPerMinute: 60, inputTokensPerMinute: 100_000, outputTokensPerMinute: 20_000 }

  it.each([
    ['anthropic', (server: ReturnType<typeof makeRateLimits>, now: number) => server.headers(now)],
    ['openai', (server: ReturnType<typeof makeRateLimits>, now: number) => openAiRateHeaders(server, now, undefined)],
  ] as const)(
    'of %s are those of its limits, and a meter that is made of them shows no more than they do',
    (_who, headersAt) => {
      const uses = fc.array(fc.tuple(fc.nat(5_000), fc.nat(9_000)), { minLength: 1, maxLength: 20 })
      fc.assert(
        fc.property(uses, (all) => {
          const server = makeRateLimits(limits)
          let now = at
          for (const [passes, tokens] of all) {
            now += passes
            if (server.admit(tokens, now) === undefined) server.spendOutput(tokens / 8, now)
          }
          const readings = readLimits(headersAt(server, now), now)
          expect(readings.map(({ size }) => size)).toContain(60)
          expect(readings.map(({ size }) => size)).toContain(100_000)
          for (const reading of readings) {
            const truth = server.state(now).find(({ limit }) => limit === reading.size)
            expect(rebase(undefined, reading, now)?.level).toBe(reading.remaining)
            expect(Math.abs((reading.remaining ?? 0) - (truth?.remaining ?? Number.NaN))).toBeLessThanOrEqual(500)
            expect(reading.resetAt).toBeGreaterThanOrEqual(now)
          }
        }),
      )
    },
  )

  it('of every Go duration are read back to the millisecond', () => {
    fc.assert(
      fc.property(fc.nat(100_000_000), (ms) => {
        const headers: Headers = [
          ['x-ratelimit-limit-tokens', '5'],
          ['x-ratelimit-reset-tokens', goDuration(ms)],
        ]
        expect(readLimits(headers, at)[0]?.resetAt).toBeCloseTo(at + ms, 2)
      }),
    )
  })
})
