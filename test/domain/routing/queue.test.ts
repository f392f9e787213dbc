import { describe, expect, it } from 'vitest'
import type { SkipReason } from '#domain/decisions.ts'
import { providerId } from '#domain/ids.ts'
import { queueOf } from '#domain/routing/queue.ts'

const skip = (name: string, reason: SkipReason, until?: number) => ({
  provider: providerId(name),
  reason,
  ...(until === undefined ? {} : { until }),
})

describe('the queue of a request for which nobody has room', () => {
  it('waits for limits that free in time, the soonest first', () => {
    expect(
      queueOf([skip('late', 'throttled', 4_000), skip('soon', 'limitReached', 2_000)], 1_000, 5_000),
    ).toStrictEqual({ providers: ['soon', 'late'], until: 6_000 })
  })

  it('waits for a limit that says nothing of when it frees', () => {
    expect(queueOf([skip('local', 'limitReached')], 1_000, 5_000)?.providers).toEqual(['local'])
  })

  it.each<readonly [string, ReturnType<typeof skip>]>([
    ['a limit that frees too late', skip('a', 'throttled', 6_000)],
    ['an open circuit', skip('a', 'circuitOpen', 2_000)],
    ['a probe', skip('a', 'probeInFlight')],
    ['what no waiting changes', skip('a', 'modelNotMapped')],
  ])('does not wait for %s', (_, skipped) => {
    expect(queueOf([skipped], 1_000, 5_000)).toBeUndefined()
  })

  it('is not there when it is switched off', () => {
    expect(queueOf([skip('a', 'limitReached'), skip('b', 'throttled', 1_000)], 1_000, 0)).toBeUndefined()
  })
})
