/**
 * How recorded decisions would have come out with other weights: the recorded factors, summed anew. What else stood in the
 * decision (an empty limit, a failed health check, a draw between equals, candidates beyond the recorded ones) is not in the
 * columns; where it decided then, the comparison says so instead of guessing.
 */
import type { Weights } from '#actors/views/explanation.ts'
import type { RouteChosen } from '#domain/decisions.ts'

/** What a warm cache is worth, as in domain/routing/order.ts. */
const WORTH_OF_CACHE = 0.5
/** Recorded columns have four digits. */
const ROUNDING = 1e-3

export type Reweighed =
  /** Not weighed at all: another strategy, or nobody to choose between. */
  | { readonly _tag: 'NotWeighed' }
  /** Something else than the score put the first one first. */
  | { readonly _tag: 'DecidedOtherwise'; readonly first: string }
  | { readonly _tag: 'Weighed'; readonly first: string; readonly wouldBe: string }

const NAMES = ['headroom', 'performance', 'cost', 'reliability'] as const

/** @param before the weights that were in force then, as far as known */
export const reweighed = (route: RouteChosen, before: Weights, after: Weights): Reweighed => {
  const [first] = route.order
  if (route.strategy !== 'intelligent' || first === undefined || route.order.length < 2) return { _tag: 'NotWeighed' }
  const then = worths(route, before)
  const now = worths(route, after)
  const best = Math.max(...then)
  if ((then[0] ?? 0) < best - ROUNDING) return { _tag: 'DecidedOtherwise', first }
  const most = Math.max(...now)
  // Of equals the one that was before the others stays so.
  const place = now.findIndex((worth) => worth >= most - Number.EPSILON)
  return { _tag: 'Weighed', first, wouldBe: route.order[place] ?? first }
}

const worths = ({ order, factors }: RouteChosen, weights: Weights): readonly number[] => {
  const total = NAMES.reduce((sum, name) => sum + weights[name], 0)
  return order.map((_, index) => {
    const score = NAMES.reduce((sum, name) => sum + weights[name] * (factors[name]?.[index] ?? 0), 0)
    return (total === 0 ? 0 : score / total) + WORTH_OF_CACHE * Math.max(0, factors.cachedShare?.[index] ?? 0)
  })
}

export interface Comparison {
  readonly weighed: number
  readonly decidedOtherwise: number
  readonly notWeighed: number
  /** Decisions that would have another first. */
  readonly changed: number
  /** How often each would come first, before and after. */
  readonly firsts: readonly { readonly provider: string; readonly before: number; readonly after: number }[]
}

export const compare = (routes: readonly RouteChosen[], before: Weights, after: Weights): Comparison => {
  const results = routes.map((route) => reweighed(route, before, after))
  const weighed = results.filter((result) => result._tag === 'Weighed')
  const providers = [...new Set(weighed.flatMap(({ first, wouldBe }) => [first, wouldBe]))].toSorted()
  return {
    weighed: weighed.length,
    decidedOtherwise: results.filter(({ _tag }) => _tag === 'DecidedOtherwise').length,
    notWeighed: results.filter(({ _tag }) => _tag === 'NotWeighed').length,
    changed: weighed.filter(({ first, wouldBe }) => first !== wouldBe).length,
    firsts: providers.map((provider) => ({
      provider,
      before: weighed.filter(({ first }) => first === provider).length,
      after: weighed.filter(({ wouldBe }) => wouldBe === provider).length,
    })),
  }
}
