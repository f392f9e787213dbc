/**
 * Holds what `tune` recommends against worlds whose truth is known: how much of the possible gain it finds on a log with bad weights, and
 * whether it finds one where there is none.
 */
import { searchWeights } from '#cli/tune/search.ts'
import { loggedOf } from '#cli/what-if/estimate.ts'
import { measureOf, objectiveValue, parseObjective } from '#domain/what-if/objective.ts'
import { figuresOf, observedOutcomes } from '#domain/what-if/outcome.ts'
import { gridOf, nameOfWeights, type Weights } from '#domain/what-if/simplex.ts'
import { trafficOf } from '#domain/what-if/traffic.ts'
import { policyFor } from '#infra/simulator/virtual/operator.ts'
import { makeWorld, type VirtualWorld } from '#infra/simulator/virtual/world.ts'
import { logOfWorld } from './log-of-world.ts'

/** Nothing but speed counts: the dearest way to serve. */
const BAD: Weights = { headroom: 0, performance: 1, cost: 0, reliability: 0 }
/** Of those who want to learn; most requests stay with their cache, so some dozens of them are explored in three hours. */
const EXPLORATION = 0.2

export interface Tuned {
  readonly isRecommended: boolean
  readonly why: string
  /** True gains of the recommendation and of the best weights of the grid, as shares. */
  readonly gain: number
  readonly possible: number
}

export const tuneBadWeights = (seed: number, hours: number): Tuned => {
  const world = makeWorld(seed, { hours })
  const objective = parseObjective('cost')
  const logged = loggedOf(logOfWorld(world, 'intelligent', { weights: BAD, explorationShare: EXPLORATION }))
  const policy = policyFor(world, 'intelligent', { weights: BAD, explorationShare: EXPLORATION })
  const { verdict, best } = searchWeights(logged, { policy, objective, seed, tunesThreshold: false })
  const cost = costIn(world)
  const start = cost(BAD, JUDGING)
  const isRecommended = verdict._tag === 'Recommended'
  return {
    isRecommended,
    why: verdict._tag === 'Refused' ? verdict.why : '',
    gain: isRecommended ? 1 - cost(best.weights, JUDGING) / start : 0,
    possible: 1 - cost(oracle(cost), JUDGING) / start,
  }
}

/**
 * Runs of one world: the same people, providers, outages and limits, other luck. Some weights are the cheapest of a single run by luck
 * alone, so the oracle chooses by some runs, and its choice is judged by others, as tune's is.
 */
const CHOOSING = [0, 1, 2] as const
const JUDGING = [3, 4, 5] as const
const KEPT = 5

type Cost = (weights: Weights, runs: readonly number[]) => number

/** Mean USD per 1,000 calls served. */
const costIn = (world: VirtualWorld): Cost => {
  const known = new Map<string, number>()
  const one = (weights: Weights, run: number): number => {
    const name = `${nameOfWeights(weights)} ${run}`
    const cost =
      known.get(name) ?? measureOf(trueFigures({ ...world, seed: world.seed + run * OTHER_LUCK }, weights), 'cost')
    known.set(name, cost)
    return cost
  }
  return (weights, runs) => runs.reduce((sum, run) => sum + one(weights, run), 0) / runs.length
}
const OTHER_LUCK = 1_000_000

/** The cheapest weights of the grid: all are tried once, the best of them again. */
const oracle = (cost: Cost): Weights => {
  const [first] = CHOOSING
  const best = (of: readonly Weights[], runs: readonly number[]): readonly Weights[] =>
    of.toSorted((a, b) => cost(a, runs) - cost(b, runs))
  const [chosen = BAD] = best(best(gridOf(4), [first]).slice(0, KEPT), CHOOSING)
  return chosen
}

const trueFigures = (world: VirtualWorld, weights: Weights) =>
  figuresOf(observedOutcomes(trafficOf(logOfWorld(world, 'intelligent', { weights, explorationShare: EXPLORATION }))))

/** Providers that differ in nothing but their names: no weights are better than others. */
export const equalWorld = (seed: number, hours: number): VirtualWorld => {
  const world = makeWorld(seed, { hours })
  const [first] = world.providers
  if (first === undefined) throw new Error('a world has providers')
  const { latency, price } = first
  return {
    ...world,
    providers: world.providers.map(({ id }) => ({
      ...first,
      id,
      hasCache: false,
      price: { ...price, cacheRead: price.input, cacheWrite5m: price.input, cacheWrite1h: price.input },
      limits: { window: 'bucket', countsCachedInput: false, othersShare: 0 },
      latency: { ...latency, driftFactor: 1, bursts: [], perInFlight: 0 },
      outages: [],
      refusesFeature: null,
    })),
  }
}

export const tuneEqualWeights = (seed: number, hours: number): Tuned => {
  const world = equalWorld(seed, hours)
  const objective = parseObjective('0.5*cost + 0.5*p95ttft')
  const weights = { headroom: 0.4, performance: 0.3, cost: 0.2, reliability: 0.1 }
  const logged = loggedOf(logOfWorld(world, 'intelligent', { weights, explorationShare: EXPLORATION }))
  const policy = policyFor(world, 'intelligent', { weights, explorationShare: EXPLORATION })
  const { verdict, best } = searchWeights(logged, { policy, objective, seed, tunesThreshold: false })
  const isRecommended = verdict._tag === 'Recommended'
  const gain = isRecommended
    ? 1 - objectiveValue(objective, trueFigures(world, best.weights), trueFigures(world, weights))
    : 0
  return { isRecommended, why: verdict._tag === 'Refused' ? verdict.why : '', gain, possible: 0 }
}
