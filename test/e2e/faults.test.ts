/**
 * A bad network between the box and its provider: what a client sees of each fault, and what the log says of it.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { draw } from '#infra/simulator/draws.ts'
import { answer } from '#infra/simulator/script.ts'
import type { Toxic } from '#test/fault-lane.ts'
import { dishonest, faultBed, recorded, SECOND_WORDS, textOf, unsound, WORDS } from './fault-bed.ts'
import { type Answer, header } from './http-client.ts'

const LIMITS = { connectMs: 1_000, headersMs: 1_000, firstContentMs: 1_000, idleMs: 1_000, progressMs: 5_000 }

const expectFirst = (got: Answer): void => {
  expect(dishonest(got)).toEqual([])
  expect([got.status, got.ending, header(got, 'x-signalbox-provider')]).toEqual([200, 'complete', 'first'])
  expect(textOf(got)).toBe(WORDS)
}

/** Nothing of the first provider is left in it. */
const expectSecond = (got: Answer): void => {
  expect(dishonest(got)).toEqual([])
  expect([got.status, got.ending, header(got, 'x-signalbox-provider')]).toEqual([200, 'complete', 'second'])
  expect(textOf(got)).toBe(SECOND_WORDS)
}

const expectBroken = (got: Answer): void => {
  expect(dishonest(got)).toEqual([])
  expect([got.status, got.ending, header(got, 'x-signalbox-provider')]).toEqual([200, 'broken', 'first'])
  expect(WORDS.startsWith(textOf(got))).toBe(true)
}

describe('a provider behind a network that', () => {
  it.live.each<[string, Toxic]>([
    ['is far away and uneven', { _tag: 'Latency', latencyMs: 60, jitterMs: 40 }],
    ['is narrow', { _tag: 'Bandwidth', bytesPerSecond: 20_000 }],
    ['cuts everything into crumbs', { _tag: 'Slicer', averageBytes: 7, variationBytes: 6 }],
    ['is late with every end of a connection', { _tag: 'SlowClose', delayMs: 400 }],
  ])('%s serves all the same, every byte of it', ([, toxic]) =>
    Effect.gen(function* () {
      const { toProvider, box, ask } = yield* faultBed({ timeouts: { idleMs: 2_000, headersMs: 2_000 } })
      toProvider.set('down', toxic)
      toProvider.set('up', toxic)
      for (const got of yield* Effect.all([ask, ask, ask], { concurrency: 3 })) {
        expectFirst(got)
        expect(yield* recorded(box, got)).toEqual({ end: 'AttemptSucceeded', failed: [] })
      }
      expect(yield* unsound(box)).toEqual([])
    }),
  )

  it.live.each<[string, 'up' | 'down', Toxic, string]>([
    ['swallows the request', 'up', { _tag: 'Timeout' }, 'Timeout'],
    ['swallows the answer', 'down', { _tag: 'Timeout' }, 'Timeout'],
    ['takes the request and reads nothing of it', 'up', { _tag: 'HalfOpen' }, 'Timeout'],
    ['closes instead of answering', 'up', { _tag: 'Timeout', afterMs: 50 }, 'Transport'],
    ['resets every connection', 'up', { _tag: 'ResetPeer', afterMs: 0 }, 'Transport'],
    ['resets in the middle of the headers', 'down', { _tag: 'LimitData', bytes: 40, how: 'reset' }, 'Transport'],
    ['ends in the middle of the headers', 'down', { _tag: 'LimitData', bytes: 40, how: 'fin' }, 'Transport'],
  ])('%s is replaced unseen', ([, direction, toxic, reason]) =>
    Effect.gen(function* () {
      const { toProvider, box, ask } = yield* faultBed({ timeouts: LIMITS })
      toProvider.set(direction, toxic)
      const got = yield* ask
      expectSecond(got)
      const { end, failed } = yield* recorded(box, got)
      expect(end).toBe('AttemptSucceeded')
      expect(failed).toEqual([`first ${reason} in S0`])
      expect(yield* unsound(box)).toEqual([])
      toProvider.clear()
      expectFirst(yield* ask)
    }),
  )

  it.live('is not there is replaced unseen, and serves again when it is', () =>
    Effect.gen(function* () {
      const { toProvider, box, ask } = yield* faultBed({ timeouts: LIMITS })
      yield* toProvider.down
      const got = yield* ask
      expectSecond(got)
      expect((yield* recorded(box, got)).failed).toEqual(['first Transport in S0'])
      yield* toProvider.up
      expectFirst(yield* ask)
      expect(yield* unsound(box)).toEqual([])
    }),
  )

  it.live.each<[string, Toxic, string]>([
    ['falls silent', { _tag: 'Timeout' }, 'Timeout'],
    ['stands still', { _tag: 'HalfOpen' }, 'Timeout'],
    ['resets', { _tag: 'ResetPeer', afterMs: 0 }, 'Transport'],
    ['closes', { _tag: 'Timeout', afterMs: 0 }, 'Transport'],
  ])('%s in the middle of an answer breaks it off, honestly, and nobody else is asked', ([, toxic, reason]) =>
    Effect.gen(function* () {
      const { first, second, toProvider, box, ask } = yield* faultBed({ timeouts: LIMITS })
      const asked = yield* Effect.forkChild(ask)
      yield* first.until(({ bytesSent }) => bytesSent > 1_500)
      toProvider.set('down', toxic)
      const got = yield* Fiber.join(asked)
      expectBroken(got)
      expect(second.requests).toEqual([])
      expect(yield* recorded(box, got)).toEqual({ end: 'RequestFailed', failed: [`first ${reason} in S2`] })
      expect(yield* unsound(box)).toEqual([])
    }),
  )

  const CUTS = 60
  it.live.each(['fin', 'reset'] as const)(
    `breaks at any byte (%s) never shows an end that was none, ${CUTS} times`,
    (how) =>
      Effect.gen(function* () {
        const { first, second, toProvider, box, ask } = yield* faultBed({ timeouts: LIMITS, step: answer(WORDS) })
        // The bytes of a whole answer, the head included.
        const whole = yield* ask
        expectFirst(whole)
        const most = toProvider.passed('down')
        const seen = { fallback: 0, broken: 0, complete: 0 }
        for (let n = 0; n < CUTS; n++) {
          toProvider.set('down', { _tag: 'LimitData', bytes: 1 + Math.floor(draw(how.length, n) * most), how })
          const got = yield* ask
          expect(dishonest(got)).toEqual([])
          const { end } = yield* recorded(box, got)
          if (header(got, 'x-signalbox-provider') === 'second') {
            expectSecond(got)
            seen.fallback++
          } else if (got.ending === 'broken') {
            expect(end).toBe('RequestFailed')
            seen.broken++
          } else {
            expect(textOf(got)).toBe(WORDS)
            expect(end).toBe('AttemptSucceeded')
            seen.complete++
          }
        }
        expect(Math.min(seen.fallback, seen.broken)).toBeGreaterThan(3)
        expect(seen.fallback).toBe(second.requests.length)
        expect(first.requests.length).toBe(CUTS + 1)
        expect(yield* unsound(box)).toEqual([])
      }),
  )

  it.live('turns bits round never makes a box die, or show an end that was none', () =>
    Effect.gen(function* () {
      const { toProvider, box, ask } = yield* faultBed({ timeouts: LIMITS, seed: 11 })
      toProvider.set('down', { _tag: 'Corrupt', share: 0.0005 })
      const endings: string[] = []
      const answers = yield* Effect.all(
        Array.from({ length: 64 }, () => ask),
        { concurrency: 8 },
      )
      for (const got of answers) {
        expect(dishonest(got)).toEqual([])
        const { end } = yield* recorded(box, got)
        expect(end).toBe(got.ending === 'broken' || endsInError(got) ? 'RequestFailed' : 'AttemptSucceeded')
        endings.push(`${header(got, 'x-signalbox-provider')} ${end}`)
      }
      // It was about something: some came through, some were replaced, some had to be broken off.
      expect(new Set(endings)).toEqual(
        new Set(['first AttemptSucceeded', 'second AttemptSucceeded', 'first RequestFailed']),
      )
      toProvider.clear()
      expectFirst(yield* ask)
      expect(yield* unsound(box)).toEqual([])
    }),
  )
})

/** A bit may turn a name into `error`, which is then passed on as the provider's own word. */
const endsInError = (got: Answer): boolean => got.body.toString().includes('event: error')
