import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { isTerminal } from '#domain/events.ts'
import { answers, goodStream, known, openTestBox, type Scripts, wire } from '#test/box.ts'
import type { Move } from '#test/scripted-upstream.ts'

/** One request against the scripts, run to its end in virtual time. */
const serveOne = (
  scripts: Scripts,
  options: { readonly stream?: boolean; readonly forMs?: number; readonly leaveAfterMs?: number } = {},
) =>
  Effect.gen(function* () {
    const box = yield* openTestBox(scripts)
    const request = yield* box.send({ stream: options.stream ?? true })
    if (options.leaveAfterMs !== undefined) {
      yield* TestClock.adjust(options.leaveAfterMs)
      yield* request.leave
    } else yield* TestClock.adjust(options.forMs ?? 600_000)
    const events = known(yield* box.events).filter(({ stream }) => stream === `request:${request.id}`)
    return {
      box,
      seen: request.seen,
      events: events.map(({ event }) => event),
      types: events.map(({ event }) => event._tag),
    }
  })

/** What an attempt was told to leave out. */
const withoutOf = (box: Effect.Success<ReturnType<typeof openTestBox>>, provider: string) =>
  [...box.upstreams.values()].find(({ id }) => id === provider)?.exchanges.map(({ request }) => request.target?.without)

const header = (headers: readonly (readonly [string, string])[], name: string) =>
  headers.find(([key]) => key === name)?.[1]

describe('the cascade', () => {
  it.effect('serves a stream from the first provider, byte for byte, with four events', () =>
    Effect.gen(function* () {
      const { seen, types, events, box } = yield* serveOne({ a: () => answers.stream('hello') })
      assert.strictEqual(seen.text, goodStream('hello'))
      assert.isTrue(seen.ended)
      assert.strictEqual(seen.status, 200)
      assert.strictEqual(header(seen.headers, 'request-id'), 'up_hello')
      assert.strictEqual(header(seen.headers, 'x-signalbox-provider'), 'a')
      assert.strictEqual(header(seen.headers, 'x-signalbox-attempts'), '1')
      assert.deepStrictEqual(types, ['RequestAdmitted', 'RouteChosen', 'AttemptStarted', 'AttemptSucceeded'])
      const success = events.at(-1)
      assert(success?._tag === 'AttemptSucceeded')
      assert.strictEqual(success.ttftMs, 110)
      assert.deepInclude(success.usage, { inputTokens: 10, outputTokens: 7, cacheReadTokens: 5 })
      assert.strictEqual(success.stopReason, 'end_turn')
      assert.strictEqual(box.timekeeper.size(), 0)
    }),
  )

  it.effect('serves a whole answer', () =>
    Effect.gen(function* () {
      const { seen, types } = yield* serveOne({ a: () => answers.message('hello') }, { stream: false })
      assert.strictEqual(JSON.parse(seen.text).content[0].text, 'hello')
      assert.strictEqual(types.at(-1), 'AttemptSucceeded')
    }),
  )

  it.effect('does not fall back to a provider whose limit others have used up meanwhile', () =>
    Effect.gen(function* () {
      const overloaded = answers.error(529, 'overloaded_error')
      const scripts = { a: () => overloaded, b: () => answers.stream('from b') }
      const box = yield* openTestBox(scripts, {}, { limits: { requestsPerMinute: 1, window: 'fixed' } })
      const first = yield* box.send()
      yield* TestClock.adjust(1)
      const second = yield* box.send()
      yield* TestClock.adjust(600_000)
      assert.strictEqual(second.seen.text, goodStream('from b'))
      assert.strictEqual(first.seen.status, 529)
      const attempts = known(yield* box.events).flatMap(({ event }) =>
        event._tag === 'AttemptStarted' ? [[event.requestId, event.provider]] : [],
      )
      assert.deepStrictEqual(attempts, [
        [first.id, 'a'],
        [second.id, 'b'],
      ])
    }),
  )

  const before: readonly (readonly [string, readonly Move[]])[] = [
    ['refuses the connection', answers.refused],
    ['answers 429', answers.error(429, 'rate_limit_error', [['retry-after', '7']])],
    ['answers 529', answers.error(529, 'overloaded_error')],
    ['answers 500', answers.error(500, 'api_error')],
    ['refuses our credential', answers.error(401, 'authentication_error')],
    ['does not have the model', answers.error(404, 'not_found_error')],
    [
      'is lost after its headers',
      [{ connected: true }, { headers: 200 }, { fail: { _tag: 'Transport', code: 'ECONNRESET', connect: false } }],
    ],
    [
      'is lost after message_start',
      [
        { connected: true },
        { headers: 200 },
        { data: wire.start() + wire.ping + wire.block },
        { fail: { _tag: 'Transport', code: 'ECONNRESET', connect: false } },
      ],
    ],
    [
      'sends an error event first',
      [{ connected: true }, { headers: 200 }, { data: wire.error('overloaded_error') }, { end: true }],
    ],
    [
      'sends an error event after message_start',
      [
        { connected: true },
        { headers: 200 },
        { data: wire.start() },
        { wait: 5 },
        { data: wire.error('api_error') },
        { end: true },
      ],
    ],
    ['ends an empty stream', [{ connected: true }, { headers: 200 }, { end: true }]],
    [
      'sends a page instead of a stream',
      [{ connected: true }, { headers: 200 }, { data: '<html>oops</html>' }, { end: true }],
    ],
    ['never connects', []],
    ['never sends headers', answers.silent],
    ['falls silent after its headers', [{ connected: true }, { headers: 200 }]],
  ]
  for (const [what, moves] of before) {
    it.effect(`falls through unseen to the next provider when the first ${what}`, () =>
      Effect.gen(function* () {
        const { seen, types, box } = yield* serveOne({ a: () => moves, b: () => answers.stream('from b') })
        const text = seen.text.replaceAll(': keep-alive\n\n', '')
        assert.strictEqual(text, goodStream('from b'))
        assert.isTrue(seen.ended)
        assert.deepStrictEqual(types, [
          'RequestAdmitted',
          'RouteChosen',
          'AttemptStarted',
          'AttemptFailed',
          'AttemptStarted',
          'AttemptSucceeded',
        ])
        assert.strictEqual(box.timekeeper.size(), 0)
      }),
    )
  }

  it.effect('keeps a waiting client company: headers after 15 s, a comment at least every 10 s', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({ a: () => [...answers.stream('late', { firstMs: 55_000 })], b: () => [] })
      const { seen } = yield* box.send()
      yield* TestClock.adjust(14_000)
      assert.strictEqual(seen.status, undefined)
      yield* TestClock.adjust(1_500)
      assert.strictEqual(seen.status, 200)
      assert.strictEqual(seen.text, ': keep-alive\n\n')
      yield* TestClock.adjust(30_500)
      assert.strictEqual(seen.text.split(': keep-alive').length - 1, 4)
      yield* TestClock.adjust(60_000)
      assert.strictEqual(seen.text.replaceAll(': keep-alive\n\n', ''), goodStream('late'))
      assert.isFalse(seen.text.endsWith(': keep-alive\n\n'))
    }),
  )

  it.effect('passes bytes at once when there is nobody to fall back to', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({ a: () => answers.stream('only', { firstMs: 5_000 }) })
      const { seen } = yield* box.send()
      yield* TestClock.adjust(1_000)
      assert.strictEqual(seen.text, wire.start())
    }),
  )

  it.effect('mirrors a lost connection after the first content and tries nobody else', () =>
    Effect.gen(function* () {
      const { seen, types, box } = yield* serveOne({
        a: () => [
          { connected: true },
          { headers: 200 },
          { data: wire.start() + wire.block + wire.delta('par') },
          { wait: 50 },
          { fail: { _tag: 'Transport', code: 'ECONNRESET', connect: false } },
        ],
        b: () => answers.stream('never'),
      })
      assert.strictEqual(seen.text, wire.start() + wire.block + wire.delta('par'))
      assert.isTrue(seen.destroyed)
      assert.deepStrictEqual(types.slice(2), ['AttemptStarted', 'AttemptFailed', 'RequestFailed'])
      assert.strictEqual(box.upstreams.get('b' as never)?.exchanges.length, 0)
    }),
  )

  it.effect('relays an error event after the first content unchanged', () =>
    Effect.gen(function* () {
      const text = wire.start() + wire.block + wire.delta('par') + wire.error('overloaded_error')
      const { seen, types } = yield* serveOne({
        a: () => [{ connected: true }, { headers: 200 }, { data: text }, { end: true }],
        b: () => answers.stream('never'),
      })
      assert.strictEqual(seen.text, text)
      assert.isTrue(seen.ended)
      assert.deepStrictEqual(types.slice(2), ['AttemptStarted', 'AttemptFailed', 'RequestFailed'])
    }),
  )

  it.effect('completes a stream that is lost after its stop reason', () =>
    Effect.gen(function* () {
      const { seen, types } = yield* serveOne({
        a: () => [
          { connected: true },
          { headers: 200 },
          { data: wire.start() + wire.block + wire.delta('all') + wire.blockStop + wire.finish },
          { wait: 5 },
          { fail: { _tag: 'Transport', code: 'ECONNRESET', connect: false } },
        ],
      })
      assert.strictEqual(seen.text, goodStream('all'))
      assert.isTrue(seen.ended)
      assert.strictEqual(types.at(-1), 'AttemptSucceeded')
    }),
  )

  it.effect('never cascades a request error, and passes it on unchanged', () =>
    Effect.gen(function* () {
      const { seen, types } = yield* serveOne({
        a: () => answers.error(400, 'invalid_request_error', [['x-custom', 'kept']]),
        b: () => answers.stream('never'),
      })
      assert.strictEqual(seen.status, 400)
      assert.strictEqual(header(seen.headers, 'x-custom'), 'kept')
      assert.deepStrictEqual(JSON.parse(seen.text).error.type, 'invalid_request_error')
      assert.deepStrictEqual(types.slice(2), ['AttemptStarted', 'AttemptFailed', 'RequestFailed'])
    }),
  )

  it.effect('tries the primary and at most three fallbacks', () =>
    Effect.gen(function* () {
      const down = () => answers.error(529, 'overloaded_error')
      const { seen, events } = yield* serveOne({ a: down, b: down, c: down, d: down, e: () => answers.stream('never') })
      assert.strictEqual(seen.status, 529)
      assert.strictEqual(events.filter(({ _tag }) => _tag === 'AttemptStarted').length, 4)
    }),
  )

  it.effect('tells the client when to come back when every provider is at a limit', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({ a: () => answers.error(429, 'rate_limit_error', [['retry-after', '30']]) })
      const first = yield* box.send()
      yield* TestClock.adjust(1_000)
      assert.strictEqual(first.seen.status, 429)
      assert.strictEqual(header(first.seen.headers, 'retry-after'), '30')
      yield* TestClock.adjust(9_000)
      const second = yield* box.send()
      yield* TestClock.adjust(1_000)
      assert.strictEqual(second.seen.status, 429)
      assert.strictEqual(header(second.seen.headers, 'retry-after'), '21')
      assert.strictEqual(box.upstreams.get('a' as never)?.exchanges.length, 1)
    }),
  )

  it.effect('answers 502 without a retry when the only provider refuses our credential', () =>
    Effect.gen(function* () {
      const { seen } = yield* serveOne({ a: () => answers.error(401, 'authentication_error') })
      assert.strictEqual(seen.status, 502)
      assert.strictEqual(header(seen.headers, 'x-should-retry'), 'false')
      assert.include(seen.text, 'provider a refused the credential')
    }),
  )

  it.effect('aborts the upstream and records the cancellation when the client leaves', () =>
    Effect.gen(function* () {
      const { types, events, box } = yield* serveOne(
        { a: () => answers.stream('slow', { firstMs: 100, gapMs: 60_000 }) },
        { leaveAfterMs: 1_000 },
      )
      assert.deepStrictEqual(types.slice(2), ['AttemptStarted', 'AttemptFailed', 'RequestCancelled'])
      const failed = events.find((event) => event._tag === 'AttemptFailed')
      assert.strictEqual(failed?.usage?.inputTokens, 10)
      assert.isTrue(box.upstreams.get('a' as never)?.exchanges[0]?.aborted)
      assert.strictEqual(box.timekeeper.size(), 0)
    }),
  )

  it.effect('cuts an upstream that is idle in the middle of a stream, and one that only pings', () =>
    Effect.gen(function* () {
      const begun: readonly Move[] = [
        { connected: true },
        { headers: 200 },
        { data: wire.start() + wire.block + wire.delta('x') },
      ]
      const idle = yield* serveOne({ a: () => begun })
      const failed = idle.events.find((event) => event._tag === 'AttemptFailed')
      assert.deepStrictEqual(failed?.reason, { _tag: 'Timeout', phase: 'idle' })
      assert.isTrue(Math.abs((failed?.durationMs ?? 0) - 120_000) <= 1_500)
      assert.isTrue(idle.seen.destroyed)

      const pings = Array.from({ length: 60 }, (): readonly Move[] => [{ wait: 10_000 }, { data: wire.ping }]).flat()
      const pinged = yield* serveOne({ a: () => [...begun, ...pings] })
      const stalled = pinged.events.find((event) => event._tag === 'AttemptFailed')
      assert.deepStrictEqual(stalled?.reason, { _tag: 'Timeout', phase: 'progress' })
      assert.isTrue(Math.abs((stalled?.durationMs ?? 0) - 240_000) <= 1_500)
    }),
  )

  it.effect('ends a cascade at its deadline', () =>
    Effect.gen(function* () {
      const { seen, events } = yield* serveOne({
        a: () => answers.silent,
        b: () => answers.silent,
        c: () => answers.silent,
        d: () => answers.silent,
      })
      assert.isTrue(events.filter(isTerminal).length === 1)
      assert.include(seen.text, 'overloaded_error')
      const last = events.findLast((event) => event._tag === 'AttemptFailed')
      assert.deepStrictEqual(last?.reason._tag, 'Timeout')
    }),
  )

  it.effect('keeps extra attempts within the retry budget in a total outage', () =>
    Effect.gen(function* () {
      const down = () => answers.error(500, 'api_error')
      const box = yield* openTestBox({ a: down, b: down, c: down, d: down })
      for (let i = 0; i < 100; i++) {
        yield* box.send()
        yield* TestClock.adjust(500)
      }
      const events = known(yield* box.events).map(({ event }) => event)
      const extra = events.filter((event) => event._tag === 'AttemptStarted' && event.attempt > 1).length
      assert.isAtMost(extra, 10 + 0.2 * 100)
    }),
  )
})

describe('a provider that refuses a value of the beta header', () => {
  const beta = (name: string) => `beta:${name}`

  it.effect('is asked once more without it, and the client sees nothing of it', () =>
    Effect.gen(function* () {
      const { seen, types, events, box } = yield* serveOne({
        a: (n) => (n === 0 ? answers.refusedBeta('x-2026-01-01') : answers.stream('from a')),
        b: () => answers.stream('from b'),
      })
      assert.strictEqual(seen.text, goodStream('from a'))
      assert.deepStrictEqual(types, [
        'RequestAdmitted',
        'RouteChosen',
        'AttemptStarted',
        'AttemptFailed',
        'CapabilityLearned',
        'AttemptStarted',
        'AttemptSucceeded',
      ])
      const learned = events.find((event) => event._tag === 'CapabilityLearned')
      assert(learned?._tag === 'CapabilityLearned')
      assert.deepStrictEqual(learned.features, [beta('x-2026-01-01')])
      assert.strictEqual(learned.until, 24 * 3_600_000 + 10)
      assert.deepStrictEqual(withoutOf(box, 'a'), [[], [beta('x-2026-01-01')]])
      assert.strictEqual(header(seen.headers, 'x-signalbox-attempts'), '2')
      assert.strictEqual(box.ledger.state.machines.values().next().value?.state, 'healthy')
    }),
  )

  it.effect('gets the next requests fitted beforehand, for a day', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({
        a: (n) => (n === 0 ? answers.refusedBeta('x-2026-01-01') : answers.stream('from a')),
      })
      for (const waitMs of [600_000, 24 * 3_600_000, 600_000]) {
        yield* box.send()
        yield* TestClock.adjust(waitMs)
      }
      const left = [beta('x-2026-01-01')]
      assert.deepStrictEqual(withoutOf(box, 'a'), [[], left, left, []])
    }),
  )

  it.effect('is not asked a third time when it then refuses another: the next provider is', () =>
    Effect.gen(function* () {
      const { seen, types, box } = yield* serveOne({
        a: (n) => answers.refusedBeta(`x${n}-2026-01-01`),
        b: () => answers.stream('from b'),
      })
      assert.strictEqual(seen.text, goodStream('from b'))
      assert.strictEqual(types.filter((type) => type === 'AttemptStarted').length, 3)
      assert.deepStrictEqual(withoutOf(box, 'a'), [[], [beta('x0-2026-01-01')]])
      assert.deepStrictEqual(withoutOf(box, 'b'), [[]])
    }),
  )

  it.effect('is not asked again when it refuses what it was not sent any more', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({ a: () => answers.refusedBeta('x-2026-01-01') })
      for (let n = 0; n < 2; n++) {
        yield* box.send()
        yield* TestClock.adjust(600_000)
      }
      assert.deepStrictEqual(withoutOf(box, 'a'), [[], [beta('x-2026-01-01')], [beta('x-2026-01-01')]])
    }),
  )

  it.effect('alone leaves the client its own words', () =>
    Effect.gen(function* () {
      const { seen } = yield* serveOne({ a: (n) => answers.refusedBeta(`x${n}-2026-01-01`) })
      assert.strictEqual(seen.status, 400)
      assert.include(seen.text, 'x1-2026-01-01')
    }),
  )
})

describe('an announced end', () => {
  it.effect('is recorded once, and again when it changes', () =>
    Effect.gen(function* () {
      const dated = (n: number, sunset: string): readonly Move[] =>
        answers.stream(`${n}`).map((move) => ('headers' in move ? { ...move, list: [['sunset', sunset]] } : move))
      const [first, later] = ['Thu, 30 Jul 2026 00:00:00 GMT', 'Fri, 31 Jul 2026 00:00:00 GMT']
      const box = yield* openTestBox({ a: (n) => dated(n, n < 2 ? first : later) })
      for (let n = 0; n < 4; n++) {
        yield* box.send()
        yield* TestClock.adjust(600_000)
      }
      const announced = known(yield* box.events).flatMap(({ event }) =>
        event._tag === 'SunsetAnnounced' ? [event] : [],
      )
      assert.deepStrictEqual(
        announced.map(({ sunsetAt }) => sunsetAt),
        [Date.parse(first), Date.parse(later)],
      )
    }),
  )
})
