/**
 * The shadow policy: a second routing that decides on every request beside the one in force, while nobody acts by it. It sees
 * the same candidates with the same outlook and takes the same draw, so that what differs between the two choices is due to
 * the policies alone; and it leaves no trace in the live choice.
 */
import type { RouteChosen } from '#domain/decisions.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import type { Ranked } from '#domain/routing/order.ts'
import { rounded } from '#domain/routing/rounded.ts'

type Choice = NonNullable<RouteChosen['shadow']>

/** The routing that the shadow decides by, whole: what it does not name is as live. Undefined: there is no shadow. */
export const shadowRouting = (routing: Policy['routing']): Policy['routing'] | undefined => {
  // Asked of every request: without a shadow nothing is copied.
  if (routing.shadow === undefined) return undefined
  const { shadow, ...live } = routing
  const { weights, ...rest } = shadow
  return { ...live, ...rest, weights: { ...live.weights, ...weights } }
}

/**
 * What is kept of the shadow's choice. The live route tells cost and cache of its own first; what it does not tell is kept
 * here, and nothing twice.
 */
export const shadowChoice = (live: readonly Ranked[], shadow: readonly Ranked[]): Choice => {
  const [first, liveFirst] = [shadow[0]?.candidate, live[0]?.candidate]
  const isSame = first?.provider.id === liveFirst?.provider.id
  const { costNanoUsd = null, ttftMs = null } = first?.outlook ?? {}
  const liveTtftMs = liveFirst?.outlook.ttftMs ?? null
  return {
    order: shadow.map(({ candidate }) => candidate.provider.id),
    ...(isSame || costNanoUsd === null ? {} : { expectedNanoUsd: rounded(costNanoUsd) }),
    ...(ttftMs === null ? {} : { expectedTtftMs: Math.round(ttftMs) }),
    ...(isSame || liveTtftMs === null ? {} : { liveTtftMs: Math.round(liveTtftMs) }),
  }
}

/** The same figure of both choices. */
export interface Both {
  readonly live: number
  readonly shadow: number
}

/** Both choices for one request, beside each other. */
export interface ShadowComparison {
  /** Whom each asks first. */
  readonly live: ProviderId
  readonly shadow: ProviderId
  readonly isSame: boolean
  /** Expected, in billionths of a US dollar. Null: that of one is not known. */
  readonly costNanoUsd: Both | null
  /** Expected milliseconds to the first content. Null: that of one is not known. */
  readonly ttftMs: Both | null
}

/** Undefined where there was no shadow, or nobody to choose: who may serve is the same for both. */
export const comparisonOf = ({ order, factors, shadow }: RouteChosen): ShadowComparison | undefined => {
  const [live, other] = [order[0], shadow?.order[0]]
  if (shadow === undefined || live === undefined || other === undefined) return undefined
  const isSame = live === other
  const liveCost = factors.costNanoUsd?.[0]
  const known = liveCost === undefined || liveCost < 0 ? undefined : liveCost
  return {
    ...{ live, shadow: other, isSame },
    costNanoUsd: both(known, isSame ? known : shadow.expectedNanoUsd),
    ttftMs: both(isSame ? shadow.expectedTtftMs : shadow.liveTtftMs, shadow.expectedTtftMs),
  }
}

const both = (live: number | undefined, shadow: number | undefined): Both | null =>
  live === undefined || shadow === undefined ? null : { live, shadow }
