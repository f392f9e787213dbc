import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { providerId } from '#domain/ids.ts'
import { defaultPolicy } from '#domain/policy.ts'
import { answers, goodStream, known, openTestBox, type Scripts } from '#test/box.ts'

/** A box whose requests wait up to 5 s for room. */
const waitingBox = (scripts: Scripts, limits: object) =>
  openTestBox(scripts, { routing: { ...defaultPolicy.routing, strategy: 'priority', queueMs: 5_000 } }, { limits })

const startsOf = (box: Effect.Success<ReturnType<typeof openTestBox>>) =>
  Effect.map(box.events, (rows) =>
    known(rows).flatMap(({ event, occurredAt }) =>
      event._tag === 'AttemptStarted' ? [[event.requestId, occurredAt]] : [],
    ),
  )

describe('the short queue', () => {
  it.effect('lets requests wait for a place at a provider that takes one at a time', () =>
    Effect.gen(function* () {
      const box = yield* waitingBox({ local: () => answers.stream('hello', { firstMs: 900 }) }, { maxConcurrent: 1 })
      const requests = [yield* box.send(), yield* box.send(), yield* box.send()]
      yield* TestClock.adjust(20_000)
      for (const { seen } of requests) assert.strictEqual(seen.text, goodStream('hello'))
      const [one, two, three] = (yield* startsOf(box)).map(([, at]) => Number(at))
      // 1,010 ms each; a place that frees is found within one step of the queue.
      assert.isAtLeast(two! - one!, 1_010)
      assert.isAtMost(two! - one!, 1_110)
      assert.isAtLeast(three! - two!, 1_010)
      const routes = known(yield* box.events).flatMap(({ event }) => (event._tag === 'RouteChosen' ? [event] : []))
      assert.deepStrictEqual(
        routes.map(({ order, queue }) => [order.length, queue?.providers]),
        [
          [1, undefined],
          [0, [providerId('local')]],
          [0, [providerId('local')]],
        ],
      )
    }),
  )

  it.effect('lets a request wait until a limit by the minute has room', () =>
    Effect.gen(function* () {
      const box = yield* waitingBox({ a: () => answers.stream('hello') }, { requestsPerMinute: 1, window: 'fixed' })
      yield* box.send()
      yield* TestClock.adjust(57_000)
      const second = yield* box.send()
      yield* TestClock.adjust(10_000)
      assert.strictEqual(second.seen.text, goodStream('hello'))
      const [first, next] = (yield* startsOf(box)).map(([, at]) => Number(at))
      assert.isAtLeast(next! - first!, 60_000)
      assert.isAtMost(next! - first!, 60_100)
    }),
  )

  it.effect('refuses at once what would wait too long, with the time of the limit', () =>
    Effect.gen(function* () {
      const box = yield* waitingBox({ a: () => answers.stream('hello') }, { requestsPerMinute: 1, window: 'fixed' })
      yield* box.send()
      yield* TestClock.adjust(50_000)
      const second = yield* box.send({ stream: false })
      yield* TestClock.adjust(1)
      assert.strictEqual(second.seen.status, 429)
      assert.deepInclude(second.seen.headers, ['retry-after', '10'])
    }),
  )

  it.effect('gives up at its end, and then refuses', () =>
    Effect.gen(function* () {
      const box = yield* waitingBox({ a: () => answers.stream('slow', { firstMs: 60_000 }) }, { maxConcurrent: 1 })
      yield* box.send()
      const second = yield* box.send({ stream: false })
      yield* TestClock.adjust(4_900)
      assert.isUndefined(second.seen.status)
      yield* TestClock.adjust(200)
      assert.strictEqual(second.seen.status, 429)
      assert.lengthOf(yield* startsOf(box), 1)
    }),
  )

  it.effect('lets go of a client that leaves, without an attempt', () =>
    Effect.gen(function* () {
      const box = yield* waitingBox({ a: () => answers.stream('slow', { firstMs: 3_000 }) }, { maxConcurrent: 1 })
      yield* box.send()
      const second = yield* box.send()
      yield* TestClock.adjust(1_000)
      yield* second.leave
      yield* TestClock.adjust(10_000)
      assert.lengthOf(yield* startsOf(box), 1)
      const types = known(yield* box.events)
        .filter(({ stream }) => stream === `request:${second.id}`)
        .map(({ event }) => event._tag)
      assert.deepStrictEqual(types, ['RequestAdmitted', 'RouteChosen', 'RequestCancelled'])
    }),
  )
})
