import { describe, it } from '@effect/vitest'
import { Clock, Effect, Fiber, Logger, Redacted } from 'effect'
import { TestClock } from 'effect/testing'
import fc from 'fast-check'
import { expect } from 'vitest'
import { credentialError } from '#infra/credentials/credential-error.ts'
import { aheadMs, makeFreshSecret } from '#infra/credentials/fresh-secret.ts'
import { HOUR, onSettableClock } from '#test/settable-clock.ts'

const failure = credentialError({ _tag: 'Env', name: 'A_TOKEN', header: 'bearer' }, { _tag: 'NotSet' })

/** How a fetch goes: for how long, and the life of its token from the start of the fetch, if there is one. */
interface Outcome {
  readonly takesMs: number
  readonly lifetimeMs: number | undefined
}

/** A source whose fetches go by the script, over and over. Tokens are numbers, counted from 1. */
const scripted = (script: readonly Outcome[]) => {
  let fetches = 0
  let present = 0
  let mostAtOnce = 0
  const ends = new Map<string, number>()
  const fetch = Effect.gen(function* () {
    const outcome = script[fetches % script.length] ?? { takesMs: 0, lifetimeMs: undefined }
    fetches += 1
    present += 1
    mostAtOnce = Math.max(mostAtOnce, present)
    const value = String(fetches)
    const begun = yield* Clock.currentTimeMillis
    yield* Effect.sleep(outcome.takesMs)
    present -= 1
    const now = yield* Clock.currentTimeMillis
    const { lifetimeMs } = outcome
    if (lifetimeMs === undefined || begun + lifetimeMs <= now) return yield* Effect.fail(failure)
    const goodUntilMs = begun + lifetimeMs
    ends.set(value, goodUntilMs)
    return { secret: Redacted.make(value), refreshAtMs: goodUntilMs - aheadMs(lifetimeMs), goodUntilMs }
  })
  return { source: makeFreshSecret(fetch), fetches: () => fetches, mostAtOnce: () => mostAtOnce, ends }
}

const hour = { takesMs: 0, lifetimeMs: 3_600_000 }
const slowHour = { takesMs: 5_000, lifetimeMs: 3_600_000 }
const broken = { takesMs: 0, lifetimeMs: undefined }
const silent = Effect.provide(Logger.layer([]))

describe('a fresh secret', () => {
  it.effect('is asked for again soon after a failure, also when the clock was set back meanwhile', () =>
    onSettableClock((set) =>
      Effect.gen(function* () {
        const { source } = scripted([broken, hour])
        expect((yield* Effect.result(source.secret))._tag).toBe('Failure')
        set(-HOUR)
        yield* TestClock.adjust(1_000)
        expect(Redacted.value(yield* source.secret)).toBe('2')
      }),
    ),
  )

  it('is renewed five minutes ahead, or a tenth of its life', () => {
    expect([3_600_000, 3_000_000, 300_000, 10].map(aheadMs)).toEqual([300_000, 300_000, 30_000, 1])
  })

  it.effect('is handed out while its successor is fetched, and then the successor is', () =>
    Effect.gen(function* () {
      const { source, fetches } = scripted([hour, slowHour])
      const value = Effect.map(source.secret, Redacted.value)
      expect(yield* value).toBe('1')
      yield* TestClock.adjust('55 minutes')
      expect([yield* value, yield* value]).toEqual(['1', '1'])
      yield* TestClock.adjust('4999 millis')
      expect(yield* value).toBe('1')
      yield* TestClock.adjust('1 millis')
      expect(yield* value).toBe('2')
      expect(fetches()).toBe(2)
    }),
  )

  it.effect('outlives failed renewals, which are tried again ever more often, and are logged', () =>
    Effect.gen(function* () {
      const lines: string[] = []
      const { source, fetches } = scripted([hour, ...Array.from({ length: 100 }, () => broken)])
      yield* Effect.gen(function* () {
        yield* source.secret
        yield* TestClock.adjust('55 minutes')
        for (let second = 0; second < 300; second += 1) {
          expect(Redacted.value(yield* source.secret)).toBe('1')
          yield* TestClock.adjust('1 second')
        }
        expect((yield* Effect.flip(source.secret)).reason).toEqual({ _tag: 'NotSet' })
      }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => lines.push(String(message)))])))
      expect(lines[0]).toBe(`${failure.message} The present one is good for 300 s.`)
      expect(lines[1]).toContain('good for 270 s')
      expect(fetches()).toBeGreaterThan(10)
      expect(fetches()).toBeLessThan(60)
    }),
  )

  it.effect('is not waited for again by one fetch that began before a refusal', () =>
    Effect.gen(function* () {
      const { source } = scripted([slowHour])
      const waiting = yield* Effect.forkChild(source.secret, { startImmediately: true })
      yield* TestClock.adjust('1 second')
      source.invalidate()
      yield* TestClock.adjust('10 seconds')
      expect(Redacted.value(yield* Fiber.join(waiting))).toBe('2')
    }),
  )

  it.effect('survives those who wait for it: the fetch goes on for the next', () =>
    Effect.gen(function* () {
      const { source, fetches } = scripted([slowHour])
      const waiting = yield* Effect.forkChild(source.secret, { startImmediately: true })
      yield* TestClock.adjust('1 second')
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust('4 seconds')
      expect(Redacted.value(yield* source.secret)).toBe('1')
      expect(fetches()).toBe(1)
    }),
  )

  it.effect('passes a defect of its fetch on to all who wait, and can be asked for again', () =>
    Effect.gen(function* () {
      let broken = true
      const good = { secret: Redacted.make('good'), refreshAtMs: 1e9, goodUntilMs: 1e9 }
      const source = makeFreshSecret(Effect.suspend(() => (broken ? Effect.die('a bug') : Effect.succeed(good))))
      expect((yield* Effect.exit(source.secret))._tag).toBe('Failure')
      broken = false
      expect(Redacted.value(yield* source.secret)).toBe('good')
    }),
  )

  it('is unexpired whenever it is handed out, by one fetch at a time, and fails only when there is none', async () => {
    const outcome = fc.record({
      takesMs: fc.nat(20_000),
      lifetimeMs: fc.option(fc.integer({ min: 1, max: 400_000 }), { nil: undefined, freq: 3 }),
    })
    /** The pause before it, and whether the last token is refused first. */
    const ask = fc.record({ afterMs: fc.oneof(fc.nat(1_500), fc.nat(200_000)), refused: fc.boolean() })
    const property = fc.asyncProperty(
      fc.array(outcome, { minLength: 1, maxLength: 8 }),
      fc.array(ask, { minLength: 1, maxLength: 40 }),
      (script, asks) =>
        Effect.gen(function* () {
          const { source, mostAtOnce, ends } = scripted(script)
          let last: Redacted.Redacted<string> | undefined
          const refused = new Set<string>()
          const one = Effect.gen(function* () {
            const result = yield* Effect.result(source.secret)
            const now = yield* Clock.currentTimeMillis
            if (result._tag === 'Success') {
              last = result.success
              expect(ends.get(Redacted.value(last)) ?? 0).toBeGreaterThan(now)
              expect(refused).not.toContain(Redacted.value(last))
              return
            }
            for (const [value, end] of ends) expect(end <= now || refused.has(value)).toBe(true)
          })
          const waiting: Fiber.Fiber<void>[] = []
          for (const { afterMs, refused: refuses } of asks) {
            yield* TestClock.adjust(afterMs)
            if (refuses && last !== undefined) {
              refused.add(Redacted.value(last))
              source.invalidate(last)
            }
            waiting.push(yield* Effect.forkChild(one, { startImmediately: true }))
          }
          yield* TestClock.adjust('1 hour')
          yield* Fiber.joinAll(waiting)
          expect(mostAtOnce()).toBe(1)
        }).pipe(silent, Effect.provide(TestClock.layer()), Effect.runPromise),
    )
    await fc.assert(property, { numRuns: 200 })
  })
})
