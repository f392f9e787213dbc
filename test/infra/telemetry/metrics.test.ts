/**
 * Metrics are the log: over restarts, while the disk fails, and whatever clients make up.
 */
import { assert, describe, it } from '@effect/vitest'
import { Context, Effect, Exit, Fiber, Layer, References, Scope } from 'effect'
import { TestClock } from 'effect/testing'
import fc from 'fast-check'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'
import { type DomainEvent, type Fact, isFact } from '#domain/events.ts'
import type { Policy } from '#domain/policy.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { FAMILIES } from '#infra/telemetry/metrics/families.ts'
import { makeMetrics } from '#infra/telemetry/metrics.ts'
import { admitted, served1 } from '#test/attempt-events.ts'
import { known } from '#test/box.ts'
import { busyMetrics, observed } from '#test/busy-metrics.ts'
import { type ScrapedSample, samplesIn, sumOf } from '#test/exposition.ts'
import { histories, policies } from '#test/generators.ts'
import { recordingLog, unavailable } from '#test/recording-log.ts'

const metricsOf = (ledger: Ledger['Service'], log: EventLog['Service']) =>
  makeMetrics({ version: 'test', processMetrics: false }).pipe(
    Effect.provideService(Ledger, ledger),
    Effect.provideService(EventLog, log),
    Effect.map(({ render }) => Effect.map(render, ({ text }) => samplesIn(text))),
  )

/** One process: it records these, and is scraped at its begin and its end. */
const life = (log: EventLog['Service'], writer: string, happening: readonly Occurred[]) =>
  Effect.scoped(
    Effect.gen(function* () {
      const services = yield* Layer.build(
        ledgerLayer.layer({ writer }).pipe(Layer.provide(Layer.succeed(EventLog, log))),
      )
      const ledger = Context.get(services, Ledger)
      const scrape = yield* metricsOf(ledger, log)
      const begin = yield* scrape
      for (const { event, occurredAt } of happening) ledger.record(event as Fact, occurredAt)
      yield* observed(ledger)
      return { begin, end: yield* scrape }
    }),
  )

/** What the counters should say, counted from the events alone. */
const expected = (events: readonly DomainEvent[]): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>()
  const add = (key: string, amount = 1) => sums.set(key, (sums.get(key) ?? 0) + amount)
  for (const event of events) {
    switch (event._tag) {
      case 'AttemptStarted':
        if (event.attempt > 1) add(`signalbox_fallbacks_total provider=${event.provider}`)
        break
      case 'AttemptSucceeded':
        add('signalbox_requests_total outcome=success')
        add(`signalbox_attempts_total provider=${event.provider} outcome=success`)
        add('signalbox_attempt_duration_seconds_count outcome=success')
        add('signalbox_tokens_total type=output', event.usage.outputTokens)
        add('signalbox_tokens_total type=cache_read', event.usage.cacheReadTokens)
        add('signalbox_unpriced_attempts_total')
        break
      case 'AttemptFailed':
        add(`signalbox_attempts_total provider=${event.provider} reason=${event.reason._tag}`)
        if (event.usage === undefined) break
        add('signalbox_tokens_total type=output', event.usage.outputTokens)
        add('signalbox_tokens_total type=cache_read', event.usage.cacheReadTokens)
        add('signalbox_unpriced_attempts_total')
        break
      case 'RequestFailed':
        add('signalbox_requests_total outcome=failure')
        add(`signalbox_request_failures_total reason=${event.reason._tag}`)
        break
      case 'RequestCancelled':
        add('signalbox_requests_total outcome=cancelled')
        break
      case 'RequestAbandoned':
        add('signalbox_requests_total outcome=abandoned')
        break
      case 'RouteChosen':
        add(`signalbox_routes_total strategy=${event.strategy}`)
        break
      default:
        if (!isFact(event)) add(`signalbox_provider_transitions_total decision=${event._tag}`)
    }
  }
  return sums
}

const read = (samples: readonly ScrapedSample[], key: string): number => {
  const [name = '', ...labels] = key.split(' ')
  return sumOf(samples, name, Object.fromEntries(labels.map((label) => label.split('='))))
}

const policyChanged = (policy: Policy): Occurred => ({
  event: { _tag: 'PolicyChanged', version: 1, policy },
  occurredAt: 0,
  writer: 'box',
})

describe('the counters', () => {
  it('equal the log after any history with a restart anywhere in it, and never go back', async () => {
    await fc.assert(
      fc.asyncProperty(policies, histories(), fc.nat(60), async (policy, all, cut) => {
        const told = [policyChanged(policy), ...all]
        const { before, after, rows } = await Effect.runPromise(
          Effect.scoped(
            Effect.gen(function* () {
              const log = Context.get(yield* Layer.build(layerMemory()), EventLog)
              const before = yield* life(log, 'first', told.slice(0, cut))
              const after = yield* life(log, 'second', told.slice(cut))
              return { before, after, rows: known(yield* log.read({ after: 0, limit: 10_000 })) }
            }),
          ),
        )
        for (const [key, value] of expected(rows.map(({ event }) => event))) {
          assert.strictEqual(read(after.end, key), value, key)
        }
        const counters = before.end.filter(
          ({ name }) => /_(total|count|bucket)$/.test(name) && !name.includes('_append_'),
        )
        for (const { name, labels, value } of counters) {
          const again = after.begin.find((one) => one.name === name && same(one.labels, labels))
          assert.strictEqual(again?.value, value, name)
        }
      }),
      { numRuns: 60 },
    )
  })

  it.effect('show nothing that a crash could take back, and nothing twice', () =>
    Effect.gen(function* () {
      const { control, open, shared, scope, now } = yield* recordingLog
      const ledger = yield* open('w1')
      const record = (events: readonly DomainEvent[]) => {
        for (const event of events) ledger.record(event as Fact, now())
      }
      const scrape = yield* metricsOf(ledger, shared)
      control.fail = unavailable
      record(served1('req_a'))
      yield* TestClock.adjust(1_000)
      assert.strictEqual(sumOf(yield* scrape, 'signalbox_requests_total'), 0)
      assert.strictEqual(sumOf(yield* scrape, 'signalbox_event_log_failing'), 1)
      // Three facts and a decision.
      assert.strictEqual(sumOf(yield* scrape, 'signalbox_event_log_pending_events'), 4)
      // Made while some events are on their way to the log, and others wait.
      record(served1('req_b'))
      const late = yield* metricsOf(ledger, shared)
      control.fail = () => undefined
      yield* TestClock.adjust(10_000)
      record(served1('req_c'))
      yield* TestClock.adjust(1_000)
      assert.strictEqual(sumOf(yield* scrape, 'signalbox_requests_total'), 3)
      assert.strictEqual(sumOf(yield* late, 'signalbox_requests_total'), 3)
      assert.strictEqual(sumOf(yield* scrape, 'signalbox_event_log_pending_events'), 0)
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provideService(References.MinimumLogLevel, 'None')),
  )

  it.effect('tell how long commits took', () =>
    Effect.gen(function* () {
      const { control, open, shared, now } = yield* recordingLog
      control.appendMs = 40
      const ledger = yield* open('w1')
      const scrape = yield* metricsOf(ledger, shared)
      ledger.record(admitted('req_a') as Fact, now())
      yield* TestClock.adjust(1_000)
      const samples = yield* scrape
      assert.strictEqual(sumOf(samples, 'signalbox_event_log_append_seconds_count'), 1)
      assert.closeTo(sumOf(samples, 'signalbox_event_log_append_seconds_sum'), 0.04, 1e-9)
      assert.strictEqual(sumOf(samples, 'signalbox_event_log_append_seconds_bucket', { le: '0.02' }), 0)
      assert.strictEqual(sumOf(samples, 'signalbox_event_log_append_seconds_bucket', { le: '0.05' }), 1)
    }),
  )
})

describe('a scrape', () => {
  it.live('has a value for every metric that there is, and for no other', () =>
    Effect.gen(function* () {
      const names = new Set(samplesIn(yield* busyMetrics).map(({ name }) => name))
      const own = FAMILIES.flatMap(({ name, type }) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      )
      assert.sameMembers(
        [...names].filter((name) => name.startsWith('signalbox_')),
        own,
      )
      assert.includeMembers([...names], ['process_start_time_seconds', 'process_resident_memory_bytes'])
    }),
  )

  it.live('says dollars, seconds and shares', () =>
    Effect.gen(function* () {
      const samples = samplesIn(yield* busyMetrics)
      const cost = (basis: string) => sumOf(samples, 'signalbox_cost_usd_total', { basis })
      assert.deepStrictEqual([cost('priced'), cost('reported'), cost('estimated')], [0.003, 0.004, 0.001])
      assert.strictEqual(sumOf(samples, 'signalbox_budget_limit_usd', { budget: 'monthly' }), 50)
      assert.closeTo(sumOf(samples, 'signalbox_budget_used_ratio', { budget: 'monthly' }), 0.008 / 50, 1e-9)
      assert.strictEqual(sumOf(samples, 'signalbox_limit_size', { provider: 'alpha', window: 'day' }), 1_000)
      const daily = { provider: 'alpha', limit: 'requests', window: 'day' }
      // Six attempts, and what a bucket of a day refills in two minutes.
      assert.closeTo(sumOf(samples, 'signalbox_limit_remaining', daily), 995, 2)
      assert.closeTo(sumOf(samples, 'signalbox_limit_used_ratio', daily), 0.005, 0.002)
      assert.strictEqual(sumOf(samples, 'signalbox_limit_frees_seconds', daily), 0)
      assert.isAbove(sumOf(samples, 'signalbox_limit_full_seconds', daily), 60)
      assert.isAbove(sumOf(samples, 'signalbox_route_score', { provider: 'alpha' }), 0)
      assert.strictEqual(sumOf(samples, 'signalbox_provider_state', { provider: 'alpha', state: 'healthy' }), 1)
      assert.strictEqual(sumOf(samples, 'signalbox_provider_state', { provider: 'alpha' }), 1)
    }),
  )

  it.effect('goes without the sizes of the files while the log cannot tell them', () =>
    Effect.gen(function* () {
      const { open, shared } = yield* recordingLog
      const ledger = yield* open('w1')
      const scrape = yield* metricsOf(ledger, { ...shared, stats: Effect.never })
      const scraping = yield* Effect.forkChild(scrape)
      yield* TestClock.adjust(1_000)
      const samples = yield* Fiber.join(scraping)
      assert.strictEqual(sumOf(samples, 'signalbox_build_info', { version: 'test' }), 1)
      assert.isUndefined(samples.find(({ name }) => name === 'signalbox_event_log_wal_bytes'))
    }),
  )
})

const same = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([label, value]) => b[label] === value)
