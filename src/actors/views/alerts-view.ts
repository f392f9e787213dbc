/**
 * Alerts that stand, in words, and what an operator wants to hear nothing of.
 */
import { Schema } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { sentence, UNITS } from '#domain/alerts/sentence.ts'
import { AlertRaised } from '#domain/operator-facts.ts'
import { ALERT_KINDS } from '#domain/policy.ts'
import { isSilenced } from '#domain/projections/alerts.ts'

const { alertId, kind, subject, severity, value, threshold } = AlertRaised.fields

/** Times are epoch ms. */
export const AlertsView = Schema.Struct({
  /** The oldest first. */
  raised: Schema.Array(
    Schema.Struct({
      ...{ alertId, kind, subject, severity, value, threshold },
      /** What value and threshold are counted in. */
      unit: Schema.Literals([...new Set(Object.values(UNITS))]),
      raisedAt: Schema.Finite,
      /** What is the case, and what to do about it. */
      sentence: Schema.String,
      /** By one of the silences here; those of the configuration are not looked at. */
      silenced: Schema.Boolean,
    }).annotate({ identifier: 'RaisedAlert' }),
  ),
  /** Those that are not over. Null: any kind, any subject. */
  silences: Schema.Array(
    Schema.Struct({
      kind: Schema.NullOr(Schema.Literals(ALERT_KINDS)),
      subject: Schema.NullOr(Schema.String),
      until: Schema.NullOr(Schema.Finite),
    }).annotate({ identifier: 'Silence' }),
  ),
}).annotate({ identifier: 'AlertsView' })
export type AlertsView = typeof AlertsView.Type

/** At `at` (epoch ms). */
export const alertsView = ({ projections: { alerts } }: GatewayState, at: number): AlertsView => ({
  raised: [...alerts.raised.values()].map((alert) => ({
    ...alert,
    unit: UNITS[alert.kind],
    sentence: sentence({ ...alert, change: 'raised' }),
    silenced: isSilenced(alerts, alert, at),
  })),
  silences: [...alerts.silences.values()].filter(({ until }) => until === null || until > at),
})
