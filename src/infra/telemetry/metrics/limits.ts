/**
 * Metrics of providers' rate limits: what is left of them, and when there will be more.
 */
import { type LimitView, limitViews } from '#actors/views/limit-view.ts'
import { type Family, gauge } from '#infra/telemetry/metrics/family.ts'

/** One value per limit that says something now. `at`: epoch ms. */
const perLimit = (name: string, help: string, value: (limit: LimitView, at: number) => number): Family =>
  gauge(['provider', 'limit', 'window'], { name, help }, ({ state, at }) =>
    [...state.projections.limits].flatMap(([provider, { meters }]) =>
      limitViews(meters, at).map((limit) => ({
        labels: { provider, limit: limit.limit, window: limit.window },
        value: value(limit, at),
      })),
    ),
  )

export const limitMetrics: readonly Family[] = [
  perLimit(
    'signalbox_limit_size',
    'What a whole window of a limit allows: requests or tokens, as its label says.',
    ({ size }) => size,
  ),
  perLimit(
    'signalbox_limit_remaining',
    'What is left of a limit; below zero when more was used than there was.',
    ({ remaining }) => remaining,
  ),
  perLimit('signalbox_limit_used_ratio', 'Share of a limit that is used, 0 to 1.', ({ usedShare }) => usedShare),
  perLimit(
    'signalbox_limit_frees_seconds',
    'Until a limit has any room, if nothing more is sent; 0 while it has.',
    ({ freesAt }, at) => (freesAt - at) / 1_000,
  ),
  perLimit(
    'signalbox_limit_full_seconds',
    'Until nothing of a limit is used, if nothing more is sent.',
    ({ fullAt }, at) => (fullAt - at) / 1_000,
  ),
]
