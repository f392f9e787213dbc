/**
 * The shadow policy beside the live one: how often both choose the same, whom each would ask where they differ, and what was
 * expected of both.
 */
import { Schema } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { ProviderId } from '#domain/ids.ts'
import { ShadowRouting } from '#domain/policy.ts'
import type { BothSums, Compared, ForetoldSums } from '#domain/projections/shadow.ts'

const both = { live: Schema.Finite, shadow: Schema.Finite }
/** Over the requests for which both are known; null: there are none. */
const compared = {
  requests: Schema.Int,
  /** Sums of what was expected, in billionths of a US dollar. */
  costNanoUsd: Schema.NullOr(Schema.Struct({ requests: Schema.Int, ...both })),
  /** Means of what was expected, in milliseconds to the first content. */
  ttftMs: Schema.NullOr(Schema.Struct({ requests: Schema.Int, ...both })),
}
const foretold = Schema.NullOr(Schema.Struct({ requests: Schema.Int, expected: Schema.Finite, actual: Schema.Finite }))

export const ShadowView = Schema.Struct({
  /** What it does otherwise than the routing in force. */
  otherwise: ShadowRouting,
  /** Epoch ms of when either last changed; everything below is counted from there. */
  since: Schema.Finite,
  ...compared,
  /** Requests that both would send to the same provider first. */
  agreed: Schema.Int,
  agreedShare: Schema.NullOr(Schema.Finite),
  /** By whom each asks first; the most frequent first, those that agree among them. */
  pairs: Schema.Array(Schema.Struct({ live: ProviderId, shadow: ProviderId, ...compared })),
  /**
   * Of requests that both chose the same provider for, and that it served at once: what was expected, and what it was. Sums of
   * billionths of a US dollar, means of milliseconds.
   */
  foretold: Schema.Struct({ costNanoUsd: foretold, ttftMs: foretold }),
}).annotate({ identifier: 'ShadowView' })
export type ShadowView = typeof ShadowView.Type

/** Null: there is no shadow policy. */
export const shadowView = ({ projections }: Pick<GatewayState, 'projections'>): ShadowView | null => {
  const { routing, since, all, agreed, pairs, foretold: told } = projections.shadow
  if (routing?.shadow === undefined || since === null) return null
  return {
    ...{ otherwise: routing.shadow, since, ...comparedView(all), agreed },
    agreedShare: all.requests === 0 ? null : agreed / all.requests,
    pairs: [...pairs.values()]
      .toSorted((a, b) => b.requests - a.requests)
      .map((pair) => ({ live: pair.live, shadow: pair.shadow, ...comparedView(pair) })),
    foretold: { costNanoUsd: sumOf(told.costNanoUsd), ttftMs: meanForetold(told.ttftMs) },
  }
}

const comparedView = ({ requests, costNanoUsd, ttftMs }: Compared) => ({
  ...{ requests, costNanoUsd: sumOf(costNanoUsd), ttftMs: meanOf(ttftMs) },
})

const sumOf = <S extends BothSums | ForetoldSums>(sums: S): S | null => (sums.requests === 0 ? null : { ...sums })

const meanOf = ({ requests, live, shadow }: BothSums): BothSums | null =>
  requests === 0 ? null : { requests, live: live / requests, shadow: shadow / requests }

const meanForetold = ({ requests, expected, actual }: ForetoldSums): ForetoldSums | null =>
  requests === 0 ? null : { requests, expected: expected / requests, actual: actual / requests }
