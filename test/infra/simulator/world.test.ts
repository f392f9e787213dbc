import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { demoProviders, demoWorlds } from '#infra/simulator/demo-providers.ts'
import { draw, letters, logNormal } from '#infra/simulator/draws.ts'
import { makeEngine } from '#infra/simulator/engine.ts'
import type { Plan } from '#infra/simulator/plan.ts'
import { inOutage, verdict, type World } from '#infra/simulator/world.ts'

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const stormy: World = {
  ...demoWorlds['sim-amber'],
  failures: { rateLimitedShare: 0.1, overloadedShare: 0.2, serverErrorShare: 0.05, droppedShare: 0.05 },
}

/** Statuses and times of the first 200 calls, 3 s apart. */
const scheduleOf = (seed: number, world: World): readonly string[] => {
  const engine = makeEngine({ id: 'p', seed, world })
  const body = Buffer.from('{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}')
  return Array.from({ length: 200 }, (_, index) => {
    const at = 1_000_000 + index * 3_000
    const request = { method: 'POST', path: '/v1/messages', headers: [], body, requestId: 'req', at }
    const plan: Plan = engine.respond(request)
    return `${plan.status} ${plan.headersAtMs} ${plan.ending._tag}`
  })
}

describe('the seeded world', () => {
  it('is the same for the same seed, and another for another', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(scheduleOf(seed, stormy)).toEqual(scheduleOf(seed, stormy))
        expect(scheduleOf(seed, stormy)).not.toEqual(scheduleOf(seed ^ 1, stormy))
      }),
      { numRuns: 10 },
    )
  })

  it('fails as often as it says', () => {
    const calm = { ...stormy, outages: undefined }
    const { outages: _, ...world } = calm
    const counts = new Map<string, number>()
    const total = 20_000
    for (let n = 1; n <= total; n++) {
      const { step } = verdict(world, 7, n, 0)
      const what = step._tag === 'Status' ? String(step.status) : step._tag === 'Answer' && step.fault ? 'drop' : 'ok'
      counts.set(what, (counts.get(what) ?? 0) + 1)
    }
    const share = (what: string) => (counts.get(what) ?? 0) / total
    expect(share('429')).toBeCloseTo(0.1, 1)
    expect(share('529')).toBeCloseTo(0.2, 1)
    expect(share('500')).toBeCloseTo(0.05, 1)
    expect(share('drop')).toBeCloseTo(0.05, 1)
    expect(share('500') + share('drop')).toBeGreaterThan(0.08)
    expect(share('ok')).toBeCloseTo(0.6, 1)
  })

  it('has one outage per period, of about the length it says', () => {
    const outages = { everyMs: 100_000, lastsMs: 10_000, how: 'reset' as const }
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 50 }), (seed, period) => {
        let down = 0
        let edges = 0
        let was = false
        for (let ms = 0; ms < 100_000; ms += 100) {
          const is = inOutage(outages, seed, period * 100_000 + ms)
          if (is) down += 100
          if (is !== was) edges++
          was = is
        }
        expect(down).toBeGreaterThan(4_800)
        expect(down).toBeLessThan(15_200)
        expect(edges).toBeLessThanOrEqual(2)
      }),
      { numRuns: 30 },
    )
  })

  it('draws evenly, and log-normally around the median', () => {
    const draws = Array.from({ length: 20_000 }, (_, n) => draw(3, n, 1))
    expect(draws.reduce((a, b) => a + b) / draws.length).toBeCloseTo(0.5, 1)
    for (const tenth of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const inside = draws.filter((value) => Math.floor(value * 10) === tenth).length
      expect(inside / draws.length).toBeGreaterThan(0.08)
      expect(inside / draws.length).toBeLessThan(0.12)
    }
    const times = Array.from({ length: 20_000 }, (_, n) => logNormal(500, 0.5, draw(3, n, 1), draw(3, n, 2)))
    const below = times.filter((ms) => ms < 500).length / times.length
    expect(below).toBeGreaterThan(0.47)
    expect(below).toBeLessThan(0.53)
    expect(new Set(Array.from({ length: 1_000 }, (_, n) => letters(22, 3, n))).size).toBe(1_000)
  })

  it('is gentle in the demo: every provider answers most calls, and the first runs into its limit in a busy minute', () => {
    for (const options of demoProviders(1)) {
      const engine = makeEngine(options)
      const body = Buffer.from('{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}')
      const statuses = Array.from({ length: 30 }, (_, index) => {
        const request = { method: 'POST', path: '/v1/messages', headers: [], body, requestId: `r${index}` }
        return engine.respond({ ...request, at: 1_000_000 + index * 2_000 }).status
      })
      expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(18)
      expect(statuses.includes(429)).toBe(options.id === 'sim-blue')
    }
  })
})
