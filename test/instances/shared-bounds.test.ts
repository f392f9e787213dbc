/**
 * What real instances draw on together, on a real PostgreSQL: a limit that the operator named, and a hard budget.
 */
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { configOf } from '#test/signalbox-process.ts'
import { instancesRun } from './run.ts'

/** The longest that leave is waited for, and as much again on a busy machine. */
const LEAVE_MS = 1_000

const run = { seed: 3, instances: 3, faults: [], calmMs: 6_000, connections: 24, pauseMs: 0 }

const FEW = 5

const of = <T extends RecordedEvent['event']['_tag']>(rows: readonly RecordedEvent[], tag: T) =>
  rows.flatMap(({ event, occurredAt }) =>
    event._tag === tag ? [{ event: event as Extract<RecordedEvent['event'], { readonly _tag: T }>, occurredAt }] : [],
  )

it.live(
  'three instances never send more than a common limit allows',
  () =>
    Effect.gen(function* () {
      const perMinute = 120
      const { problems, rows } = yield* instancesRun({
        ...run,
        config: ([first]) => {
          const config = configOf(...(first === undefined ? [] : [first]))
          const providers = Object.entries(config.providers).map(([id, provider]) => [
            id,
            { ...provider, limits: { requestsPerMinute: perMinute } },
          ])
          return { ...config, providers: Object.fromEntries(providers) }
        },
      })
      expect(problems).toEqual([])
      const sent = of(rows, 'AttemptStarted')
        .map(({ occurredAt }) => occurredAt)
        .toSorted((a, b) => a - b)
      const from = sent[0] ?? 0
      // Leave for it was given a moment before, by the database's clock. Where the machine is so busy that the database takes half a second,
      // an instance goes by its own share of the limit (docs/operations.md): a few more.
      for (const [index, at] of sent.entries()) {
        expect(index + 1).toBeLessThanOrEqual(perMinute + ((at - from + LEAVE_MS) * perMinute) / 60_000 + FEW)
      }
      expect(sent.length).toBeGreaterThan(perMinute)
    }),
  120_000,
)

it.live(
  'three instances never spend more than a hard budget together',
  () =>
    Effect.gen(function* () {
      const price = { input: 1, output: 100, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 }
      const { rows } = yield* instancesRun({
        ...run,
        config: (all) => {
          const config = configOf(...all)
          const providers = Object.entries(config.providers).map(([id, provider]) => [
            id,
            { ...provider, prices: { '*': price } },
          ])
          return {
            ...config,
            providers: Object.fromEntries(providers),
            budgets: { monthly: { period: 'month', usd: 0.5, action: 'refuse' } },
          }
        },
      })
      const cost = (tag: 'AttemptSucceeded' | 'AttemptFailed') =>
        of(rows, tag).reduce((sum, { event }) => sum + (event.costNanoUsd ?? 0), 0)
      const spent = cost('AttemptSucceeded') + cost('AttemptFailed')
      expect(spent).toBeLessThanOrEqual(0.5e9)
      expect(spent).toBeGreaterThan(0.4e9)
      expect(of(rows, 'RequestFailed').length).toBeGreaterThan(0)
    }),
  120_000,
)
