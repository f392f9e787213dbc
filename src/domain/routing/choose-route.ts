/**
 * The route of one request: who may serve it, in which order to try them, and with which probability the first came first.
 * A provider that ramps up keeps its place for its share of the requests; for the rest it goes behind the others, where
 * it is still better than nobody.
 */
import type { RequestAdmitted, RouteChosen } from '#domain/events.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import { type Admission, eligibility } from '#domain/routing/eligibility.ts'
import { priority } from '#domain/routing/priority.ts'
import type { Ranked, Strategy } from '#domain/routing/strategy.ts'

const STRATEGIES: { readonly [K in Policy['routing']['strategy']]: Strategy } = { priority }

export interface RouteQuestion {
  readonly request: RequestAdmitted
  readonly policy: Policy
  readonly policyVersion: number
  /** What each provider's machine says at the moment of the decision. */
  readonly admission: (id: ProviderId) => Admission
  /** Estimated tokens of the prompt by the name that a provider is asked for. */
  readonly inputTokens: (model: ModelId) => number
}

/** Decides the route: a pure function of its argument, the draw of the request included. */
export const chooseRoute = ({ request, policy, policyVersion, admission, inputTokens }: RouteQuestion): RouteChosen => {
  const strategy = STRATEGIES[policy.routing.strategy]
  const { candidates, skipped } = eligibility(request, policy.providers, admission, inputTokens)
  const ranked = strategy.rank(candidates, request, request.draw)
  const [welcome, spare] = partition(ranked, ({ candidate }) => request.draw < candidate.share)
  const route = [...welcome, ...spare].slice(0, policy.routing.maxFallbacks + 1)
  return {
    _tag: 'RouteChosen',
    requestId: request.requestId,
    strategy: strategy.name,
    policyVersion,
    order: route.map(({ candidate }) => candidate.provider.id),
    factors: factorColumns(route),
    skipped,
    propensity: propensityOfFirst(ranked, route[0]),
  }
}

/**
 * One draw is compared with every share, so the first welcome candidate is `first` exactly when the draw lies under its
 * share and above the shares of all ranked before it; when it lies above all shares, the best ranked comes first.
 * An empty route is certain.
 */
const propensityOfFirst = (ranked: readonly Ranked[], first: Ranked | undefined): number => {
  if (first === undefined) return 1
  let covered = 0
  let own = 0
  for (const entry of ranked) {
    const { share } = entry.candidate
    if (entry === first) own = Math.max(0, share - covered)
    covered = Math.max(covered, share)
  }
  return ranked[0] === first ? own + (1 - covered) : own
}

/** Per factor the values in the order of the route, `share` among them. */
const factorColumns = (route: readonly Ranked[]): { readonly [factor: string]: readonly number[] } => {
  const names = Object.keys(route[0]?.factors ?? {})
  const columns = names.map((name) => [name, route.map(({ factors }) => factors[name] ?? 0)])
  return Object.fromEntries([...columns, ['share', route.map(({ candidate }) => candidate.share)]])
}

const partition = <A>(all: readonly A[], test: (one: A) => boolean): readonly [readonly A[], readonly A[]] => [
  all.filter(test),
  all.filter((one) => !test(one)),
]
