/**
 * How the choices of the shadow policy compare with the live ones, since the routing last changed: whom each would ask first,
 * what was expected of both, and, where they agree, what came of it, which tells how far expectations can be believed.
 */
import type { RouteChosen } from '#domain/decisions.ts'
import type { AttemptSucceeded } from '#domain/events.ts'
import type { ProviderId, RequestId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import { chargeOf } from '#domain/projections/budgets.ts'
import type { Projection } from '#domain/projections/projection.ts'
import { type Both, comparisonOf } from '#domain/routing/shadow.ts'
import { sameData } from '#domain/same-data.ts'

/** Sums over the requests for which both were known. */
export interface BothSums {
  requests: number
  live: number
  shadow: number
}

export interface Compared {
  requests: number
  /** Expected, in billionths of a US dollar. */
  readonly costNanoUsd: BothSums
  /** Expected milliseconds to the first content. */
  readonly ttftMs: BothSums
}

export interface ComparedPair extends Compared {
  /** Whom each asks first. */
  readonly live: ProviderId
  readonly shadow: ProviderId
}

/** Sums over requests for which both policies chose the provider that then served at once. */
export interface ForetoldSums {
  requests: number
  expected: number
  actual: number
}

export interface Foretold {
  readonly costNanoUsd: ForetoldSums
  /** Of streamed answers only: of one that comes in one piece nobody sees when it began. */
  readonly ttftMs: ForetoldSums
}

/** A request under way for which both chose the same provider. Null: not known. */
interface Agreed {
  readonly stream: boolean
  /** Null: the route is not chosen yet. */
  readonly provider: ProviderId | null
  readonly costNanoUsd: number | null
  readonly ttftMs: number | null
}

export interface Shadow {
  /** The routing in force, with the shadow, to which everything below belongs; null: there is no shadow. */
  readonly routing: Policy['routing'] | null
  /** Epoch ms of when it came into force. */
  readonly since: number | null
  readonly all: Compared
  /** Requests that both would send to the same provider first. */
  agreed: number
  /** By JSON of [live, shadow]. What comes after the bound is in `all` alone. */
  readonly pairs: Map<string, ComparedPair>
  readonly foretold: Foretold
  /** Bounded by the requests that are open at once, because every request gets its terminal event. */
  readonly open: Map<RequestId, Agreed>
}

/** All pairs of a dozen providers; few would look further down a list. */
export const PAIRS_KEPT = 150

export const shadow: Projection<Shadow> = {
  name: 'shadow',
  version: 1,
  hears: [
    'PolicyChanged',
    'RequestAdmitted',
    'RouteChosen',
    'AttemptSucceeded',
    'AttemptFailed',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
  ],
  initial: () => fresh(null, null),
  evolve: (state, { event, occurredAt }) => {
    if (event._tag === 'PolicyChanged') {
      const { routing } = event.policy
      if (routing.shadow === undefined) return state.routing === null ? state : fresh(null, null)
      // Prices and providers come and go: the comparison is still one of the same two policies.
      return sameData(routing, state.routing) ? state : fresh(routing, occurredAt)
    }
    if (state.routing === null) return state
    switch (event._tag) {
      case 'RequestAdmitted':
        state.open.set(event.requestId, { stream: event.stream, provider: null, costNanoUsd: null, ttftMs: null })
        break
      case 'RouteChosen':
        compare(state, event)
        break
      case 'AttemptSucceeded':
        learn(state, event)
        state.open.delete(event.requestId)
        break
      // A fallback serves what the first could not: that is no choice of either policy any more.
      case 'AttemptFailed':
      case 'RequestFailed':
      case 'RequestCancelled':
      case 'RequestAbandoned':
        state.open.delete(event.requestId)
        break
    }
    return state
  },
}

const compare = (state: Shadow, route: RouteChosen): void => {
  const asked = state.open.get(route.requestId)
  state.open.delete(route.requestId)
  const compared = comparisonOf(route)
  if (compared === undefined) return
  const { live, shadow: other, isSame, costNanoUsd, ttftMs } = compared
  for (const sums of [state.all, pairOf(state, live, other)]) {
    if (sums === undefined) continue
    sums.requests += 1
    addBoth(sums.costNanoUsd, costNanoUsd)
    addBoth(sums.ttftMs, ttftMs)
  }
  if (!isSame) return
  state.agreed += 1
  if (asked === undefined) return
  state.open.set(route.requestId, {
    ...{ stream: asked.stream, provider: live },
    ...{ costNanoUsd: costNanoUsd?.live ?? null, ttftMs: ttftMs?.live ?? null },
  })
}

const learn = ({ open, foretold }: Shadow, event: AttemptSucceeded): void => {
  const agreed = open.get(event.requestId)
  if (agreed === undefined || agreed.provider !== event.provider) return
  addForetold(foretold.costNanoUsd, agreed.costNanoUsd, chargeOf(event))
  addForetold(foretold.ttftMs, agreed.ttftMs, agreed.stream ? event.ttftMs : undefined)
}

const pairOf = ({ pairs }: Shadow, live: ProviderId, other: ProviderId): ComparedPair | undefined => {
  const key = JSON.stringify([live, other])
  const found = pairs.get(key)
  if (found !== undefined || pairs.size >= PAIRS_KEPT) return found
  const pair = { live, shadow: other, ...nothing() }
  pairs.set(key, pair)
  return pair
}

const addBoth = (sums: BothSums, both: Both | null): void => {
  if (both === null) return
  sums.requests += 1
  sums.live += both.live
  sums.shadow += both.shadow
}

const addForetold = (sums: ForetoldSums, expected: number | null, actual: number | undefined): void => {
  if (expected === null || actual === undefined) return
  sums.requests += 1
  sums.expected += expected
  sums.actual += actual
}

const fresh = (routing: Policy['routing'] | null, since: number | null): Shadow => ({
  ...{ routing, since, all: nothing(), agreed: 0, pairs: new Map(), open: new Map() },
  foretold: {
    costNanoUsd: { requests: 0, expected: 0, actual: 0 },
    ttftMs: { requests: 0, expected: 0, actual: 0 },
  },
})

const nothing = (): Compared => ({
  requests: 0,
  costNanoUsd: { requests: 0, live: 0, shadow: 0 },
  ttftMs: { requests: 0, live: 0, shadow: 0 },
})
