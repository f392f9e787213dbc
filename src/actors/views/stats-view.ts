/**
 * Counters: what went through, minute by minute for the last hour, and what it used, by provider and model and by day.
 */
import { Schema } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { DAY_MS, HOUR_MS } from '#domain/projections/spend.ts'
import type { TrafficCounts } from '#domain/projections/traffic.ts'
import { Usage } from '#domain/usage.ts'

const MINUTE_MS = 60_000

const counts = {
  admitted: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int,
  cancelled: Schema.Int,
  abandoned: Schema.Int,
  attempts: Schema.Int,
  /** Attempts after the first of their request. */
  fallbacks: Schema.Int,
} satisfies { readonly [K in keyof TrafficCounts]: typeof Schema.Int }

const bill = { attempts: Schema.Int, costNanoUsd: Schema.Finite }

/** `from`: epoch ms at which the minute, the hour, or the UTC day began. Those without anything are absent. */
export const StatsView = Schema.Struct({
  traffic: Schema.Struct({
    /** Since the log began. */
    totals: Schema.Struct(counts),
    minutes: Schema.Array(Schema.Struct({ from: Schema.Finite, ...counts })),
  }),
  /** Money in billionths of a US dollar. */
  spend: Schema.Struct({
    /** Since the log began. */
    rows: Schema.Array(Schema.Struct({ provider: Schema.String, model: Schema.String, ...bill, usage: Usage })),
    days: Schema.Array(Schema.Struct({ from: Schema.Finite, ...bill, usage: Usage })),
    hours: Schema.Array(Schema.Struct({ from: Schema.Finite, ...bill })),
    /** What used tokens of the last day and has no price, so that it is missing from the sums. */
    unpriced: Schema.Array(Schema.Struct({ provider: Schema.String, model: Schema.String, attempts: Schema.Int })),
  }),
  inFlight: Schema.Int,
}).annotate({ identifier: 'StatsView' })
export type StatsView = typeof StatsView.Type

export const statsView = ({ projections }: Pick<GatewayState, 'projections'>): StatsView => {
  const { traffic, spend, requests } = projections
  return {
    traffic: {
      totals: { ...traffic.totals },
      minutes: traffic.minutes.map(({ slot, ...minute }) => ({ from: slot * MINUTE_MS, ...minute })),
    },
    spend: {
      rows: [...spend.rows.values()],
      days: spend.days.map(({ slot, ...day }) => ({ from: slot * DAY_MS, ...day })),
      hours: spend.hours.map(({ slot, ...hour }) => ({ from: slot * HOUR_MS, ...hour })),
      unpriced: [...spend.unpriced.values()].map(({ provider, model, hours }) => ({
        ...{ provider, model },
        attempts: hours.reduce((sum, { attempts }) => sum + attempts, 0),
      })),
    },
    inFlight: requests.inFlight.size,
  }
}
