/**
 * What is held against a provider, and for how long.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countsAgainst } from '#domain/failure.ts'
import { providerId } from '#domain/ids.ts'
import {
  LIMIT_HALF_LIFE_MS,
  OUTCOME_HALF_LIFE_MS,
  PROVIDERS_KEPT,
  reliability,
  trustIn,
} from '#domain/projections/reliability.ts'
import { failed, fold, type Moment, PROVIDER, policyOf, succeeded } from '#test/attempts.ts'
import { allReasons, EPOCH, PROVIDERS } from '#test/generators.ts'

const LIMITED = { _tag: 'RateLimited' } as const
const BROKEN = { _tag: 'ServerError', status: 500 } as const
const good: Moment = [0, succeeded(1)]
const bad: Moment = [0, failed(1, BROKEN)]
const hit: Moment = [0, failed(1, LIMITED)]
const trust = (moments: readonly Moment[], afterMs = 0) =>
  trustIn(fold(reliability, moments), PROVIDER, EPOCH + afterMs)

describe('the trust in a provider', () => {
  it('is not known before its first outcome, and a limit is none', () => {
    expect(trust([])).toEqual({ successShare: null, limitPenalty: 0 })
    expect(trust([hit])).toEqual({ successShare: null, limitPenalty: 0.5 })
  })

  it('is the share of successes, with nine tenths of one assumed', () => {
    expect(trust([good]).successShare).toBeCloseTo(1.9 / 2)
    expect(trust([bad]).successShare).toBeCloseTo(0.9 / 2)
    expect(trust([good, good, bad]).successShare).toBeCloseTo(2.9 / 4)
  })

  it('goes back to what is assumed, by half of the weight in five minutes', () => {
    expect(trust([bad], OUTCOME_HALF_LIFE_MS).successShare).toBeCloseTo(0.9 / 1.5)
    expect(trust([bad], 2 * OUTCOME_HALF_LIFE_MS).successShare).toBeCloseTo(0.9 / 1.25)
    expect(trust([bad], 1e15).successShare).toBe(0.9)
    expect(trust([good], 1e15).successShare).toBe(0.9)
  })

  it('forgets limits faster: half of a hit in two minutes', () => {
    expect(trust([hit]).limitPenalty).toBe(0.5)
    expect(trust([hit, hit, hit]).limitPenalty).toBe(0.75)
    expect(trust([hit], LIMIT_HALF_LIFE_MS).limitPenalty).toBeCloseTo(1 / 3)
    expect(trust([hit], 1e15).limitPenalty).toBe(0)
  })

  it.each(allReasons.map((reason) => [reason]))(
    'before an answer begins, holds %o against whom it counts',
    (reason) => {
      const { successShare, limitPenalty } = trust([good, [0, failed(1, reason)]])
      const blame = countsAgainst(reason)
      const lost = blame === 'provider' || blame === 'account'
      expect(successShare).toBeCloseTo(lost ? 1.9 / 3 : 1.9 / 2)
      expect(limitPenalty).toBe(blame === 'limit' ? 0.5 : 0)
    },
  )

  it('loses from a limit that breaks an answer off, and not from a client that leaves in the middle', () => {
    expect(trust([good, [0, failed(1, LIMITED, { stage: 'S2' })]])).toEqual(trust([good, bad, hit]))
    const left = failed(1, { _tag: 'Cancelled', by: 'client' }, { stage: 'S2' })
    expect(trust([good, [0, left]])).toEqual(trust([good]))
  })

  it('is what every outcome by itself has faded to, whatever lies in between', () => {
    const outcome = fc.record({ after: fc.nat(3_600_000), kind: fc.constantFrom('good', 'bad', 'hit') })
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 30 }), fc.nat(3_600_000), (all, later) => {
        const sorted = all.toSorted((a, b) => a.after - b.after)
        const events: { readonly [kind: string]: Moment[1] } = { good: good[1], bad: bad[1], hit: hit[1] }
        const end = sorted.at(-1)!.after + later
        const weight = (kind: string, halfLifeMs: number) =>
          sorted
            .filter((one) => one.kind === kind)
            .reduce((sum, { after }) => sum + 0.5 ** ((end - after) / halfLifeMs), 0)
        const seen = trust(
          sorted.map(({ after, kind }) => [after, events[kind]!]),
          end,
        )
        const [wins, losses] = [weight('good', OUTCOME_HALF_LIFE_MS), weight('bad', OUTCOME_HALF_LIFE_MS)]
        const tried = all.some(({ kind }) => kind !== 'hit')
        if (tried) expect(seen.successShare).toBeCloseTo((wins + 0.9) / (wins + losses + 1), 9)
        else expect(seen.successShare).toBeNull()
        const hits = weight('hit', LIMIT_HALF_LIFE_MS)
        expect(seen.limitPenalty).toBeCloseTo(hits / (hits + 1), 9)
      }),
    )
  })

  it('keeps its weights when the clock is set back', () => {
    expect(
      trust(
        [
          [3_600_000, failed(1, BROKEN)],
          [0, succeeded(1)],
        ],
        0,
      ).successShare,
    ).toBeCloseTo(1.9 / 3)
  })

  it('ends with the provider', () => {
    expect(trust([bad, [0, policyOf(PROVIDERS[1]!)]])).toEqual({ successShare: null, limitPenalty: 0 })
    expect(trust([bad, [0, policyOf(PROVIDER)]])).toEqual(trust([bad]))
  })

  it('is kept for two hundred providers: the one that was not heard of for longest is forgotten', () => {
    const ids = Array.from({ length: PROVIDERS_KEPT + 1 }, (_, n) => providerId(`p${n}`))
    const moments = ids.map((provider): Moment => [0, succeeded(1, { provider })])
    const state = fold(reliability, [...moments.slice(0, -1), moments[0]!, ...moments.slice(-1)])
    expect(state.size).toBe(PROVIDERS_KEPT)
    expect([state.has(ids[0]!), state.has(ids[1]!)]).toEqual([true, false])
  })
})
