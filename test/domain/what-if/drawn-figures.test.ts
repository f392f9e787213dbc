/**
 * Figures of drawn sessions are those of as many copies of their calls.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { providerId } from '#domain/ids.ts'
import { drawnFigures, meanFigures, sessionsOf } from '#domain/what-if/drawn-figures.ts'
import { figuresOf, type Outcome } from '#domain/what-if/outcome.ts'

const outcome: fc.Arbitrary<Outcome> = fc
  .record({
    session: fc.constantFrom('a', 'b', 'c'),
    costNanoUsd: fc.nat(1_000_000),
    isLeft: fc.boolean(),
    isServed: fc.boolean(),
    ttft: fc.nat(5_000),
    limited: fc.nat(3),
    provider: fc.constantFrom(providerId('p'), providerId('q')),
    isSwitch: fc.constantFrom(true, false, null),
  })
  .map(({ ttft, isServed, provider, isSwitch, ...rest }) => ({
    ...rest,
    ...{ key: 0, at: 0, isServed, firstChoice: provider, modelled: 0, unsupported: 0, assumed: 0 },
    ttftMs: isServed ? ttft : null,
    provider: isServed ? provider : null,
    isSwitch: isServed ? isSwitch : null,
  }))

describe('the figures of sessions that were drawn', () => {
  it('are those of the calls of each, copied as often as it was drawn', () => {
    fc.assert(
      fc.property(
        fc.array(outcome, { minLength: 1, maxLength: 30 }),
        fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }),
        (outcomes, times) => {
          const sessions = sessionsOf(outcomes)
          const copies = outcomes.flatMap((one, index) =>
            Array.from({ length: times[sessions.of[index] ?? 0] ?? 0 }, () => one),
          )
          const { shareBy, ...drawn } = drawnFigures(outcomes, sessions)(times)
          const { shareBy: expectedShares, ...expected } = figuresOf(copies)
          expect(drawn).toEqual(expected)
          expect(shareBy.size).toBe(expectedShares.size)
          for (const [id, share] of expectedShares) expect(shareBy.get(id)).toBeCloseTo(share)
        },
      ),
    )
  })

  it('know how many calls each session has', () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 30 }), (outcomes) => {
        const { count, of, sizes } = sessionsOf(outcomes)
        expect(sizes).toHaveLength(count)
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(outcomes.length)
        for (const [index, session] of of.entries())
          expect(of.indexOf(session)).toBe(outcomes.findIndex((one) => one.session === outcomes[index]?.session))
      }),
    )
  })
})

describe('the mean of figures', () => {
  it('is that of each, and who served nobody in one play served nothing there', () => {
    const served = (provider: string, costNanoUsd: number): Outcome => ({
      ...{ key: 0, session: 'a', at: 0, costNanoUsd, isLeft: false, isServed: true, ttftMs: costNanoUsd / 1e6 },
      ...{ limited: 0, provider: providerId(provider), firstChoice: null, isSwitch: null },
      ...{ modelled: 0, unsupported: 0, assumed: 0 },
    })
    const mean = meanFigures([figuresOf([served('p', 1e9)]), figuresOf([served('q', 3e9)])])
    expect(mean).toMatchObject({ costUsd: 2, ttftP50Ms: 2_000, successShare: 1 })
    expect([...mean.shareBy]).toEqual([
      ['p', 0.5],
      ['q', 0.5],
    ])
  })
})
