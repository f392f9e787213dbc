/** What was spent: by row, day and hour the same, and what has no price is known as such. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId } from '#domain/ids.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { HOURS_KEPT, OTHER, type Spend, spend, UNPRICED_HOURS_KEPT, UNPRICED_KEPT } from '#domain/projections/spend.ts'
import { noUsage } from '#domain/usage.ts'
import { EPOCH, histories, requestNamed, served } from '#test/generators.ts'

const HOUR = 3_600_000
const provider = providerId('vertex')
const model = modelId('claude-sonnet-5-5')

const fold = (events: readonly (readonly [number, DomainEvent])[]): Spend =>
  events.reduce(
    (state, [occurredAt, event]) => spend.evolve(state, { event, occurredAt, writer: 'box' }),
    spend.initial(),
  )

const named = { requestId: requestNamed(1), attempt: 1, provider, model }
const succeeded = (more: object = {}): DomainEvent => ({
  _tag: 'AttemptSucceeded',
  ...named,
  ...served,
  durationMs: 1,
  ...more,
})
const failed = (more: object = {}): DomainEvent => ({
  _tag: 'AttemptFailed',
  ...named,
  reason: { _tag: 'ServerError' },
  stage: 'S2',
  durationMs: 1,
  draw: 0,
  ...more,
})

/** Valid lives of requests whose ends have a cost, or none. */
const costly: fc.Arbitrary<readonly Occurred[]> = histories().chain((events) =>
  fc.array(fc.option(fc.nat(1_000_000)), { minLength: events.length, maxLength: events.length }).map((costs) =>
    events.map((occurred, index) => {
      const cost = costs[index]
      const { event } = occurred
      const ends = ['AttemptSucceeded', 'AttemptFailed', 'RequestAbandoned'].includes(event._tag)
      return ends && cost !== null ? { ...occurred, event: { ...event, costNanoUsd: cost } as DomainEvent } : occurred
    }),
  ),
)

describe('the cost', () => {
  it('is in the rows, the days and the hours alike, and is all that was billed', () => {
    fc.assert(
      fc.property(costly, (events) => {
        const { rows, days, hours } = fold(events.map(({ occurredAt, event }) => [occurredAt, event]))
        const billed = events.reduce((sum, { event }) => {
          const isAtProvider = event._tag !== 'RequestAbandoned' || event.provider !== undefined
          return 'costNanoUsd' in event && isAtProvider ? sum + (event.costNanoUsd ?? 0) : sum
        }, 0)
        for (const buckets of [[...rows.values()], days, hours]) {
          expect(buckets.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)).toBe(billed)
        }
      }),
    )
  })

  it('is what the provider says it charged, before what the prices say', () => {
    const { hours } = fold([[EPOCH, succeeded({ costNanoUsd: 5, reportedCostNanoUsd: 7 })]])
    expect(hours).toEqual([{ slot: EPOCH / HOUR, attempts: 1, costNanoUsd: 7 }])
  })

  it('of a failed attempt counts with and without its tokens', () => {
    const { days } = fold([
      [EPOCH, failed({ costNanoUsd: 3 })],
      [EPOCH, failed({ costNanoUsd: 4, usage: { ...noUsage, outputTokens: 9 } })],
      [EPOCH, failed()],
    ])
    expect(days[0]).toMatchObject({ attempts: 2, costNanoUsd: 7, usage: { outputTokens: 9 } })
  })

  it('of an abandoned attempt is booked on the model that it asked for', () => {
    const size = { stream: true, bodyBytes: 1, messages: 1, tools: 0, images: 0, draw: 0 }
    const abandoned: DomainEvent = {
      _tag: 'RequestAbandoned',
      requestId: named.requestId,
      attempts: 1,
      provider,
      costNanoUsd: 8,
    }
    const { rows } = fold([
      [EPOCH, { _tag: 'RequestAdmitted', requestId: named.requestId, model: modelId('asked'), ...size }],
      [EPOCH, { _tag: 'AttemptStarted', ...named }],
      [EPOCH, abandoned],
    ])
    expect([...rows.values()]).toMatchObject([{ provider, model, costNanoUsd: 8 }])
    // Of a request that the log does not hold.
    expect([...fold([[EPOCH, abandoned]]).rows.values()]).toMatchObject([{ provider, model: OTHER, costNanoUsd: 8 }])
  })

  it('is kept for two days, hour by hour', () => {
    const many = Array.from({ length: 60 }, (_, n) => [EPOCH + n * HOUR, succeeded({ costNanoUsd: n })] as const)
    const { hours } = fold(many)
    expect(hours).toHaveLength(HOURS_KEPT)
    expect(hours.at(-1)).toEqual({ slot: EPOCH / HOUR + 59, attempts: 1, costNanoUsd: 59 })
  })
})

describe('what has no price', () => {
  it('is counted by provider, model and hour, and costs nothing in the sums', () => {
    const { unpriced, rows } = fold([
      [EPOCH, succeeded()],
      [EPOCH, succeeded({ model: modelId('other') })],
      [EPOCH + HOUR, failed({ usage: noUsage })],
      [EPOCH + HOUR, succeeded({ costNanoUsd: 0 })],
      [EPOCH + HOUR, succeeded({ reportedCostNanoUsd: 0 })],
    ])
    const slot = EPOCH / HOUR
    expect([...unpriced.values()]).toEqual([
      { provider, model: 'other', hours: [{ slot, attempts: 1 }] },
      {
        provider,
        model,
        hours: [
          { slot, attempts: 1 },
          { slot: slot + 1, attempts: 1 },
        ],
      },
    ])
    expect([...rows.values()].map(({ costNanoUsd }) => costNanoUsd)).toEqual([0, 0])
  })

  it('is kept for some models and a day', () => {
    const models = Array.from({ length: 80 }, (_, n) => [EPOCH, succeeded({ model: modelId(`m${n}`) })] as const)
    expect(fold(models).unpriced.size).toBe(UNPRICED_KEPT)
    const hours = Array.from({ length: 40 }, (_, n) => [EPOCH + n * HOUR, succeeded()] as const)
    expect([...fold(hours).unpriced.values()][0]?.hours).toHaveLength(UNPRICED_HOURS_KEPT)
  })
})
