/**
 * From scores to the order in which candidates are tried. In this order count: a health check that did not fail, any room in
 * the limits at all, the model that was asked for before substitutes, room within the limits' threshold, another provider than the one that just failed this
 * turn, the score together with what the conversation's cache is worth, the operator's priority, and for what is then still
 * equal a draw.
 */
import type { ProviderId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import type { Prospect, Score, Strategy } from '#domain/routing/strategy.ts'

export interface Ranked extends Score {
  readonly candidate: Prospect
  /** Lower ones come first, whatever the scores. */
  readonly group: number
}

export interface RankQuestion {
  readonly strategy: Strategy
  readonly routing: Policy['routing']
  /** This client's same turn has just failed there. */
  readonly avoid: ProviderId | undefined
  /** Its last health check failed. */
  readonly isUnwell: (id: ProviderId) => boolean
}

export interface OrderQuestion extends RankQuestion {
  /** In [0, 1): which of the equals comes first. */
  readonly tieDraw: number
}

/** The best first, in runs of equals: within a run nothing but a draw tells who comes first. */
export type Ranking = readonly (readonly Ranked[])[]

/** Best first; a permutation of `prospects`. */
export const orderProspects = (prospects: readonly Prospect[], question: OrderQuestion): readonly Ranked[] =>
  drawn(rankProspects(prospects, question), question.tieDraw)

/**
 * A conversation leaves its cache when another candidate is better by this share of what the cache saves there: one that saves
 * nine tenths of the cost is left for a score that is better by more than 0.45, a cold one for any better score. As it is
 * added to the score of each candidate, it compares two warm ones as well, and stays monotone.
 */
const WORTH_OF_CACHE = 0.5

export const rankProspects = (prospects: readonly Prospect[], question: RankQuestion): Ranking => {
  const { strategy, routing } = question
  const scores = strategy.score(prospects, routing)
  const placed = prospects.map((candidate, index) => {
    const { score, factors } = scores[index] ?? { score: 0, factors: {} }
    const cache = strategy.staysWithCache ? WORTH_OF_CACHE * candidate.outlook.cachedShare : 0
    return { candidate, score, factors, group: groupOf(candidate, question), worth: score + cache }
  })
  const compare = (a: Placed, b: Placed): number =>
    a.group - b.group || b.worth - a.worth || a.candidate.provider.priority - b.candidate.provider.priority
  const runs: Placed[][] = []
  for (const one of placed.toSorted(compare)) {
    const last = runs.at(-1)
    // The operator's order is the order of the configuration, no draw.
    if (last?.[0] === undefined || strategy.name === 'priority' || compare(last[0], one) !== 0) runs.push([one])
    else last.push(one)
  }
  return runs
}

interface Placed extends Ranked {
  /** The score, and what its cache is worth to this conversation. */
  readonly worth: number
}

/** Every run is turned by the draw, so that each of k equals is the first of them for 1/k of the draws. */
export const drawn = (ranking: Ranking, tieDraw: number): readonly Ranked[] => {
  const order: Ranked[] = []
  for (const run of ranking) {
    const start = Math.floor(tieDraw * run.length)
    if (start === 0) order.push(...run)
    else order.push(...run.slice(start), ...run.slice(0, start))
  }
  return order
}

/** All orders that draws can lead to, each by a draw that does, with the share of the draws that do. */
export const outcomes = (ranking: Ranking): readonly { readonly tieDraw: number; readonly share: number }[] => {
  // Where nobody is equal to anybody, every draw leads to the same.
  if (ranking.every(({ length }) => length === 1)) return ANY_DRAW
  const turns = new Set([0, 1])
  for (const { length } of ranking) for (let turn = 1; turn < length; turn++) turns.add(turn / length)
  const edges = [...turns].toSorted((a, b) => a - b)
  return edges.slice(1).map((end, index) => {
    const start = edges[index] ?? 0
    return { tieDraw: (start + end) / 2, share: end - start }
  })
}

const ANY_DRAW = [{ tieDraw: 0.5, share: 1 }]

const groupOf = (
  { outlook, isSubstitute, provider }: Prospect,
  { strategy, routing, avoid, isUnwell }: RankQuestion,
): number => {
  const { headroomShare } = outlook
  const isEmpty = headroomShare !== null && headroomShare <= 0
  const isLater = isSubstitute && routing.substitutes === 'last' && strategy.name !== 'priority'
  // Another model is no better than the last part of a limit of the right one.
  const isShort = headroomShare !== null && headroomShare < 1 - routing.limitThreshold
  return (
    (isUnwell(provider.id) ? 16 : 0) +
    (isEmpty ? 8 : 0) +
    (isLater ? 4 : 0) +
    (isShort ? 2 : 0) +
    (provider.id === avoid ? 1 : 0)
  )
}
