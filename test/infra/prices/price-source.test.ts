/**
 * Prices from the operator's URL, over real sockets: when it is asked, what is kept, and what a bad answer is called.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Logger, Queue } from 'effect'
import { TestClock } from 'effect/testing'
import { fetchPrices } from '#infra/prices/fetch-prices.ts'
import { startPriceSource } from '#infra/prices/price-source.ts'

const listen = (answer: RequestListener) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const server = createServer(answer)
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}/prices.json?v=2`, close }))
      })
    }),
    ({ close }) => Effect.sync(close),
  )

const book = (input: number) => JSON.stringify({ '*': { m: { input, output: 1 } } })

/** A URL whose prices rise when it is told so; `asked` tells of every request. */
const rising = Effect.gen(function* () {
  const asked = yield* Queue.unbounded<string>()
  let input = 1
  let status = 200
  const server = yield* listen((request, response) => {
    Queue.offerUnsafe(asked, request.url ?? '')
    response.writeHead(status).end(book(input))
  })
  return {
    url: server.url,
    asked: Queue.take(asked),
    rise: () => {
      input += 1
    },
    answerWith: (code: number) => {
      status = code
    },
  }
})

const told = (changes: Queue.Queue<void>): Effect.Effect<void> =>
  Effect.sync(() => {
    Queue.offerUnsafe(changes, undefined)
  })

/** Until every fiber that can run has gone to sleep. */
const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

describe('the prices of a URL', () => {
  it.effect('are fetched at once, and told when they have changed', () =>
    Effect.gen(function* () {
      const prices = yield* rising
      const changes = yield* Queue.unbounded<void>()
      const source = yield* startPriceSource({
        url: () => prices.url,
        onChange: told(changes),
      })
      const input = () => source.current()?.told['*']?.m?.input
      expect(yield* prices.asked).toBe('/prices.json?v=2')
      yield* Queue.take(changes)
      expect(input()).toBe(1)

      expect(yield* source.refresh).toBe(false)
      prices.rise()
      expect(yield* source.refresh).toBe(true)
      yield* Queue.take(changes)
      expect(input()).toBe(2)
      expect(yield* Queue.size(changes)).toBe(0)
    }),
  )

  it.effect('are asked for again a day later, an hour after a failure, and stay as they are till then', () =>
    Effect.gen(function* () {
      const prices = yield* rising
      const changes = yield* Queue.unbounded<void>()
      const logged = yield* Queue.unbounded<string>()
      const logger = Logger.make(({ message }) => Queue.offerUnsafe(logged, String(message)))
      const source = yield* startPriceSource({ url: () => prices.url, onChange: told(changes) }).pipe(
        Effect.provide(Logger.layer([logger])),
      )
      const input = () => source.current()?.told['*']?.m?.input
      yield* Queue.take(changes)
      yield* prices.asked

      prices.rise()
      prices.answerWith(500)
      yield* TestClock.adjust('1 day')
      yield* prices.asked
      expect(input()).toBe(1)
      expect(yield* Queue.take(logged)).toContain('prices.url')
      prices.answerWith(200)
      yield* turn
      yield* TestClock.adjust('59 minutes')
      expect(yield* Queue.size(changes)).toBe(0)
      yield* TestClock.adjust('1 minute')
      yield* Queue.take(changes)
      expect(input()).toBe(2)
    }),
  )

  it.effect('are nobody’s when no URL is named, or another', () =>
    Effect.gen(function* () {
      const prices = yield* rising
      let url: string | undefined
      const changes = yield* Queue.unbounded<void>()
      const source = yield* startPriceSource({ url: () => url, onChange: told(changes) })
      expect(yield* source.refresh).toBe(false)
      expect(source.current()).toBeUndefined()

      yield* turn
      url = prices.url
      yield* TestClock.adjust('1 minute')
      yield* Queue.take(changes)
      expect(source.current()).toBeDefined()
      url = `${prices.url}&other`
      expect(source.current()).toBeUndefined()
    }),
  )

  it.live.each([
    [{ _tag: 'Refused', status: 404 }, (response: Parameters<RequestListener>[1]) => response.writeHead(404).end()],
    [
      { _tag: 'Refused', status: 302 },
      (response: Parameters<RequestListener>[1]) => response.writeHead(302, { location: '/x' }).end(),
    ],
    [{ _tag: 'NoPrices', what: 'is no JSON' }, (response: Parameters<RequestListener>[1]) => response.end('<html>')],
    [
      { _tag: 'Unreachable', reason: { _tag: 'Transport', connect: false } },
      (response: Parameters<RequestListener>[1]) => response.destroy(),
    ],
  ] as const)('fail as %j', ([why, answer]) =>
    Effect.gen(function* () {
      const server = yield* listen((_, response) => answer(response))
      const error = yield* Effect.flip(fetchPrices(server.url))
      expect(error.why).toMatchObject(why)
    }),
  )

  it.live('fail when they do not end', () =>
    Effect.gen(function* () {
      const server = yield* listen((_, response) => {
        const write = (): void => {
          if (!response.destroyed) response.write('x'.repeat(1 << 20), write)
        }
        write()
      })
      expect((yield* Effect.flip(fetchPrices(server.url))).why).toEqual({ _tag: 'TooLarge' })
    }),
  )
})
