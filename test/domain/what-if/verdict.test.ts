/**
 * What makes the interval of a gain wide: sessions that differ, and worlds that differ by more than luck.
 */
import { describe, expect, it } from 'vitest'
import { providerId } from '#domain/ids.ts'
import { seeded } from '#domain/what-if/intervals.ts'
import { parseObjective } from '#domain/what-if/objective.ts'
import type { Outcome } from '#domain/what-if/outcome.ts'
import { decide, judge, type Verdict } from '#domain/what-if/verdict.ts'

const objective = parseObjective('cost')
const SESSIONS = 40
const WORLDS = 5

/** Sessions of ten calls; `usd` is what a call of a session costs in a world. */
const worlds = (usd: (world: number, session: number) => number): readonly (readonly Outcome[])[] =>
  Array.from({ length: WORLDS }, (_, world) => {
    const costs = Array.from({ length: SESSIONS }, (_one, session) => Math.round(usd(world, session) * 1e9))
    return Array.from({ length: 10 * SESSIONS }, (_one, key): Outcome => {
      const session = key % SESSIONS
      return {
        ...{ key, session: `s${session}`, at: key, costNanoUsd: costs[session] ?? 0, isLeft: false, isServed: true },
        ...{ ttftMs: 1_000, limited: 0, provider: providerId('p'), firstChoice: providerId('p'), isSwitch: null },
        ...{ modelled: 1, unsupported: 0, assumed: 0 },
      }
    })
  })
const halfWidth = (usd: (world: number, session: number) => number): number => {
  const { gain } = judge({ present: worlds(() => 1), wanted: worlds(usd), objective, seed: 1 })
  if (gain === null) throw new Error('there is enough to judge by')
  return (gain.high - gain.low) / 2
}
const noise = (seed: number) => {
  const chance = seeded(seed)
  return () => chance() + chance() + chance() - 1.5
}

describe('the interval of a gain', () => {
  it('is narrower by the number of worlds where luck is all they differ by', () => {
    const luck = noise(3)
    const [alone, often] = [noise(5), noise(7)]
    const once = Array.from({ length: SESSIONS }, () => 0.8 + 0.2 * alone())
    const ofSessions = halfWidth((_, session) => once[session] ?? 1)
    const ofLuck = halfWidth(() => 0.8 + 0.2 * luck())
    expect(ofLuck).toBeLessThan(0.75 * ofSessions)
    expect(halfWidth((_, session) => (once[session] ?? 1) + 0.05 * often())).toBeLessThan(1.3 * ofSessions)
  })

  it('keeps what worlds differ by in all sessions alike: the fit may be wrong by as much', () => {
    const errors = [-0.1, -0.05, 0, 0.05, 0.1]
    const spread = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / (WORLDS - 1))
    expect(halfWidth((world) => 0.8 + (errors[world] ?? 0))).toBeCloseTo(1.96 * spread, 2)
  })

  it('holds for six at once where the weights were chosen by these very calls', () => {
    const luck = noise(11)
    const wanted = worlds(() => 0.8 + 0.2 * luck())
    const [single, ofMany] = [false, true].map((isOwnChoice) => {
      const { gain } = judge({ present: worlds(() => 1), wanted, objective, seed: 1, isOwnChoice })
      return gain === null ? Number.NaN : gain.estimate - gain.low
    })
    expect((ofMany ?? 0) / (single ?? 0)).toBeCloseTo(2.64 / 1.96)
  })

  it('is nothing where every session gains alike in every world', () => {
    expect(halfWidth(() => 0.8)).toBeCloseTo(0)
  })
})

describe('of two judgements', () => {
  const interval = (low: number, estimate: number) => ({ low, estimate, high: 2 * estimate - low })
  const refused = (low: number, estimate: number): Verdict => ({
    ...{ _tag: 'Refused', gain: interval(low, estimate), why: 'may be chance' },
  })
  const recommended = { _tag: 'Recommended', gain: interval(0.02, 0.1) } as const
  const decided = (byOther: Verdict, ofItself: Verdict) => {
    let asked = false
    const { judgedBy } = decide({ judgedBy: 'other half', verdict: byOther }, () => {
      asked = true
      return { judgedBy: 'itself', verdict: ofItself }
    })
    return { judgedBy, asked }
  }

  it('that of the proposal itself counts where the halves disagree and gain all the same, and it is sure', () => {
    expect(decided(refused(-0.05, 0.06), recommended)).toEqual({ judgedBy: 'itself', asked: true })
  })

  it('that of the other half counts where the proposal itself is not sure either', () => {
    expect(decided(refused(-0.05, 0.06), refused(-0.01, 0.08))).toEqual({ judgedBy: 'other half', asked: true })
  })

  it.each<readonly [string, Verdict]>([
    ['is sure', recommended],
    ['gains nothing', refused(-0.05, 0.005)],
    ['gains surely, but breaks a bound', refused(0.02, 0.1)],
    ['is known of too little', { _tag: 'Refused', gain: null, why: 'too few calls' }],
  ])('the proposal is not even asked where what the halves found %s', (_, byOther) => {
    expect(decided(byOther, recommended)).toEqual({ judgedBy: 'other half', asked: false })
  })
})
