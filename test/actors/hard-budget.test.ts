/**
 * Hard budgets over the real cascade, in the time of the test clock: however many requests come at once, no more is spent than
 * planned; what is held back comes back; a crash loses nothing of it.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { budgetUse } from '#domain/projections/budgets.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { answers, known, openTestBox, wire } from '#test/box.ts'

/** USD per million tokens. The scripted answer bills 10 tokens of input, 5 read from the cache, 7 of output. */
const price = { input: 100, output: 1_000, cacheRead: 10, cacheWrite5m: 100, cacheWrite1h: 100 }
const COST = 10 * 100_000 + 5 * 10_000 + 7 * 1_000_000
const LIMIT = 200_000_000
const budgets = [{ name: 'daily', period: 'day' as const, limitNanoUsd: LIMIT, hard: {} }]
const priced = { prices: { '*': price } }

const isFrom = (events: readonly RecordedEvent[], tag: RecordedEvent['event']['_tag']) =>
  events.filter(({ event }) => event._tag === tag)

/** At every moment: what was spent, and what attempts under way hold back. */
const exposures = (events: readonly RecordedEvent[]): readonly number[] => {
  const held = new Map<string, number>()
  let spent = 0
  return events.map(({ event }) => {
    if (event._tag === 'AttemptStarted') held.set(event.requestId, event.reservedNanoUsd ?? 0)
    if (event._tag === 'AttemptSucceeded' || event._tag === 'AttemptFailed') {
      held.delete(event.requestId)
      spent += event.costNanoUsd ?? 0
    }
    return spent + [...held.values()].reduce((sum, one) => sum + one, 0)
  })
}

describe('a hard budget', () => {
  it.effect('is never overshot by a thousand requests at once, and all that it refuses are told why', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({ only: () => answers.stream('yes') }, { budgets }, priced)
      const sent = yield* Effect.forEach(Array.from({ length: 1_000 }), () => box.send({ maxTokens: 10 }))
      yield* TestClock.adjust('1 minute')
      for (const { done } of sent) yield* done
      const events = known(yield* box.events)
      const served = isFrom(events, 'AttemptSucceeded').length
      // Each may cost 10 tokens of output and 26 of its prompt (15, and twice 35 % more): 12.6 million of the 200.
      expect(served).toBe(15)
      expect(Math.max(...exposures(events))).toBeLessThanOrEqual(LIMIT)
      const refused = sent.filter(({ seen }) => seen.status === 429)
      expect(refused).toHaveLength(1_000 - served)
      expect(refused[0]?.seen.text).toContain('The budget daily has nothing left for this request')
      // Fifteen attempts hold back what the others need: worth waiting for.
      expect(Object.fromEntries(refused[0]?.seen.headers ?? [])).toMatchObject({
        'retry-after': '5',
        'x-should-retry': 'true',
      })
    }),
  )

  it.effect('serves on until nothing fits any more, and then says until when', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({ only: () => answers.stream('yes') }, { budgets }, priced)
      let served = 0
      for (;;) {
        const { seen, done } = yield* box.send({ maxTokens: 10 })
        yield* TestClock.adjust('1 second')
        yield* done
        if (seen.status !== 200) {
          const headers = Object.fromEntries(seen.headers)
          expect(headers['x-should-retry']).toBe('false')
          expect(Number(headers['retry-after'])).toBeGreaterThan(60)
          break
        }
        served += 1
      }
      const [use] = budgetUse(box.ledger.state.projections.budgets, box.now())
      expect(use).toMatchObject({ spentNanoUsd: served * COST, reservedNanoUsd: 0 })
      // What is left is less than one more may cost.
      expect(LIMIT - served * COST).toBeLessThan(13_000_000)
    }),
  )

  it.effect('counts what a stream had cost that broke off, and what a request cost whose client left', () =>
    Effect.gen(function* () {
      const broken = [
        ...answers.stream('x').slice(0, 6),
        { fail: { _tag: 'Transport', code: 'ECONNRESET', connect: false } } as const,
      ]
      const box = yield* openTestBox({ only: (n) => (n === 0 ? broken : answers.silent) }, { budgets }, priced)
      const first = yield* box.send({ maxTokens: 10 })
      yield* TestClock.adjust('1 second')
      yield* first.done
      const second = yield* box.send({ maxTokens: 10 })
      yield* TestClock.adjust('1 second')
      yield* second.leave
      const failed = isFrom(known(yield* box.events), 'AttemptFailed').map(({ event }) => event)
      expect(failed).toMatchObject([
        { reason: { _tag: 'Transport' }, costNanoUsd: 10 * 100_000 + 5 * 10_000 + 1_000_000 },
        { reason: { _tag: 'Cancelled' }, estimated: true },
      ])
      const spent = failed.reduce((sum, event) => sum + ('costNanoUsd' in event ? (event.costNanoUsd ?? 0) : 0), 0)
      expect(budgetUse(box.ledger.state.projections.budgets, box.now())).toMatchObject([
        { spentNanoUsd: spent, reservedNanoUsd: 0 },
      ])
    }),
  )

  it.effect('lets free providers serve when it is used up', () =>
    Effect.gen(function* () {
      const free = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 }
      const box = yield* openTestBox(
        { dear: () => answers.stream('dear'), local: () => answers.stream('local') },
        { budgets: [{ name: 'none', period: 'day', limitNanoUsd: 0, hard: {} }] },
        { prices: { 'claude-*': price, 'local-*': free }, models: { 'claude-*': 'claude-sonnet-5-5' } },
      )
      const policy = box.ledger.state.policy
      box.ledger.record(
        {
          _tag: 'PolicyChanged',
          version: 2,
          policy: {
            ...policy,
            providers: policy.providers.map((one) =>
              one.id === 'local' ? { ...one, models: { 'claude-*': 'local-model' } } : one,
            ),
          },
        },
        box.now(),
      )
      const { seen, done } = yield* box.send({ maxTokens: 10 })
      yield* TestClock.adjust('1 second')
      yield* done
      expect(seen.text).toContain(wire.delta('local'))
    }),
  )

  it.effect('steps down to a cheaper model, which is then asked for', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox(
        { only: () => answers.stream('yes') },
        {
          budgets: [
            { name: 'daily', period: 'day', limitNanoUsd: 1, hard: { strategy: 'cost', model: 'claude-haiku-5-5' } },
          ],
        },
        priced,
      )
      const models = () =>
        Effect.map(box.events, (rows) =>
          isFrom(known(rows), 'AttemptStarted').map(({ event }) => ('model' in event ? event.model : '')),
        )
      for (const _ of [1, 2]) {
        const { done } = yield* box.send({ maxTokens: 10 })
        yield* TestClock.adjust('1 second')
        yield* done
      }
      expect(yield* models()).toEqual(['claude-sonnet-5-5', 'claude-haiku-5-5'])
    }),
  )
})
