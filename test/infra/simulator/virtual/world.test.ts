/**
 * Virtual worlds: the clock, the truth of a provider, and what the oracle is good for.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pauseAfter } from '#infra/simulator/virtual/client.ts'
import { nameOf, playWorld } from '#infra/simulator/virtual/play.ts'
import { makeTimeline, type Wait } from '#infra/simulator/virtual/timeline.ts'
import { makeLimits } from '#infra/simulator/virtual/true-limits.ts'
import type { Served } from '#infra/simulator/virtual/walk.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { CONTENDERS } from '../../../../scripts/routing/contenders.ts'

describe('the timeline', () => {
  it('lets moments come in the order of time, and equal ones in the order of asking', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 60 }), (times) => {
        const timeline = makeTimeline(0)
        const came: (readonly [number, number])[] = []
        for (const [index, time] of times.entries()) {
          timeline.start(
            (function* (): Generator<Wait, void, void> {
              yield time
              came.push([timeline.now(), index])
            })(),
          )
        }
        timeline.run()
        const expected = times
          .map((time, index) => [time, index] as const)
          .toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
        expect(came).toEqual(expected)
      }),
    )
  })

  it('lets a process wait for another', () => {
    const timeline = makeTimeline(100)
    const heard: string[] = []
    const worker = timeline.start(
      (function* (): Generator<Wait, void, void> {
        yield 150
        heard.push('worker')
      })(),
    )
    timeline.start(
      (function* (): Generator<Wait, void, void> {
        yield worker
        heard.push(`waiter at ${timeline.now()}`)
      })(),
    )
    timeline.run()
    expect(heard).toEqual(['worker', 'waiter at 150'])
  })

  it('ends with the last process, whatever is still to be called back, and gives up a world that does not end', () => {
    const timeline = makeTimeline(0)
    timeline.at(1_000, () => {
      throw new Error('nobody was there any more')
    })
    timeline.start(
      (function* (): Generator<Wait, void, void> {
        yield 10
      })(),
    )
    timeline.run()
    expect(timeline.now()).toBe(10)
    const endless = makeTimeline(0)
    endless.start(
      (function* (): Generator<Wait, void, void> {
        for (;;) yield endless.now() + 1
      })(),
    )
    expect(() => endless.run(1_000)).toThrow('goes on')
  })
})

describe('true limits', () => {
  const none = { window: 'bucket', countsCachedInput: false, othersShare: 0 } as const

  it('never let in more than a window allows, whatever the moments of asking', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('bucket', 'fixed'),
        fc.array(fc.tuple(fc.nat(20_000), fc.integer({ min: 1, max: 400 })), { minLength: 1, maxLength: 80 }),
        (window, asked) => {
          const limits = makeLimits({ ...none, window, requestsPerMinute: 10, inputTokensPerMinute: 1_000 }, 0)
          let at = 0
          const letIn: (readonly [number, number])[] = []
          for (const [afterMs, tokens] of asked) {
            at += afterMs
            if (limits.refusal(tokens, at) !== undefined) continue
            limits.enter(tokens, at)
            letIn.push([at, tokens])
          }
          for (const [from] of letIn) {
            const within = letIn.filter(([time]) => time >= from && time < from + 60_000)
            // A full bucket and its refill, or the ends of two windows.
            expect(within.length).toBeLessThanOrEqual(20)
            expect(within.reduce((sum, [, tokens]) => sum + tokens, 0)).toBeLessThanOrEqual(2_000.001)
          }
        },
      ),
    )
  })

  it('tell when there is room again, and there is', () => {
    const limits = makeLimits({ ...none, inputTokensPerMinute: 1_000 }, 0)
    limits.enter(900, 0)
    const refused = limits.refusal(500, 0)
    expect(refused).toEqual({ by: 'input', freesAt: 24_000 })
    expect(limits.refusal(500, 23_999)).toBeDefined()
    expect(limits.refusal(500, 24_000)).toBeUndefined()
  })

  it('hold concurrency and acceleration', () => {
    const limits = makeLimits({ ...none, maxConcurrent: 1, acceleration: { factor: 2, floorTokens: 100 } }, 0)
    expect(limits.refusal(101, 0)?.by).toBe('acceleration')
    limits.enter(60, 0)
    expect(limits.refusal(1, 0)?.by).toBe('concurrency')
    limits.leave(0, 10)
    expect(limits.refusal(60, 20)?.by).toBe('acceleration')
    expect(limits.refusal(60, 60_000)).toBeUndefined()
  })
})

describe('the client', () => {
  const refused = (retryAfterS: number | null, status = 429, mayRetry = true): Served => ({
    _tag: 'Refused',
    status,
    retryAfterS,
    mayRetry,
    attempts: 1,
    admittedAt: 0,
    endedAt: 0,
  })

  it('retries ten times with growing pauses, up to a minute of retry-after, and not when told so', () => {
    expect([0, 1, 5, 9].map((retry) => pauseAfter(refused(null), retry, 0))).toEqual([500, 1_000, 16_000, 32_000])
    expect(pauseAfter(refused(null), 10, 0)).toBeNull()
    expect(pauseAfter(refused(60), 0, 1)).toBe(75_000)
    expect(pauseAfter(refused(61), 0, 0)).toBeNull()
    expect(pauseAfter(refused(1, 429, false), 0, 0)).toBeNull()
    expect(pauseAfter(refused(null, 400), 0, 0)).toBeNull()
  })
})

describe('a virtual world', () => {
  const world = makeWorld(3, { hours: 1 })
  const figures = new Map(CONTENDERS.map((contender) => [nameOf(contender), playWorld(world, contender)]))

  it('plays the same for the same seed', () => {
    const [first] = CONTENDERS
    if (first === undefined) throw new Error('nobody takes part')
    expect(playWorld(makeWorld(3, { hours: 1 }), first)).toEqual(figures.get(nameOf(first)))
  })

  it('asks every policy the same calls', () => {
    const asked = [...figures.values()].map(({ turns, requests }) => requests >= turns && turns > 200)
    expect(asked).not.toContain(false)
  })

  it('draws no refusal from anybody for the oracle, who pays least', () => {
    const oracle = figures.get('oracle')
    expect(oracle?.refusals429).toBe(0)
    for (const [name, { costPer1000Usd }] of figures)
      expect(costPer1000Usd * 1.02, name).toBeGreaterThanOrEqual(oracle?.costPer1000Usd ?? Number.NaN)
  })
})
