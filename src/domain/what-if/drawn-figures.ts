/**
 * The figures of sessions drawn again and again: laid out once, so that a draw costs a walk over the calls and no sorting.
 */
import type { ProviderId } from '#domain/ids.ts'
import type { Figures, Outcome } from '#domain/what-if/outcome.ts'

/** Of calls in one order, which session each belongs to: 0, 1, 2 … */
export interface Sessions {
  readonly count: number
  readonly of: readonly number[]
  /** Calls of each. */
  readonly sizes: readonly number[]
}

export const sessionsOf = (outcomes: readonly Outcome[]): Sessions => {
  const known = new Map<string, number>()
  const sizes: number[] = []
  const of = outcomes.map(({ session }) => {
    const index = known.get(session) ?? known.size
    known.set(session, index)
    sizes[index] = (sizes[index] ?? 0) + 1
    return index
  })
  return { count: known.size, of, sizes }
}

/** Figures where session n was drawn `times[n]` times; those of `figuresOf` over as many copies. */
export type DrawnFigures = (times: ArrayLike<number>) => Figures

/** @param outcomes of the calls of `sessions`, in the same order */
export const drawnFigures = (outcomes: readonly Outcome[], { of }: Sessions): DrawnFigures => {
  const bySpeed = outcomes
    .map((outcome, index) => ({ outcome, session: of[index] ?? 0 }))
    .toSorted((a, b) => (a.outcome.ttftMs ?? 0) - (b.outcome.ttftMs ?? 0))
  return (times) => {
    const sums = { calls: 0, costNanoUsd: 0, served: 0, limited: 0, follows: 0, switches: 0 }
    const byProvider = new Map<ProviderId, number>()
    for (const { outcome, session } of bySpeed) {
      const weight = times[session] ?? 0
      if (weight === 0) continue
      sums.costNanoUsd += weight * outcome.costNanoUsd
      sums.limited += weight * outcome.limited
      if (outcome.isLeft) continue
      sums.calls += weight
      if (!outcome.isServed) continue
      sums.served += weight
      if (outcome.isSwitch !== null) sums.follows += weight
      if (outcome.isSwitch === true) sums.switches += weight
      if (outcome.provider !== null) byProvider.set(outcome.provider, (byProvider.get(outcome.provider) ?? 0) + weight)
    }
    const { calls, served, follows } = sums
    const ranks = [0.5, 0.95].map((share) => Math.min(served - 1, Math.floor(share * served)))
    const [ttftP50Ms = 0, ttftP95Ms = 0] = timesAt(bySpeed, times, ranks)
    return {
      calls,
      costUsd: sums.costNanoUsd / 1e9,
      successShare: calls === 0 ? 1 : served / calls,
      limited: sums.limited,
      ttftP50Ms,
      ttftP95Ms,
      switchShare: follows === 0 ? 0 : sums.switches / follows,
      shareBy: new Map([...byProvider].map(([id, count]) => [id, count / served])),
    }
  }
}

/** Times to first content by their ranks among what was served, copies counted; ranks ascend. */
const timesAt = (
  bySpeed: readonly { readonly outcome: Outcome; readonly session: number }[],
  times: ArrayLike<number>,
  ranks: readonly number[],
): readonly number[] => {
  const found: number[] = []
  let passed = 0
  for (const { outcome, session } of bySpeed) {
    const weight = times[session] ?? 0
    if (weight === 0 || !outcome.isServed || outcome.isLeft) continue
    passed += weight
    while (found.length < ranks.length && passed > (ranks[found.length] ?? 0)) found.push(outcome.ttftMs ?? 0)
    if (found.length === ranks.length) break
  }
  return found
}

/** The mean of each figure over several plays of the same calls. */
export const meanFigures = (all: readonly Figures[]): Figures => {
  const mean = (of: (figures: Figures) => number): number =>
    all.reduce((sum, figures) => sum + of(figures), 0) / Math.max(1, all.length)
  const providers = new Set(all.flatMap(({ shareBy }) => [...shareBy.keys()]))
  return {
    calls: mean(({ calls }) => calls),
    costUsd: mean(({ costUsd }) => costUsd),
    successShare: mean(({ successShare }) => successShare),
    limited: mean(({ limited }) => limited),
    ttftP50Ms: mean(({ ttftP50Ms }) => ttftP50Ms),
    ttftP95Ms: mean(({ ttftP95Ms }) => ttftP95Ms),
    switchShare: mean(({ switchShare }) => switchShare),
    shareBy: new Map([...providers].map((id) => [id, mean(({ shareBy }) => shareBy.get(id) ?? 0)])),
  }
}
