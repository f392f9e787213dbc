import { describe, expect, it } from '@effect/vitest'
import { Effect, Exit, Fiber } from 'effect'
import { TestClock } from 'effect/testing'
import { CHECK_LIMIT_MS, type CheckResult, type Diagnosis, hasFailed, limited } from '#cli/doctor/finding.ts'

describe('a check', () => {
  it.effect('that does not end is over after fifteen seconds, as a time-out', () =>
    Effect.gen(function* () {
      const running = yield* Effect.forkChild(Effect.exit(limited(Effect.never)))
      yield* TestClock.adjust(CHECK_LIMIT_MS - 1)
      expect(running.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(running)).toEqual(Exit.fail({ _tag: 'Timeout', phase: 'deadline' }))
      expect(CHECK_LIMIT_MS).toBe(15_000)
    }),
  )

  it.effect('that ends in time is what it is', () =>
    Effect.gen(function* () {
      expect(yield* limited(Effect.succeed('done'))).toBe('done')
      expect(yield* Effect.flip(limited(Effect.fail('why')))).toBe('why')
    }),
  )
})

describe('a diagnosis', () => {
  const of = (...results: readonly CheckResult[]): Diagnosis => ({
    provider: 'it',
    kind: 'anthropic',
    preset: null,
    address: 'https://example.com',
    credential: 'no credential',
    findings: results.map((result) => ({ check: 'models', result, found: 'so' })),
  })

  it('has failed when any check has; warnings and what was skipped do not count', () => {
    expect(hasFailed([of('ok', 'warning', 'skipped')])).toBe(false)
    expect(hasFailed([of('ok'), of('ok', 'failed')])).toBe(true)
  })
})
