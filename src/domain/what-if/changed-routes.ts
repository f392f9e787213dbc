/**
 * Which calls would have gone another way, those that matter most first.
 */
import type { ProviderId } from '#domain/ids.ts'
import type { Outcome } from '#domain/what-if/outcome.ts'

export interface ChangedRoute {
  readonly key: number
  readonly from: ProviderId | null
  readonly to: ProviderId | null
  readonly costNanoUsd: number
  readonly ttftMs: number | null
}

/** By the difference in money, `most` of them. */
export const changedRoutes = (
  before: readonly Outcome[],
  after: readonly Outcome[],
  most: number,
): { readonly count: number; readonly shown: readonly ChangedRoute[] } => {
  const changed = before.flatMap((one, index): readonly ChangedRoute[] => {
    const other = after[index]
    if (other === undefined || other.firstChoice === one.firstChoice) return []
    return [
      {
        key: one.key,
        from: one.firstChoice,
        to: other.firstChoice,
        costNanoUsd: other.costNanoUsd - one.costNanoUsd,
        ttftMs: one.ttftMs === null || other.ttftMs === null ? null : other.ttftMs - one.ttftMs,
      },
    ]
  })
  const sorted = changed.toSorted((a, b) => Math.abs(b.costNanoUsd) - Math.abs(a.costNanoUsd))
  return { count: changed.length, shown: sorted.slice(0, most) }
}
