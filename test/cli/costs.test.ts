import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestConsole } from 'effect/testing'
import { EventLog } from '#actors/ports.ts'
import { type CostsOptions, costs, parseDimensions, parseEdge } from '#cli/costs.ts'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { envelopes } from '#test/recorded-events.ts'

const NOON = Date.UTC(2026, 10, 23, 12)
const DAY_MS = 86_400_000

const served = (n: number, provider: string, nano: number | undefined): readonly DomainEvent[] => {
  const id = requestId(`req_${n}`)
  const attempt = { requestId: id, attempt: 1, provider: providerId(provider), model: modelId('claude-opus-5-5') }
  const usage = {
    inputTokens: 1_000,
    outputTokens: 20,
    cacheReadTokens: 3_000,
    cacheWrite5mTokens: 4,
    cacheWrite1hTokens: 6,
  }
  return [
    {
      ...{ _tag: 'RequestAdmitted', requestId: id, model: modelId('claude-opus-5-5'), stream: true, bodyBytes: 1 },
      ...{ messages: 1, tools: 0, images: 0, draw: 0, project: '=a, "b"' },
    },
    { _tag: 'AttemptStarted', ...attempt },
    {
      ...{ _tag: 'AttemptSucceeded', ...attempt, status: 200, usage, stopReason: null, ttftMs: 1, durationMs: 2 },
      ...{ responseBytes: 3, ...(nano === undefined ? {} : { costNanoUsd: nano, cacheSavedNanoUsd: 500_000_000 }) },
    },
  ]
}

/** Two days: vertex and openrouter on the first, an unpriced attempt of ollama on the second. */
const filled = Effect.gen(function* () {
  const log = yield* EventLog
  const wrap = envelopes()
  const at = (time: number, events: readonly DomainEvent[]) =>
    log.append(wrap(events).map((event) => ({ ...event, occurredAt: time })))
  yield* at(NOON, served(1, 'vertex', 1_250_000_000))
  yield* at(NOON, served(2, 'openrouter', 10_000))
  yield* at(NOON + DAY_MS, served(3, 'ollama', undefined))
})

const printed = (options: Partial<CostsOptions>) =>
  Effect.gen(function* () {
    yield* filled
    expect(
      yield* costs({ by: ['day'], from: undefined, to: undefined, timeZone: 'UTC', format: 'table', ...options }),
    ).toBe(0)
    return (yield* TestConsole.logLines).join('\n')
  }).pipe(Effect.provide(layerMemory()))

it.effect('prints a table with a line of totals, and says what is not in it', () =>
  Effect.gen(function* () {
    expect(yield* printed({ by: ['day', 'provider'] })).toBe(
      [
        'day         provider    requests  attempts  input  output  cache read  written   cost  cache saved  switches  estimated  unpriced',
        '2026-11-23  vertex             1         1  1,000      20       3,000       10  $1.25        $0.50     $0.00      $0.00         0',
        '2026-11-23  openrouter         1         1  1,000      20       3,000       10  $0.00        $0.50     $0.00      $0.00         0',
        '2026-11-24  ollama             1         1  1,000      20       3,000       10  $0.00        $0.00     $0.00      $0.00         1',
        'total                          3         3  3,000      60       9,000       30  $1.25        $1.00     $0.00      $0.00         1',
        '',
        'Unpriced attempts have a model without a price; what they cost is not in these figures (docs/costs.md).',
      ].join('\n'),
    )
  }),
)

it.effect('prints JSON with whole billionths of a dollar', () =>
  Effect.gen(function* () {
    const { rows, total, groups } = JSON.parse(yield* printed({ by: ['provider'], format: 'json' }))
    expect(rows.map((row: Record<string, unknown>) => [row.provider, row.costNanoUsd, row.unpriced])).toEqual([
      ['vertex', 1_250_000_000, 0],
      ['openrouter', 10_000, 0],
      ['ollama', 0, 1],
    ])
    expect(total).toMatchObject({ requests: 3, costNanoUsd: 1_250_010_000, unpriced: 1 })
    expect(groups).toBe(3)
  }),
)

it.effect('prints CSV whose names cannot break a row, and are no formulas', () =>
  Effect.gen(function* () {
    const [head, row, ...rest] = (yield* printed({ by: ['project'], format: 'csv' })).split('\n')
    expect(head?.split(',').slice(0, 3)).toEqual(['project', 'requests', 'attempts'])
    expect(row).toMatch(/^"'=a, ""b""",3,3,/)
    expect(rest).toEqual([])
  }),
)

it.effect('keeps to a span', () =>
  Effect.gen(function* () {
    const from = parseEdge('2026-11-24', 'UTC', false)
    const { total } = JSON.parse(yield* printed({ from, to: parseEdge('2026-11-24', 'UTC', true), format: 'json' }))
    expect(total).toMatchObject({ requests: 1, unpriced: 1 })
  }),
)

it('takes days in the time zone, to their ends, however long they are', () => {
  const day = (text: string, end: boolean) => new Date(parseEdge(text, 'Europe/Berlin', end)).toISOString()
  expect(day('2026-03-29', false)).toBe('2026-03-28T23:00:00.000Z')
  expect(day('2026-03-29', true)).toBe('2026-03-29T22:00:00.000Z')
  expect(day('2026-03-29T10:00Z', true)).toBe('2026-03-29T10:00:00.000Z')
  expect(() => parseEdge('soon', 'UTC', false)).toThrow(/"soon" is not a time/)
})

it('takes one or two dimensions, and says which there are', () => {
  expect(parseDimensions('day, provider')).toEqual(['day', 'provider'])
  for (const wrong of ['', 'weekday', 'day,day', 'day,model,key']) {
    expect(() => parseDimensions(wrong), wrong).toThrow(/is not one or two of day, hour, provider/)
  }
})
