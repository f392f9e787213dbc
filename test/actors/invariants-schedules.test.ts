/**
 * Named worlds: schedules that random ones find rarely, each of which has been a bug once.
 */
import { assert, describe, it } from '@effect/vitest'
import { Effect, Fiber, References } from 'effect'
import { TestClock } from 'effect/testing'
import { changePolicy } from '#actors/open-box.ts'
import { isTerminal } from '#domain/events.ts'
import { defaultPolicy, defaultTimeouts } from '#domain/policy.ts'
import { answers, known, openTestBox, policyOf, provider, recordingClient, startLife, wire } from '#test/box.ts'
import { recordingLog, unavailable } from '#test/recording-log.ts'
import { type Move, scriptedUpstream } from '#test/scripted-upstream.ts'

const LOST: Move = { fail: { _tag: 'Transport', code: 'ECONNRESET', connect: false } }
const down = () => answers.error(500, 'api_error')

describe('an outage with a delay before each fallback', () => {
  it.effect('does not multiply requests that fail at the same moment', () =>
    Effect.gen(function* () {
      const routing = { ...defaultPolicy.routing, fallbackDelayMs: 1_000 }
      const box = yield* openTestBox({ a: down, b: down, c: down, d: down }, { routing })
      for (let n = 0; n < 100; n++) yield* box.send()
      yield* TestClock.adjust(60_000)
      const events = known(yield* box.events).map(({ event }) => event)
      assert.strictEqual(events.filter(isTerminal).length, 100)
      const extra = events.filter((event) => event._tag === 'AttemptStarted' && event.attempt > 1).length
      assert.isAtMost(extra, 10 + 0.2 * 100)
    }),
  )
})

describe('a request that nobody answers', () => {
  it.effect('is told so at its deadline, in the middle of an attempt', () =>
    Effect.gen(function* () {
      const silent = () => answers.silent
      const timeouts = { ...defaultTimeouts, headersMs: 100_000 }
      const box = yield* openTestBox({ a: silent, b: silent, c: silent, d: silent }, {}, { timeouts })
      const startedAt = box.now()
      const { seen } = yield* box.send()
      yield* TestClock.adjust(600_000)
      assert.isAtLeast((seen.endedAt ?? 0) - startedAt, 240_000)
      assert.isAtMost((seen.endedAt ?? 0) - startedAt, 240_300)
      const failures = known(yield* box.events).flatMap(({ event }) => (event._tag === 'AttemptFailed' ? [event] : []))
      assert.deepStrictEqual(
        failures.map(({ reason }) => (reason._tag === 'Timeout' ? reason.phase : reason._tag)),
        ['headers', 'headers', 'deadline'],
      )
    }),
  )
})

describe('a policy that changes under a request', () => {
  it.effect('keeps a provider that was switched off out of the rest of its route', () =>
    Effect.gen(function* () {
      const slowlyDown = () => [{ connected: true } as const, { wait: 5_000 }, ...down().slice(1)]
      const box = yield* openTestBox({
        a: slowlyDown,
        b: () => answers.stream('b'),
        c: () => answers.stream('c'),
      })
      const request = yield* box.send()
      yield* TestClock.adjust(1_000)
      yield* box.run(changePolicy(policyOf([provider('a'), provider('b', { enabled: false }), provider('c')])))
      yield* TestClock.adjust(10_000)
      assert.include(request.seen.text, '"text":"c"')
      assert.strictEqual(box.upstreams.get('b' as never)?.exchanges.length, 0)
    }),
  )
})

describe('a log that fails while a request ends', () => {
  it.effect('still records the status that the client gets', () =>
    Effect.gen(function* () {
      const log = yield* recordingLog
      const context = yield* Effect.context<never>()
      const { now } = log
      const script = () => [{ connected: true } as const, { wait: 14_500 }, ...down().slice(1)]
      const upstream = scriptedUpstream('a', context, script, now)
      const life = yield* startLife({
        writer: 'w1',
        log: log.layer,
        upstream: () => upstream,
        policy: policyOf([provider('a')]),
      })
      const client = recordingClient({ now })
      const fiber = yield* life.send({ id: 'req_1', client })
      yield* TestClock.adjust(14_000)
      log.control.fail = unavailable
      yield* TestClock.adjust(10_000)
      log.control.fail = () => undefined
      yield* TestClock.adjust(10_000)
      yield* Fiber.join(fiber)
      const last = known(yield* log.shared.read({ after: 0, limit: 100 })).at(-1)?.event
      assert(last?._tag === 'RequestFailed')
      assert.strictEqual(last.status, client.seen.status)
    }).pipe(Effect.provideService(References.MinimumLogLevel, 'None')),
  )
})

describe('a stream that breaks off after its stop reason', () => {
  const finished = wire.start() + wire.block + wire.delta('all') + wire.blockStop + wire.finish
  const complete = finished + wire.stop

  it.effect('is completed by one message_stop, wherever it broke off', () =>
    Effect.gen(function* () {
      for (let cut = finished.length; cut < complete.length; cut++) {
        // The last bytes in a chunk of their own, so that a frame begins in one chunk and breaks off in another.
        const border = Math.max(finished.length, cut - 4)
        const box = yield* openTestBox({
          a: () => [
            { connected: true },
            { headers: 200 },
            { data: finished.slice(0, -3) },
            { data: complete.slice(finished.length - 3, border) },
            { wait: 5 },
            { data: complete.slice(border, cut) },
            LOST,
          ],
        })
        const { seen } = yield* box.send()
        yield* TestClock.adjust(1_000)
        assert.isTrue(seen.ended)
        assert.strictEqual(seen.text, complete, `after ${JSON.stringify(complete.slice(finished.length, cut))}`)
      }
    }),
  )
})

describe('interruption at any step of a request', () => {
  it.effect('leaves exactly one terminal event, no watch and no exchange', () =>
    Effect.gen(function* () {
      const box = yield* openTestBox({
        a: () => answers.error(529, 'overloaded_error'),
        b: () => answers.stream('b', { firstMs: 20, gapMs: 20 }),
      })
      // With few operations per turn, a request can be interrupted after almost any of them.
      for (let steps = 0; steps < 250; steps++) {
        const request = yield* box.send().pipe(Effect.provideService(References.MaxOpsBeforeYield, 3))
        for (let n = 0; n < steps; n++) {
          if (n % 25 === 24) yield* TestClock.adjust(10)
          else yield* Effect.yieldNow
        }
        yield* request.leave
      }
      yield* TestClock.adjust(5_000)
      const requests = Map.groupBy(
        known(yield* box.events).filter(({ stream }) => stream.startsWith('request:')),
        ({ stream }) => stream,
      )
      for (const [stream, rows] of requests) {
        const terminals = rows.filter(({ event }) => isTerminal(event)).length
        assert.strictEqual(terminals, 1, `${stream}: ${rows.map(({ event }) => event._tag).join()}`)
        assert.isTrue(isTerminal(rows.at(-1)?.event ?? assert.fail()))
      }
      const outcomes = new Set([...requests.values()].map((rows) => rows.at(-1)?.event._tag))
      assert.deepStrictEqual(outcomes, new Set(['RequestCancelled', 'AttemptSucceeded']))
      assert.isAbove(new Set([...requests.values()].map(({ length }) => length)).size, 3)
      assert.strictEqual(box.timekeeper.size(), 0)
      for (const { exchanges } of box.upstreams.values())
        assert.isTrue(exchanges.every(({ done, aborted }) => done || aborted))
    }),
  )
})
