/**
 * A hard budget that instances share, whatever happens to them, to their clients and to their store: never more is spent than it
 * holds, and what is granted in the end is what was spent.
 */
import { expect, it } from '@effect/vitest'
import { Effect, Fiber, References } from 'effect'
import { TestClock } from 'effect/testing'
import fc from 'fast-check'
import { LOST_MS } from '#actors/membership.ts'
import { answers } from '#test/box.ts'
import { openInstances } from '#test/instances.ts'
import { decisions, endings, order, probes } from '../instances/checks.ts'

const LIMIT = 150_000_000
const price = { input: 100, output: 1_000, cacheRead: 10, cacheWrite5m: 100, cacheWrite1h: 100 }

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ send: fc.nat(1), times: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 3, arbitrary: fc.record({ leave: fc.nat(20) }) },
    { weight: 8, arbitrary: fc.record({ passMs: fc.constantFrom(1, 2, 4, 30, 300, 2_500) }) },
    { weight: 1, arbitrary: fc.record({ away: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ storeMs: fc.constantFrom(1, 40, 700) }) },
    { weight: 1, arbitrary: fc.record({ kill: fc.nat(1) }) },
  ),
  { minLength: 20, maxLength: 70 },
)

it.effect(
  'pays no more than it holds, and loses none of it',
  () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(steps, (script) =>
          play(script).pipe(
            Effect.scoped,
            Effect.provide(TestClock.layer()),
            Effect.provideService(References.MinimumLogLevel, 'None'),
            Effect.runPromise,
          ),
        ),
        { numRuns: 25 },
      ),
    ),
  180_000,
)

type Step = typeof steps extends fc.Arbitrary<readonly (infer S)[]> ? S : never

const play = (script: readonly Step[]) =>
  Effect.gen(function* () {
    const all = yield* openInstances({
      scripts: { a: (n) => (n % 5 < 2 ? answers.error(500, 'api_error') : answers.stream('yes', { firstMs: 40 })) },
      policy: { budgets: [{ name: 'daily', period: 'day', limitNanoUsd: LIMIT, hard: {} }] },
      provider: { prices: { '*': price } },
      spool: true,
      storeMs: 3,
    })
    let started = 0
    const startOne = Effect.suspend(() => all.start(`w${++started}`))
    const lives = [yield* startOne, yield* startOne]
    const sent: Fiber.Fiber<unknown, unknown>[] = []
    let wasAway = false
    for (const step of script) {
      if ('send' in step) {
        for (let n = 0; n < step.times; n++) sent.push((yield* lives[step.send]!.send({ maxTokens: 10 })).fiber)
      } else if ('leave' in step) {
        const fiber = sent.at(-1 - step.leave)
        if (fiber !== undefined) yield* Effect.forkDetach(Fiber.interrupt(fiber))
      } else if ('passMs' in step) yield* TestClock.adjust(step.passMs)
      else if ('storeMs' in step) all.store.ms = step.storeMs
      else if ('away' in step) {
        all.store.away = step.away
        wasAway ||= step.away
      } else if (!all.store.away) {
        yield* lives[step.kill]!.kill
        lives[step.kill] = yield* startOne
      }
    }
    all.store.away = false
    all.store.ms = 3
    yield* TestClock.adjust(3 * LOST_MS)
    const rows = yield* all.events
    const spent = new Map<string, number>()
    for (const { event, writer } of rows) {
      if (event._tag !== 'AttemptSucceeded' && event._tag !== 'AttemptFailed') continue
      spent.set(writer, (spent.get(writer) ?? 0) + (event.costNanoUsd ?? 0))
    }
    const [pool] = all.cluster.pools.values()
    for (const { ledger } of lives) {
      const [granted, used] = [pool?.grants.get(ledger.writer) ?? 0, spent.get(ledger.writer) ?? 0]
      // Of money that was on its way to a store that went away nobody knows where it is: then it counts as granted.
      if (wasAway) expect(granted).toBeGreaterThanOrEqual(used)
      else expect(granted).toBe(used)
    }
    expect(spent.values().reduce((sum, nano) => sum + nano, 0)).toBeLessThanOrEqual(LIMIT)
    expect([...order(rows), ...endings(rows), ...probes(rows), ...decisions(rows)]).toEqual([])
  })
