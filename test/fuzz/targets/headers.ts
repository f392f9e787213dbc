/**
 * Headers that providers and clients send: limits, times to wait, announced ends, traces. Whatever they hold, what is read is
 * finite and fits the events that it goes into.
 */
import { Schema } from 'effect'
import { readLimits } from '#domain/dialect/limit-headers.ts'
import { durationMs, exhaustedUntil } from '#domain/dialect/openai/rate-headers.ts'
import { retryAt } from '#domain/dialect/retry-after.ts'
import { readSunset } from '#domain/dialect/sunset-headers.ts'
import { withUnifiedLimits } from '#domain/dialect/unified-limits.ts'
import { LimitReading } from '#domain/events.ts'
import { requestId } from '#domain/ids.ts'
import { attemptTraceparent, isSampled, readTraceparent, traceOf } from '#domain/trace-context.ts'
import type { Dice } from '../dice.ts'
import { mutate } from '../mutate.ts'
import { firstOf, pure, type Target } from '../target.ts'

const AT = 1_800_000_000_000
const fitsEvents = Schema.is(Schema.Array(LimitReading))

const NAMES = [
  ...['requests', 'tokens', 'input-tokens', 'output-tokens', 'unified', 'unified-5h', 'unified-7d'].flatMap((limit) =>
    ['limit', 'remaining', 'reset', 'status', 'utilization'].map((part) => `anthropic-ratelimit-${limit}-${part}`),
  ),
  ...['limit', 'remaining', 'reset'].flatMap((part) =>
    ['', '-requests', '-tokens', '-requests-day', '-tokens-minute'].map((limit) => `x-ratelimit-${part}${limit}`),
  ),
  ...['retry-after', 'retry-after-ms', 'sunset', 'deprecation', 'traceparent', 'x-should-retry'],
]

const VALUES = [
  ...[
    '0',
    '-0',
    '1',
    '-1',
    '1.5',
    '60',
    '4000',
    '1e3',
    '1e400',
    '0x10',
    'NaN',
    'Infinity',
    '-Infinity',
    '',
    ' ',
    'null',
  ],
  ...['1800000000', '1800000000000', '1795622400000', '9'.repeat(30), '9'.repeat(400), `0.${'0'.repeat(40)}1`],
  ...['6m0s', '1h2m3.5s', '120ms', '1us', '7.66s', `${'9'.repeat(200)}h`, '1m1m1m1m1m1mx', `${'1s'.repeat(2_000)}x`],
  ...['2026-11-27T10:00:00Z', '2026-02-31T25:61:61Z', '9999-12-31T23:59:59+23:59', '0000-00-00T00:00:00Z'],
  ...['Wed, 21 Oct 2026 07:28:00 GMT', 'Mon, 99 Xxx 9999 99:99:99 GMT', 'Sun, 31 Feb 2027 24:00:00 GMT', '@1800000000'],
  ...['@999999999999', '@-1', 'true', 'allowed', 'rejected', 'allowed_warning', '12;w=60', '1, 2'],
  ...[
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ],
  ...[
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-x',
  ],
]

/** Header values are latin-1 without line ends by the time they are read. */
const headerValue = (draws: Dice): string =>
  draws.chance(0.5)
    ? draws.pick(VALUES)
    : mutate(draws, Buffer.from(draws.pick(VALUES)), VALUES)
        .toString('latin1')
        .replaceAll(/[\r\n]/g, ' ')

const listOf = (draws: Dice): readonly (readonly [string, string])[] =>
  Array.from({ length: draws.below(12) }, () => [draws.pick(NAMES), headerValue(draws)] as const)

const limits = pure('limit-headers', 10, (draws) => {
  const headers = listOf(draws)
  const readings = readLimits(headers, AT, draws.chance(0.3) ? { requestsHeaderWindow: 'day' } : {})
  const again = withUnifiedLimits(headers, () => ({ standings: [], meters: [], at: AT }))
  return firstOf(
    [readings.length > 12, `${readings.length} readings`],
    [!fitsEvents(JSON.parse(JSON.stringify(readings))), `no readings for an event: ${JSON.stringify(readings)}`],
    [again.length !== headers.length, 'headers of nothing'],
  )
})

const times = pure('time-headers', 8, (draws) => {
  const headers = listOf(draws)
  const retry = retryAt(headers, AT)
  const chat = exhaustedUntil(headers, AT)
  const sunset = readSunset(headers)
  const ms = durationMs(headerValue(draws))
  return firstOf(
    [retry !== undefined && !(Number.isFinite(retry) && retry >= AT), `retry at ${retry}`],
    [chat !== undefined && !(Number.isFinite(chat) && chat >= AT), `used up until ${chat}`],
    [Object.values(sunset ?? {}).some((at) => !Number.isFinite(at)), `sunset ${JSON.stringify(sunset)}`],
    [ms !== undefined && !(Number.isFinite(ms) && ms >= 0), `a duration of ${ms}`],
  )
})

const PARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

const traces = pure('trace-context', 4, (draws) => {
  const id = requestId(`req_${draws.below(1e9)}`)
  const read = readTraceparent(draws.chance(0.1) ? undefined : headerValue(draws))
  const trace = traceOf(id, read)
  return firstOf(
    [read !== undefined && !PARENT.test(read), `read ${read}`],
    [!/^[0-9a-f]{32}$/.test(trace.traceId), `a trace ${trace.traceId}`],
    [typeof isSampled(trace, draws.next()) !== 'boolean', 'sampled by halves'],
    [
      !PARENT.test(attemptTraceparent(id, read, draws.below(5), draws.next())),
      'told a provider what is no traceparent',
    ],
  )
})

export const headerTargets: readonly Target[] = [limits, times, traces]
