/**
 * What-if and tune in a handful of worlds that know the truth; `npm run what-if` asks a hundred.
 */
import { describe, expect, it } from 'vitest'
import { loggedOf, whatIf } from '#cli/what-if/estimate.ts'
import { playLog } from '#cli/what-if/play-log.ts'
import { parseWeights, wantedPolicy } from '#cli/what-if/wanted-policy.ts'
import { policyFor } from '#infra/simulator/virtual/operator.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { judgeWorld } from '#test/what-if-worlds/judge-world.ts'
import { logOfWorld } from '#test/what-if-worlds/log-of-world.ts'
import { tuneEqualWeights } from '#test/what-if-worlds/tune-world.ts'

const world = makeWorld(3, { hours: 0.5 })
const logged = loggedOf(logOfWorld(world, 'intelligent', { explorationShare: 0.05 }))
const present = policyFor(world, 'intelligent', { explorationShare: 0.05 })

describe('what if', () => {
  it('has the truth in its intervals, in all but a few cases', { timeout: 120_000 }, () => {
    const judged = [3, 4].flatMap((seed) => judgeWorld({ seed, hours: 0.75, explorationShare: 0.05 }))
    const known = judged.filter(({ isKnown }) => isKnown)
    const covered = known.filter(({ low, high, truth }) => low <= truth && truth <= high)
    expect(known.length).toBeGreaterThan(10)
    expect(covered.length / known.length).toBeGreaterThan(0.8)
  })

  it('answers the same for the same seed', () => {
    const luck = { seed: 5, errorSeed: 5, usesObserved: true }
    expect(playLog(logged, present, luck)).toEqual(playLog(logged, present, luck))
  })

  it('takes what was observed where nothing changes', () => {
    const outcomes = playLog(logged, present, { seed: 1, errorSeed: 1, usesObserved: true })
    const unchanged = outcomes.filter(({ modelled }) => modelled === 0)
    expect(unchanged.length / outcomes.length).toBeGreaterThan(0.6)
  })

  it('says that it does not know what a provider would do that was hardly asked', { timeout: 60_000 }, () => {
    const greedy = loggedOf(logOfWorld(world, 'priority', {}))
    const [asked] = [...greedy.fits.values()].toSorted((a, b) => b.observed - a.observed)
    const wanted = wantedPolicy(policyFor(world, 'priority'), {
      whatIf: [],
      weights: undefined,
      limitThreshold: undefined,
      maxFallbacks: undefined,
      without: [asked?.provider ?? ''],
    })
    const { comparison } = whatIf(greedy, { present: policyFor(world, 'priority'), wanted, seed: 1, worlds: 2 })
    expect(comparison.findings.ttftP95Ms).toMatchObject({ _tag: 'NotKnown' })
    expect(comparison.unsupportedShare).toBeGreaterThan(0.5)
  })
})

describe('tune', () => {
  it('recommends nothing where all weights are equally good', { timeout: 120_000 }, () => {
    expect(tuneEqualWeights(1, 0.75)).toMatchObject({ isRecommended: false, gain: 0 })
  })
})

describe('weights on the command line', () => {
  it('are named, and what is not named is nothing', () => {
    expect(parseWeights('cost=3, headroom=1')).toEqual({ headroom: 1, performance: 0, cost: 3, reliability: 0 })
  })

  it.each(['price=1', 'cost', 'cost=-1', 'cost=much'])('are refused as %j', (text) => {
    expect(() => parseWeights(text)).toThrow('is not a weight')
  })
})
