/**
 * A bad network between the client and the box: requests that come in crumbs, clients that are cut off, clients that neither
 * read nor leave.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { answer, raw, type Step, stall } from '#infra/simulator/script.ts'
import type { Toxic } from '#test/fault-lane.ts'
import { callBody } from '#test/simulator.ts'
import { dishonest, faultBed, streaming, textOf, unsound, WORDS } from './fault-bed.ts'
import { collect, send, start } from './http-client.ts'

/** Waits until it holds; a test's time limit is its own. */
const eventually = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.andThen(Effect.sleep(2), eventually(holds))))

describe('a client behind a network that', () => {
  it.live.each<[string, Toxic]>([
    ['is far away and uneven', { _tag: 'Latency', latencyMs: 60, jitterMs: 40 }],
    ['is narrow', { _tag: 'Bandwidth', bytesPerSecond: 20_000 }],
    ['cuts everything into crumbs', { _tag: 'Slicer', averageBytes: 3, variationBytes: 2 }],
  ])('%s is understood, and gets every byte', ([, toxic]) =>
    Effect.gen(function* () {
      const { first, toBox, box, ask } = yield* faultBed({ step: answer(WORDS) })
      toBox.set('up', toxic)
      toBox.set('down', toxic)
      const got = yield* ask
      expect(dishonest(got)).toEqual([])
      expect([got.ending, textOf(got)]).toEqual(['complete', WORDS])
      expect(first.requests[0]?.body.toString()).toBe(JSON.stringify(callBody({ stream: true })))
      expect(yield* unsound(box)).toEqual([])
    }),
  )

  it.live('swallows the request asks nobody for anything, and holds nothing up', () =>
    Effect.gen(function* () {
      const { first, toBox, box, ask } = yield* faultBed({ step: answer(WORDS) })
      toBox.set('up', { _tag: 'Bandwidth', bytesPerSecond: 1_000 })
      const lost = start(toBox.port, { body: callBody({ stream: true, system: 'x'.repeat(4_000) }) })
      lost.on('error', () => undefined)
      yield* eventually(() => box.server.active() === 1)
      toBox.set('up', { _tag: 'Timeout' })
      const got = yield* send(box.port, streaming)
      expect(textOf(got)).toBe(WORDS)
      expect(first.requests).toHaveLength(1)
      expect(box.server.active()).toBe(1)
      toBox.set('up', { _tag: 'ResetPeer', afterMs: 0 })
      yield* eventually(() => box.server.active() === 0)
      toBox.clear()
      expect(textOf(yield* ask)).toBe(WORDS)
      expect(yield* unsound(box)).toEqual([])
    }),
  )

  it.live('lets nothing back holds the provider back, and loses nothing when it goes on', () =>
    Effect.gen(function* () {
      const bytes = bigStream()
      const step = raw(bytes, { pace: { bytesPerWrite: 64 * 1024 } })
      // A pause is not a silence of the provider: limits far below the time it lasts.
      const { first, toBox, box, ask } = yield* faultBed({ step, timeouts: { idleMs: 1_000, progressMs: 1_000 } })
      toBox.set('down', { _tag: 'HalfOpen' })
      const asked = yield* Effect.forkChild(ask)
      yield* first.until(({ bytesSent }) => bytesSent > 0)
      // Everything between holds some megabytes; then the provider stands still, for longer than the limits.
      const sent = () => first.requests[0]?.bytesSent ?? 0
      for (let before = -1; before !== sent(); yield* Effect.sleep(1_500)) before = sent()
      expect(sent()).toBeLessThan(bytes.length - 1_000_000)
      expect(first.requests[0]?.endedAt).toBeUndefined()
      toBox.clear()
      const got = yield* Fiber.join(asked)
      expect(got.ending).toBe('complete')
      expect(got.body.equals(bytes)).toBe(true)
      expect(yield* unsound(box)).toEqual([])
    }),
  )

  it.live('is slow to bring the first content hears comments until then, and none after', () =>
    Effect.gen(function* () {
      const { toBox, box, ask } = yield* faultBed({
        step: answer(WORDS, { pace: { firstTokenMs: 1_000, eventsPerWrite: 1, betweenWritesMs: 3 } }),
        box: { stream: { commitHeadersAfterMs: 100, keepAliveMs: 80 } },
      })
      toBox.set('down', { _tag: 'Latency', latencyMs: 30, jitterMs: 20 })
      const got = yield* ask
      expect(dishonest(got)).toEqual([])
      expect(got.body.toString()).toMatch(/^(: keep-alive\n\n){1,8}event: message_start\n/)
      expect(got.body.toString().lastIndexOf(': keep-alive')).toBeLessThan(got.body.toString().indexOf('event:'))
      expect(textOf(got)).toBe(WORDS)
      expect(yield* unsound(box)).toEqual([])
    }),
  )
})

describe('a client that the network cuts off', () => {
  /** R36. Time enough for two sockets on a busy machine; without the abort it would be the limit of the stage. */
  const SOON_MS = 100

  it.live.each<[string, Step, (sent: number) => boolean]>([
    ['while it waits for headers', stall('beforeHeaders'), () => true],
    ['while it waits for the first content', stall({ events: 1 }), (sent) => sent > 0],
    ['in the middle of the stream', stall({ events: 6 }), (sent) => sent > 0],
  ])('%s frees the connection to the provider at once', ([, step, stage]) =>
    Effect.gen(function* () {
      const { first, toProvider, toBox, box } = yield* faultBed({ step })
      const tookMs: number[] = []
      for (let n = 1; n <= 3; n++) {
        const client = start(toBox.port, streaming)
        client.on('error', () => undefined)
        yield* first.until(({ number, body, bytesSent }) => number === n && body.length > 0 && stage(bytesSent))
        yield* Effect.sleep(20)
        expect(toProvider.open()).toBe(1)
        const cut = performance.now()
        toBox.set('down', { _tag: 'ResetPeer', afterMs: 0 })
        yield* eventually(() => toProvider.open() === 0 && box.server.active() === 0)
        tookMs.push(performance.now() - cut)
        toBox.clear()
      }
      // Of three, the one that the machine held up least.
      expect(Math.min(...tookMs)).toBeLessThan(SOON_MS)
      yield* first.until(({ abortedAt }) => abortedAt !== undefined)
      const tags = (yield* box.events).map(({ event }) => event._tag)
      expect(tags.slice(-2)).toEqual(['AttemptFailed', 'RequestCancelled'])
      expect(box.ledger.state.projections.requests.inFlight.size).toBe(0)
      expect(yield* unsound(box)).toEqual([])
    }),
  )

  it.live('from a provider that reads nothing is let go at once', () =>
    Effect.gen(function* () {
      const { toProvider, toBox, box } = yield* faultBed({ step: answer(WORDS) })
      // Accepted, but not a byte of it is read.
      toProvider.set('up', { _tag: 'HalfOpen' })
      const client = start(toBox.port, streaming)
      client.on('error', () => undefined)
      yield* eventually(() => toProvider.open() === 1)
      const cut = performance.now()
      client.destroy()
      yield* eventually(() => box.server.active() === 0)
      expect(performance.now() - cut).toBeLessThan(SOON_MS)
      toProvider.clear()
      yield* eventually(() => toProvider.open() === 0)
      expect(yield* unsound(box)).toEqual([])
    }),
  )

  it.live('is cut at any byte of its answer, and the log says what the box had done', () =>
    Effect.gen(function* () {
      const { first, toBox, box } = yield* faultBed()
      for (let n = 0; n < 24; n++) {
        toBox.set('down', { _tag: 'LimitData', bytes: 40 + n * 250, how: n % 2 === 0 ? 'reset' : 'fin' })
        const client = start(toBox.port, streaming)
        yield* Effect.promise(
          () =>
            new Promise<void>((resolve) => {
              client.on('error', () => resolve())
              client.on('response', (response) => collect(response).then(() => resolve()))
            }),
        )
      }
      yield* eventually(() => box.server.active() === 0)
      toBox.clear()
      const terminals = (yield* box.events).flatMap(({ event }) =>
        event._tag === 'RequestCancelled' || event._tag === 'AttemptSucceeded' ? [event._tag] : [],
      )
      expect(terminals).toHaveLength(24)
      expect(new Set(terminals)).toEqual(new Set(['RequestCancelled', 'AttemptSucceeded']))
      expect(yield* unsound(box)).toEqual([])
      yield* eventually(() => first.requests.every(({ endedAt, abortedAt }) => (endedAt ?? abortedAt) !== undefined))
    }),
  )
})

const bigStream = (): Buffer => {
  const event = (name: string, data: object): string =>
    `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`
  const delta = event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'x'.repeat(16_384) } })
  return Buffer.from(
    [
      event('message_start', { message: { id: 'msg_1', model: 'claude-opus-5-5', content: [], usage: {} } }),
      event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      delta.repeat(4_000),
      event('content_block_stop', { index: 0 }),
      event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }),
      event('message_stop', {}),
    ].join(''),
  )
}
