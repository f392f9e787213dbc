/**
 * The metrics of a box to which everything has happened that a metric tells of: every one of them has a value.
 */
import { Context, Effect, Layer } from 'effect'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { Membership } from '#actors/membership.ts'
import { EventLog } from '#actors/ports.ts'
import type { DomainEvent, Fact } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultPolicy, type Policy } from '#domain/policy.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { makeMetrics } from '#infra/telemetry/metrics.ts'
import { admitted, failed, served1, started } from '#test/attempt-events.ts'
import { policyOf, provider } from '#test/box.ts'
import { envelopes } from '#test/recorded-events.ts'

const policy: Policy = policyOf(
  [
    provider('alpha', { limits: { requestsPerMinute: 100, requestsPerDay: 1_000, tokensPerMinute: 100_000 } }),
    provider('beta', { limits: { requestsPerMinute: 1 } }),
  ],
  { routing: defaultPolicy.routing, budgets: [{ name: 'monthly', period: 'month', limitNanoUsd: 50e9 }] },
)

const usage = {
  ...{ inputTokens: 10, outputTokens: 50, cacheReadTokens: 30, cacheWrite5mTokens: 20, cacheWrite1hTokens: 5 },
}

/** With the decisions that the ledger adds. A route that waits cannot be had from facts alone, and is given. */
const happened: readonly DomainEvent[] = [
  { _tag: 'PolicyChanged', version: 1, policy },
  { _tag: 'ConfigChanged', source: 'file', changed: ['routing.strategy'] },
  ...served1('req_a', { usage, answer: { costNanoUsd: 2e6, cacheSavedNanoUsd: 1e6 } }),
  ...served1('req_b', { usage, answer: { costNanoUsd: 3e6, reportedCostNanoUsd: 4e6, cacheSavedNanoUsd: -1e6 } }),
  ...served1('req_c', { usage }),
  admitted('req_d'),
  started('req_d'),
  failed('req_d', { reason: { _tag: 'Overloaded', status: 529 }, stage: 'S0' }),
  started('req_d', 2, 'beta'),
  failed('req_d', { provider: providerId('beta'), attempt: 2, costNanoUsd: 1e6, estimated: true }),
  {
    ...{ _tag: 'RequestFailed', requestId: requestId('req_d'), attempts: 2, status: 200 },
    reason: { _tag: 'Transport', code: 'ECONNRESET', connect: false },
  },
  { _tag: 'AlertRaised', alertId: 'a', kind: 'diskSpace', subject: '', severity: 'critical', value: 1, threshold: 2 },
  { _tag: 'ProviderChecked', provider: providerId('alpha'), ok: true, durationMs: 20 },
  admitted('req_e', { model: modelId('claude-sonnet-5-5') }),
  {
    _tag: 'RouteChosen',
    requestId: requestId('req_e'),
    ...{ strategy: 'priority', policyVersion: 1, order: [], factors: {}, skipped: [], propensity: 1 },
    queue: { providers: [providerId('alpha')], until: 4e12 },
  },
  started('req_e'),
  { _tag: 'ProviderThrottled', provider: providerId('beta'), until: 4e12, because: { _tag: 'RateLimited' }, level: 1 },
]

/** One of two that share the log. */
const one: Membership = {
  ...{ name: 'one', instances: () => [], present: () => 2, isLeader: () => true, answeredAt: () => undefined },
}

const intake = () => ({
  requests: 3,
  bodyBytes: 300_000,
  capacity: { requests: 1_000, bodyBytes: 256e6 },
  refused: { requests: 2, bodies: 1, log: 0 },
})

/** The exposition text, with the metrics of the process too. */
export const busyMetrics = Effect.scoped(
  Effect.gen(function* () {
    // What a log holds already, decisions too, is folded as it is; what is recorded then goes through the ledger.
    const services = yield* Layer.build(layerMemory())
    const log = Context.get(services, EventLog)
    const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    yield* log.append(envelopes('earlier', at - 100_000)(happened))
    const live = yield* Layer.build(
      ledgerLayer.layer({ writer: 'later' }).pipe(Layer.provide(Layer.succeed(EventLog, log))),
    )
    const ledger = Context.get(live, Ledger)
    const { render } = yield* makeMetrics({ version: 'test', processMetrics: true, intake }).pipe(
      Effect.provideService(Ledger, ledger),
      Effect.provideService(EventLog, log),
      Effect.provideService(Membership, one),
    )
    for (const event of served1('req_f', { usage, answer: { costNanoUsd: 1e6 } })) ledger.record(event as Fact, at)
    yield* observed(ledger)
    while (ledger.lag().snapshotAt === undefined) yield* Effect.yieldNow
    return (yield* render).text
  }),
)

/** Waits until everything recorded so far is durable, and every listener has heard of it. */
export const observed = (ledger: Ledger['Service']) =>
  Effect.scoped(
    Effect.gen(function* () {
      let heard = 0
      // Listeners are called in the order in which they came: this one is the last.
      yield* ledger.subscribe((events) => {
        heard = events.at(-1)?.position ?? heard
      })
      const last = ledger.health().committedPosition + ledger.lag().uncommitted
      if (ledger.lag().uncommitted === 0) return
      yield* ledger.committed
      while (heard < last) yield* Effect.yieldNow
    }),
  )
