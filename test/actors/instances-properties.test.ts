/**
 * Whatever happens to instances, to their providers and to their store, in whatever order: the log holds what it must hold, and
 * every decision follows from what its instance knew.
 */
import { assert, it } from '@effect/vitest'
import { Effect, References } from 'effect'
import { TestClock } from 'effect/testing'
import fc from 'fast-check'
import { LOST_MS } from '#actors/membership.ts'
import { defaultPolicy } from '#domain/policy.ts'
import { answers } from '#test/box.ts'
import { openInstances } from '#test/instances.ts'
import { decisions, endings, order, probes } from '../instances/checks.ts'

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ send: fc.nat(2), session: fc.nat(3) }) },
    { weight: 8, arbitrary: fc.record({ passMs: fc.constantFrom(1, 30, 120, 300, 2_000, 9_000) }) },
    { weight: 1, arbitrary: fc.record({ away: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kill: fc.nat(2) }) },
  ),
  { minLength: 20, maxLength: 90 },
)
const moods = fc.array(fc.constantFrom('well', 'broken', 'busy', 'slow'), { minLength: 4, maxLength: 12 })

it.effect(
  'holds what it must, and every decision follows',
  () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(steps, moods, fc.boolean(), (script, mood, hints) =>
          play(script, mood, hints).pipe(
            Effect.scoped,
            Effect.provide(TestClock.layer()),
            Effect.provideService(References.MinimumLogLevel, 'None'),
            Effect.runPromise,
          ),
        ),
        { numRuns: 30 },
      ),
    ),
  180_000,
)

type Step = typeof steps extends fc.Arbitrary<readonly (infer S)[]> ? S : never

const play = (script: readonly Step[], mood: readonly string[], hints: boolean) =>
  Effect.gen(function* () {
    const moody = (n: number) => {
      switch (mood[Math.floor(n / 3) % mood.length]) {
        case 'broken':
          return answers.error(500, 'api_error')
        case 'busy':
          return answers.error(429, 'rate_limit_error', [['retry-after', '3']])
        case 'slow':
          return answers.stream('slow', { firstMs: 4_000 })
        default:
          return answers.stream('well')
      }
    }
    const all = yield* openInstances({
      scripts: { a: moody, b: (n) => moody(n + 1), c: () => answers.stream('c') },
      policy: { routing: { ...defaultPolicy.routing, strategy: 'intelligent' } },
      spool: true,
      hints,
      storeMs: 3,
    })
    let started = 0
    const startOne = Effect.suspend(() => all.start(`w${++started}`))
    const lives = [yield* startOne, yield* startOne, yield* startOne]
    for (const step of script) {
      if ('send' in step) yield* lives[step.send]!.send({ sessionId: `s${step.session}` })
      else if ('passMs' in step) yield* TestClock.adjust(step.passMs)
      else if ('away' in step) all.store.away = step.away
      else if (!all.store.away) {
        yield* lives[step.kill]!.kill
        lives[step.kill] = yield* startOne
      }
    }
    all.store.away = false
    yield* TestClock.adjust(3 * LOST_MS)
    yield* TestClock.adjust('3 minutes')
    const rows = yield* all.events
    assert.deepStrictEqual([...order(rows), ...endings(rows), ...probes(rows), ...decisions(rows)], [])
  })
