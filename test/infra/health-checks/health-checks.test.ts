/**
 * Health checks in virtual time: who is asked when, what is recorded of it, and that nothing else hears of it.
 */
import { assert, describe, it } from '@effect/vitest'
import { Effect, Random } from 'effect'
import { TestClock } from 'effect/testing'
import { Ledger } from '#actors/ledger.ts'
import type { Upstream } from '#actors/ports.ts'
import type { FailureReason } from '#domain/failure.ts'
import { providerId } from '#domain/ids.ts'
import { defaultBreaker, defaultTimeouts } from '#domain/policy.ts'
import { isUnwell } from '#domain/projections/checks.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { startHealthChecks } from '#infra/health-checks/health-checks.ts'
import { plainAnthropic } from '#infra/upstream/profile.ts'
import { answers, known, openTestBox, type Scripts } from '#test/box.ts'
import type { Move, Recording } from '#test/scripted-upstream.ts'
import { HOUR, onSettableClock } from '#test/settable-clock.ts'

const INTERVAL_MS = 60_000
/** A jitter that makes every pause as long as it can be is passed after this. */
const ROUND_MS = 1.2 * INTERVAL_MS

const listed: readonly Move[] = [
  { connected: true },
  { wait: 20 },
  { headers: 200, list: [['content-type', 'application/json']] },
  { data: '{"data":[]}' },
  { end: true },
]
const closed: FailureReason = { _tag: 'Transport', code: 'ECONNREFUSED', connect: true }

const resolvedAs = (id: string, more: Partial<ResolvedProvider> = {}): ResolvedProvider => ({
  id: providerId(id),
  kind: 'anthropic-compatible',
  profile: plainAnthropic,
  baseUrl: 'http://127.0.0.1:1',
  credential: { _tag: 'None' },
  headers: [],
  tls: {},
  policy: { enabled: true, priority: 1, models: {}, breaker: defaultBreaker, timeouts: defaultTimeouts },
  ...more,
})

interface More {
  readonly intervalMs?: () => number
  readonly provider?: Partial<ResolvedProvider>
  /** Instead of the scripted ones. */
  readonly upstream?: (scripted: Upstream | undefined) => Upstream | undefined
  readonly enabled?: boolean
}

/** A box whose providers are checked; the n-th exchange with each follows its script. */
const checkedBox = (scripts: Scripts, more: More = {}) =>
  Effect.gen(function* () {
    const box = yield* openTestBox(scripts, {}, more.enabled === undefined ? {} : { enabled: more.enabled })
    const upstreamOf = more.upstream ?? ((scripted) => scripted)
    yield* startHealthChecks({
      upstreams: { get: (id) => upstreamOf(box.upstreams.get(id)) },
      providers: () => Object.keys(scripts).map((id) => resolvedAs(id, more.provider)),
      intervalMs: more.intervalMs ?? (() => INTERVAL_MS),
    }).pipe(Effect.provideService(Ledger, box.ledger))
    const exchanges = (id: string): readonly Recording[] => box.upstreams.get(providerId(id))?.exchanges ?? []
    const checksOf = (id: string) => exchanges(id).filter(({ request }) => request.path === '/v1/models')
    const found = Effect.map(box.events, (rows) =>
      known(rows).flatMap(({ event, occurredAt }) =>
        event._tag === 'ProviderChecked' ? [{ ...event, occurredAt }] : [],
      ),
    )
    return { ...box, checksOf, found, checks: box.ledger.state.projections.checks }
  })

/** Passes time in steps, in which the fibers that wake get their turns. */
const passMs = (ms: number) =>
  Effect.gen(function* () {
    for (let left = ms; left > 0; left -= 1_000) yield* TestClock.adjust(Math.min(left, 1_000))
  })

describe('a health check', () => {
  it.effect(
    'asks every provider once an interval for what costs nothing, one after the other, never quite regularly',
    () =>
      Effect.gen(function* () {
        const { checksOf, now } = yield* checkedBox({ a: () => listed, b: () => listed, c: () => listed })
        const startedAt = now()
        yield* passMs(20 * INTERVAL_MS)
        const times = ['a', 'b', 'c'].map((id) => checksOf(id).map(({ openedAt }) => openedAt - startedAt))
        const [request] = checksOf('a').map((exchange) => exchange.request)
        assert.deepInclude(request, { path: '/v1/models', query: '?limit=1', method: 'GET', body: null })
        for (const own of times) {
          assert.isAtMost(own[0] ?? Number.POSITIVE_INFINITY, ROUND_MS)
          const pauses = own.slice(1).map((at, n) => at - (own[n] ?? 0))
          assert.isAtLeast(pauses.length, 15)
          assert.isAtLeast(Math.min(...pauses), 0.8 * INTERVAL_MS)
          assert.isAtMost(Math.max(...pauses), ROUND_MS)
          assert.isAbove(new Set(pauses).size, 5)
        }
        const all = times.flat().toSorted((x, y) => x - y)
        const apart = all.slice(1).map((at, n) => at - (all[n] ?? 0))
        assert.isAtLeast(Math.min(...apart), (0.8 * INTERVAL_MS) / 3)
      }).pipe(Random.withSeed('checks')),
  )

  it.effect('is made as often as ever when the clock is set back', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        const { checksOf } = yield* checkedBox({ a: () => listed })
        yield* passMs(2 * ROUND_MS)
        set(-HOUR)
        const before = checksOf('a').length
        // The pause that is under way may begin anew.
        yield* passMs(4 * ROUND_MS)
        assert.isAtLeast(checksOf('a').length, before + 3)
      }),
    ),
  )

  it.effect('is recorded the first time and when it finds something else, however often it is made', () =>
    Effect.gen(function* () {
      const script = [listed, listed, answers.refused, answers.refused, answers.error(500, 'api_error'), listed, listed]
      const { found, checks, checksOf } = yield* checkedBox({ a: (n) => script[n] ?? listed })
      yield* passMs(script.length * ROUND_MS)
      assert.isAtLeast(checksOf('a').length, script.length)
      const events = yield* found
      assert.deepStrictEqual(
        events.map(({ ok, reason }) => [ok, reason]),
        [
          [true, undefined],
          [false, closed],
          [true, undefined],
        ],
      )
      assert.strictEqual(events[0]?.durationMs, 20)
      assert.deepStrictEqual(checks.get(providerId('a')), { ok: true, at: events[2]?.occurredAt ?? 0 })
    }),
  )

  it.effect.each<readonly [string, readonly Move[], FailureReason | undefined]>([
    ['a list of models', listed, undefined],
    // It is there, and that is all that was asked.
    ['a rate limit', answers.error(429, 'rate_limit_error'), undefined],
    ['a path that it does not know', answers.error(404, 'not_found_error'), undefined],
    [
      'a refused key',
      answers.error(401, 'authentication_error'),
      { _tag: 'CredentialRefused', status: 401, whose: 'gateway' },
    ],
    [
      'a key that may not',
      answers.error(403, 'permission_error'),
      { _tag: 'CredentialRefused', status: 403, whose: 'gateway' },
    ],
    ['an empty account', answers.error(402, 'billing_error'), { _tag: 'QuotaExhausted', status: 402 }],
    ['an overload', answers.error(529, 'overloaded_error'), { _tag: 'Overloaded', status: 529 }],
    ['a failure', answers.error(500, 'api_error'), { _tag: 'ServerError', status: 500 }],
    ['no connection', answers.refused, closed],
    ['ten seconds of silence', answers.silent, { _tag: 'Timeout', phase: 'headers' }],
  ])('takes %s for what it is', ([, moves, reason]) =>
    Effect.gen(function* () {
      const { found, checks, checksOf } = yield* checkedBox({ a: () => moves })
      yield* passMs(ROUND_MS + 11_000)
      const [event] = yield* found
      assert.deepStrictEqual([event?.ok, event?.reason], [reason === undefined, reason])
      assert.strictEqual(isUnwell(checks, providerId('a')), reason !== undefined)
      const [exchange] = checksOf('a')
      assert.isTrue(exchange?.done === true || (exchange?.aborted === true && event?.durationMs === 10_000))
    }),
  )

  it.effect('does not put the others off while one does not answer', () =>
    Effect.gen(function* () {
      const { checksOf } = yield* checkedBox({ a: () => answers.silent, b: () => listed })
      yield* passMs(10 * ROUND_MS)
      assert.isAtLeast(checksOf('a').length, 10)
      assert.isAtLeast(checksOf('b').length, 10)
    }),
  )

  it.effect('does not wait for the rest of a long list', () =>
    Effect.gen(function* () {
      const long: readonly Move[] = [{ headers: 200 }, { data: 'x'.repeat(40_000) }, { data: 'x'.repeat(40_000) }]
      const { found, checksOf } = yield* checkedBox({ a: () => long })
      yield* passMs(ROUND_MS)
      const [event] = yield* found
      assert.deepInclude(event, { ok: true, durationMs: 0 })
      assert.isTrue(checksOf('a')[0]?.aborted)
    }),
  )

  it.effect('moves no breaker and is no traffic, however often it fails', () =>
    Effect.gen(function* () {
      const { ledger, checksOf, events } = yield* checkedBox({ a: () => answers.refused })
      yield* passMs(10 * ROUND_MS)
      assert.isAtLeast(checksOf('a').length, 10)
      assert.strictEqual(ledger.state.machines.get(providerId('a'))?.state, 'healthy')
      assert.strictEqual(ledger.state.projections.traffic.totals.attempts, 0)
      assert.strictEqual(ledger.state.projections.health.size, 0)
      const tags = known(yield* events).map(({ event }) => event._tag)
      assert.deepStrictEqual(tags, ['BoxStarted', 'PolicyChanged', 'ProviderChecked'])
    }),
  )
})

describe('traffic', () => {
  it.effect('is the better check: nobody is asked who has served a request within the interval', () =>
    Effect.gen(function* () {
      let serves = true
      const { send, checksOf } = yield* checkedBox({
        a: () => (serves ? answers.stream('a') : listed),
      })
      for (let n = 0; n < 20; n += 1) {
        const { done } = yield* send()
        yield* passMs(30_000)
        yield* done
      }
      assert.lengthOf(checksOf('a'), 0)
      serves = false
      yield* passMs(INTERVAL_MS + ROUND_MS)
      assert.isAbove(checksOf('a').length, 0)
    }),
  )

  it.effect('that is served ends what a failed check has said', () =>
    Effect.gen(function* () {
      let up = false
      const { send, checks } = yield* checkedBox({ a: () => (up ? answers.stream('a') : answers.refused) })
      yield* passMs(ROUND_MS)
      assert.isTrue(isUnwell(checks, providerId('a')))
      up = true
      const { done } = yield* send()
      yield* passMs(1_000)
      yield* done
      assert.isFalse(isUnwell(checks, providerId('a')))
    }),
  )
})

describe('nobody is asked', () => {
  it.effect.each<readonly [string, More]>([
    ['who is switched off', { enabled: false }],
    ['who is asked with the credential of the client', { provider: { credential: { _tag: 'Client' } } }],
    ['who has nothing that is free', { provider: { profile: { ...plainAnthropic, paths: { call: '/v1/messages' } } } }],
    ['while the interval is 0', { intervalMs: () => 0 }],
  ])('%s', ([, more]) =>
    Effect.gen(function* () {
      const { upstreams, found } = yield* checkedBox({ a: () => answers.refused }, more)
      yield* passMs(5 * ROUND_MS)
      assert.deepStrictEqual(upstreams.get(providerId('a'))?.exchanges, [])
      assert.deepStrictEqual(yield* found, [])
    }),
  )

  it.effect('who is gone for good', () =>
    Effect.gen(function* () {
      const { send, checksOf, ledger } = yield* checkedBox({ a: () => answers.error(410, 'not_found_error') })
      const { done } = yield* send()
      yield* passMs(1_000)
      yield* done
      assert.strictEqual(ledger.state.machines.get(providerId('a'))?.state, 'retired')
      yield* passMs(5 * ROUND_MS)
      assert.lengthOf(checksOf('a'), 0)
    }),
  )

  it.effect('until the interval is no longer 0, and no more when it is 0 again', () =>
    Effect.gen(function* () {
      let intervalMs = 0
      const { checksOf } = yield* checkedBox({ a: () => listed }, { intervalMs: () => intervalMs })
      yield* passMs(2 * ROUND_MS)
      assert.lengthOf(checksOf('a'), 0)
      intervalMs = INTERVAL_MS
      yield* passMs(10_000 + ROUND_MS)
      assert.lengthOf(checksOf('a'), 1)
      intervalMs = 0
      yield* passMs(3 * ROUND_MS)
      assert.lengthOf(checksOf('a'), 1)
    }),
  )
})

describe('an answer', () => {
  it.effect('of a server that a reload has replaced meanwhile says nothing of its successor', () =>
    Effect.gen(function* () {
      let isReplaced = false
      const { found, checksOf } = yield* checkedBox(
        { a: () => answers.silent },
        { upstream: (scripted) => (isReplaced && scripted !== undefined ? { ...scripted } : scripted) },
      )
      while (checksOf('a').length === 0) yield* passMs(1_000)
      isReplaced = true
      yield* passMs(11_000)
      assert.isTrue(checksOf('a')[0]?.aborted)
      assert.deepStrictEqual(yield* found, [])
    }),
  )
})
