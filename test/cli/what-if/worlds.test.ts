/**
 * What-if and tune in a handful of worlds that know the truth; `npm run what-if` asks a hundred.
 */
import { describe, expect, it } from 'vitest'
import { searchWeights } from '#cli/tune/search.ts'
import { loggedOf, whatIf } from '#cli/what-if/estimate.ts'
import { playLog } from '#cli/what-if/play-log.ts'
import { parseWeights, type Wish, wantedPolicy } from '#cli/what-if/wanted-policy.ts'
import { providerId } from '#domain/ids.ts'
import { scaledPrice } from '#domain/pricing.ts'
import { measureOf, parseObjective } from '#domain/what-if/objective.ts'
import { figuresOf, observedOutcomes } from '#domain/what-if/outcome.ts'
import type { Weights } from '#domain/what-if/simplex.ts'
import { trafficOf } from '#domain/what-if/traffic.ts'
import { policyFor } from '#infra/simulator/virtual/operator.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { judgeWorld } from '#test/what-if-worlds/judge-world.ts'
import { logOfWorld } from '#test/what-if-worlds/log-of-world.ts'
import { tuneEqualWeights } from '#test/what-if-worlds/tune-world.ts'

const NOTHING: Wish = {
  ...{ whatIf: [], weights: undefined, limitThreshold: undefined, maxFallbacks: undefined, without: [] },
}
const world = makeWorld(3, { hours: 0.5 })
const logged = loggedOf(logOfWorld(world, 'intelligent', { explorationShare: 0.05 }))
const present = policyFor(world, 'intelligent', { explorationShare: 0.05 })

describe('what if', () => {
  it('has the truth in its intervals, in all but a few cases', { timeout: 240_000 }, () => {
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

  it('is the log again where nothing changes', () => {
    const outcomes = playLog(logged, present, { seed: 1, errorSeed: 5, usesObserved: true })
    const observed = observedOutcomes(logged.calls)
    const same = outcomes.filter(
      ({ provider, ttftMs, limited, modelled }, index) =>
        modelled === 0 &&
        provider === observed[index]?.provider &&
        ttftMs === observed[index]?.ttftMs &&
        limited === observed[index]?.limited,
    )
    expect(same.length / outcomes.length).toBeGreaterThan(0.95)
  })

  it('says that it does not know what a provider would do that was hardly asked', { timeout: 60_000 }, () => {
    const greedy = loggedOf(logOfWorld(world, 'priority', {}))
    const [asked] = [...greedy.fits.values()].toSorted((a, b) => b.observed - a.observed)
    const wanted = wantedPolicy(policyFor(world, 'priority'), {
      ...NOTHING,
      without: [asked?.provider ?? ''],
    })
    const { comparison } = whatIf(greedy, { present: policyFor(world, 'priority'), wanted, seed: 1, worlds: 2 })
    expect(comparison.findings.ttftP95Ms).toMatchObject({ _tag: 'NotKnown' })
    expect(comparison.unsupportedShare).toBeGreaterThan(0.5)
  })
})

/** What differs from the log's world, in one with a provider more: everything of it is assumed as it is. */
const withAnother = () => {
  const [first, last] = [world.providers[0], world.providers.at(-1)]
  if (first === undefined || last === undefined) throw new Error('a world has providers')
  const { latency, price } = first
  const added = {
    ...{ ...first, id: 'added', outages: [], refusesFeature: null, hasCache: true, told: 'nobody' as const },
    ...{ limits: { window: 'bucket' as const, countsCachedInput: false, othersShare: 0 } },
    ...{ failures: { error: 0, overloaded: 0, reset: 0, broken: 0 }, price: scaledPrice(price, 0.2) },
    latency: { ...latency, median: 700, driftFactor: 1, bursts: [], perInFlight: 0 },
  }
  const question = ['like=p0', 'ttft=700 ms', `perToken=${latency.msPerToken.toFixed(3)} ms`, 'failures=0', 'price=0.2']
  return {
    truth: { ...world, providers: [...world.providers, added] },
    wanted: wantedPolicy(present, { ...NOTHING, whatIf: question.map((one) => `providers.added.${one}`) }),
  }
}

describe('what if there were another provider', () => {
  it('says what it assumes, and is right where the assumption is', { timeout: 60_000 }, () => {
    const { truth, wanted } = withAnother()
    const { comparison, assumptions } = whatIf(logged, { present, wanted, seed: 1, worlds: 4 })
    const after = figuresOf(observedOutcomes(trafficOf(logOfWorld(truth, 'intelligent', { explorationShare: 0.05 }))))
    expect(assumptions).toMatchObject([{ id: 'added', like: 'p0', ttftMs: 700 }])
    expect(comparison.assumedShare).toBeGreaterThan(0.2)
    const { costUsd, ttftP50Ms } = comparison.findings
    if (costUsd._tag !== 'Known' || ttftP50Ms._tag !== 'Known') throw new Error('what is assumed is known')
    expect(costUsd.difference.estimate / (after.costUsd - costUsd.before)).toBeGreaterThan(0.7)
    expect(costUsd.difference.estimate / (after.costUsd - costUsd.before)).toBeLessThan(1.4)
    expect(Math.abs(comparison.assumedShare - (after.shareBy.get(providerId('added')) ?? 0))).toBeLessThan(0.15)
  })

  it('refuses to be like one that was never asked', () => {
    const never = { ...logged, fits: new Map() }
    const { wanted } = withAnother()
    expect(() => whatIf(never, { present, wanted, seed: 1, worlds: 1 })).toThrow('Nothing can be like p0')
  })
})

describe('what if limits were otherwise', () => {
  const busiest = [...logged.fits.values()].toSorted((a, b) => b.observed - a.observed)[0]?.provider ?? ''
  const shareWith = (...whatIfs: readonly string[]): number => {
    const wanted = wantedPolicy(present, { ...NOTHING, whatIf: whatIfs.map((one) => `providers.${busiest}.${one}`) })
    const { policy, otherLimits } = wanted
    const luck = { seed: 1, errorSeed: null, usesObserved: true, otherLimits }
    return figuresOf(playLog(logged, policy, luck)).shareBy.get(providerId(busiest)) ?? 0
  }

  it('sends less to who lets in less, although the log has answers of it', () => {
    expect(shareWith('limits.requestsPerMinute=1')).toBeLessThan(0.5 * shareWith('limits.requestsPerMinute=10000'))
  })

  it('leaves alone for an hour who has failed once, where the breaker says so', () => {
    const strict = shareWith('breaker.consecutiveFailures=1', 'breaker.openBase=1 h', 'breaker.openCap=1 h')
    expect(strict).toBeLessThan(shareWith('breaker.consecutiveFailures=1000000'))
  })
})

describe('tune', () => {
  it('recommends nothing where all weights are equally good', { timeout: 240_000 }, () => {
    expect(tuneEqualWeights(1, 0.75)).toMatchObject({ isRecommended: false, gain: 0 })
  })
})

describe('tune on a log of weights that cost too much', () => {
  it('recommends what costs less in truth, and promises about as much', { timeout: 400_000 }, () => {
    const dear = { weights: { headroom: 0, performance: 1, cost: 0, reliability: 0 }, explorationShare: 0.2 }
    const other = makeWorld(224, { hours: 1.5 })
    const log = loggedOf(logOfWorld(other, 'intelligent', dear))
    const policy = policyFor(other, 'intelligent', dear)
    const options = { policy, objective: parseObjective('cost'), seed: 1, tunesThreshold: false }
    const { verdict, best } = searchWeights(log, options)
    if (verdict._tag === 'Refused') throw new Error(verdict.why)
    const costOf = (weights: Weights): number =>
      measureOf(figuresOf(observedOutcomes(trafficOf(logOfWorld(other, 'intelligent', { ...dear, weights })))), 'cost')
    const truth = 1 - costOf(best.weights) / costOf(dear.weights)
    expect(truth).toBeGreaterThan(0.1)
    expect(verdict.gain.estimate / truth).toBeGreaterThan(0.5)
    expect(verdict.gain.estimate / truth).toBeLessThan(1.5)
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
