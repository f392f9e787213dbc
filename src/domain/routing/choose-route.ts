/**
 * The route of one request: who may serve it, in which order to try them, and with which probability the first came first.
 * A provider that ramps up keeps its place for its share of the requests; for the rest it goes behind the others, where
 * it is still better than nobody.
 */
import type { RouteChosen } from '#domain/decisions.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import { availability } from '#domain/routing/availability.ts'
import { cost } from '#domain/routing/cost.ts'
import {
  type Admission,
  type Candidate,
  eligibility,
  type LastResort,
  type Skipped,
} from '#domain/routing/eligibility.ts'
import { explored } from '#domain/routing/explore.ts'
import { intelligent } from '#domain/routing/intelligent.ts'
import { type Money, type Purse, payable } from '#domain/routing/money.ts'
import { drawn, type Ranked, type Ranking, type RankQuestion, rankProspects } from '#domain/routing/order.ts'
import type { Outlook } from '#domain/routing/outlook.ts'
import { performance } from '#domain/routing/performance.ts'
import { priority } from '#domain/routing/priority.ts'
import { propensityOf } from '#domain/routing/propensity.ts'
import { queueOf } from '#domain/routing/queue.ts'
import { rounded } from '#domain/routing/rounded.ts'
import { ruleFor } from '#domain/routing/rules.ts'
import { shadowChoice, shadowRouting } from '#domain/routing/shadow.ts'
import type { Prospect, Strategy } from '#domain/routing/strategy.ts'

const STRATEGIES: { readonly [K in Policy['routing']['strategy']]: Strategy } = {
  intelligent,
  cost,
  performance,
  availability,
  priority,
}

export interface RouteQuestion {
  readonly request: RequestAdmitted
  readonly policy: Policy
  readonly policyVersion: number
  /** Epoch ms. */
  readonly at: number
  /** What each provider's machine says at the moment of the decision. */
  readonly admission: (id: ProviderId) => Admission
  /** Estimated tokens of the prompt by the name that a provider is asked for. */
  readonly inputTokens: (model: ModelId) => number
  /** How the request would probably fare at a candidate. */
  readonly outlook: (candidate: Candidate) => Outlook
  /** Where this client's same turn has just failed. */
  readonly avoid?: ProviderId | undefined
  /** Whose last health check failed. */
  readonly isUnwell?: (id: ProviderId) => boolean
  /** The hard budgets that the request falls under, if there are any. */
  readonly money?: Money | undefined
  /** What the request may cost at most at a candidate, in billionths of a US dollar; null: it has no price. */
  readonly mostNanoUsd?: (candidate: Candidate) => number | null
}

/** Decides the route: a pure function of its argument, the draw of the request included. */
export const chooseRoute = (question: RouteQuestion): RouteChosen => {
  const { policy, policyVersion, money, isUnwell = nobody, mostNanoUsd = unpriced } = question
  const { routing } = policy
  const { stepDown } = money ?? {}
  const request = stepDown?.model === undefined ? question.request : { ...question.request, model: stepDown.model }
  const rule = ruleFor(routing.rules ?? [], request)
  const wish = stepDown?.strategy ?? request.strategy ?? rule?.strategy
  const eligible = eligibility(request, policy.providers, question.admission, question.inputTokens, rule?.only)
  const afforded = payable(eligible.candidates, money?.tightest, mostNanoUsd, question.at)
  const { prospects: wanted, full } = withRoom(afforded.candidates, question.outlook)
  const excluded = [...eligible.skipped, ...afforded.skipped, ...full]
  const resort = wanted.length > 0 ? undefined : lastResort(excluded, eligible.lastResorts, question)
  const prospects = resort === undefined ? wanted : [resort]
  const by = (one: Policy['routing']): Ordered =>
    ordered(prospects, drawsOf(request.draw), {
      ...{ strategy: STRATEGIES[wish ?? one.strategy], routing: one, avoid: question.avoid, isUnwell },
    })
  const { ranking, route, strategy } = by(routing)
  const first = route[0]?.candidate.provider.id
  const skipped = resort === undefined ? excluded : excluded.filter(({ provider }) => provider !== resort.provider.id)
  const regretNanoUsd = regretOf(route)
  const queue = first === undefined ? queueOf(skipped, question.at, routing.queueMs ?? 0) : undefined
  // Who may serve, and how the request would fare there, does not depend on what a shadow can have otherwise.
  const beside = shadowRouting(routing)
  return {
    _tag: 'RouteChosen',
    requestId: request.requestId,
    strategy: strategy.name,
    ...(rule === undefined ? {} : { rule: rule.name }),
    policyVersion,
    order: route.map(({ candidate }) => candidate.provider.id),
    factors: factorColumns(route),
    skipped,
    ...(resort === undefined ? {} : { lastResort: true as const }),
    ...(regretNanoUsd === undefined ? {} : { regretNanoUsd }),
    ...(stepDown === undefined ? {} : { stepDown }),
    ...(afforded.skipped.length === 0 || money?.tightest === undefined ? {} : { budget: named(money.tightest) }),
    ...(queue === undefined ? {} : { queue }),
    ...(beside === undefined ? {} : { shadow: shadowChoice(route, by(beside).route) }),
    // An empty route is certain.
    propensity: first === undefined ? 1 : propensityOf(first, ranking, routing.explorationShare),
  }
}

interface Ordered {
  readonly strategy: Strategy
  readonly ranking: Ranking
  /** As the draws order it, and no longer than there may be fallbacks. */
  readonly route: readonly Ranked[]
}

const ordered = (prospects: readonly Prospect[], draws: Draws, question: RankQuestion): Ordered => {
  const { strategy, routing } = question
  const ranking = rankProspects(prospects, question)
  const ranked = explored(drawn(ranking, draws.tie), routing.explorationShare, draws.exploration)
  const [welcome, spare] = partition(ranked, ({ candidate }) => draws.share < candidate.share)
  return { strategy, ranking, route: [...welcome, ...spare].slice(0, routing.maxFallbacks + 1) }
}

/** Candidates that have room for the request at all, and those that have not, with the time from which they have. */
const withRoom = (
  candidates: readonly Candidate[],
  outlook: (candidate: Candidate) => Outlook,
): { readonly prospects: readonly Prospect[]; readonly full: readonly Skipped[] } => {
  const prospects: Prospect[] = []
  const full: Skipped[] = []
  for (const candidate of candidates) {
    const seen = outlook(candidate)
    const provider = candidate.provider.id
    if (!seen.isFull) prospects.push({ ...candidate, outlook: seen })
    // No waiting makes room for a request that is larger than the whole limit.
    else if (seen.limitFreesAt === null) full.push({ provider, reason: 'inputTooLarge' })
    else full.push({ provider, reason: 'limitReached', until: seen.limitFreesAt })
  }
  return { prospects, full }
}

const nobody = () => false
const unpriced = () => null

/** Without what is not recorded. */
const named = ({ name, leftNanoUsd, until }: Purse): NonNullable<RouteChosen['budget']> => ({
  name,
  leftNanoUsd,
  until,
})

/** Reasons that say nothing of a provider's health: with them alone left, every circuit is still open. */
const WAITS: ReadonlySet<Skipped['reason']> = new Set<Skipped['reason']>(['throttled', 'probeInFlight', 'limitReached'])

/**
 * When every provider that could serve has an open circuit, asking nobody helps nobody: the one is tried that will probably
 * be well first, by the end of its open time; of those whose last health check failed, none before the others.
 */
const lastResort = (
  excluded: readonly Skipped[],
  resorts: readonly LastResort[],
  { outlook, isUnwell = nobody, money, mostNanoUsd = unpriced, at }: RouteQuestion,
): Prospect | undefined => {
  if (excluded.some(({ reason }) => WAITS.has(reason))) return undefined
  const [best] = payable(resorts, money?.tightest, mostNanoUsd, at)
    .candidates.map((candidate) => ({ ...candidate, outlook: outlook(candidate) }))
    .filter((prospect) => !prospect.outlook.isFull)
    .toSorted(
      (a, b) =>
        Number(isUnwell(a.provider.id)) - Number(isUnwell(b.provider.id)) ||
        a.until - b.until ||
        a.provider.priority - b.provider.priority,
    )
  return best
}

/** What the first is expected to cost more than the cheapest of the route; undefined: nothing, or it has no price. */
const regretOf = (route: readonly Ranked[]): number | undefined => {
  const own = route[0]?.candidate.outlook.costNanoUsd ?? null
  if (own === null) return undefined
  const costs = route.flatMap(({ candidate }) => candidate.outlook.costNanoUsd ?? [])
  return own === Math.min(...costs) ? undefined : own - Math.min(...costs)
}

/**
 * One recorded draw serves three decisions, each by digits of its own: which of the equals comes first, whether to explore,
 * and whether a ramping provider takes its turn. Of the 53 bits of a double the first two get sixteen each.
 */
const drawsOf = (draw: number): Draws => {
  const rest = (value: number): number => value * DIGITS - Math.floor(value * DIGITS)
  return { share: draw, tie: rest(draw), exploration: rest(rest(draw)) }
}
const DIGITS = 2 ** 16

/** Each in [0, 1). */
interface Draws {
  readonly tie: number
  readonly exploration: number
  readonly share: number
}

/** A value that is not known. */
const UNKNOWN = -1

/** Per factor the values in the order of the route, with what they were made of; -1 for what is not known. */
const factorColumns = (route: readonly Ranked[]): { readonly [factor: string]: readonly number[] } => {
  const of = (value: (one: Ranked) => number | null): readonly number[] =>
    route.map((one) => rounded(value(one) ?? UNKNOWN))
  const columns: { [factor: string]: readonly number[] } = {}
  for (const name of Object.keys(route[0]?.factors ?? {})) columns[name] = of(({ factors }) => factors[name] ?? 0)
  columns.share = route.map(({ candidate }) => candidate.share)
  columns.score = of(({ score }) => score)
  columns.costNanoUsd = of(({ candidate }) => candidate.outlook.costNanoUsd)
  columns.cachedTokens = of(({ candidate }) => candidate.outlook.cachedTokens)
  columns.cachedShare = of(({ candidate }) => candidate.outlook.cachedShare)
  return columns
}

const partition = <A>(all: readonly A[], test: (one: A) => boolean): readonly [readonly A[], readonly A[]] => [
  all.filter(test),
  all.filter((one) => !test(one)),
]
