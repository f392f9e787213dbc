/**
 * Alerts that stand, in words.
 */
import { sentence } from '#domain/alerts/sentence.ts'
import type { AlertRaised } from '#domain/operator-facts.ts'
import { seenAt } from '../clock.ts'
import { Badge, type Tone } from '../components/badge.tsx'
import { duration, moment } from '../format.ts'
import { raisedAlerts } from '../raised-alerts.ts'
import { useRecent } from '../use-recent.ts'

const TONES: { readonly [K in AlertRaised['severity']]: Tone } = { info: 'plain', warning: 'warn', critical: 'bad' }

export const RaisedAlerts = () => {
  const alerts = raisedAlerts(useRecent(['AlertRaised', 'AlertCleared']))
  const now = seenAt.value
  return (
    <section class="panel" aria-label="Alerts">
      <h2>Alerts</h2>
      {alerts.length === 0 ? <p class="quiet">None is raised.</p> : null}
      <ul class="alerts">
        {alerts.map(({ event, at }) => (
          <li key={event.alertId}>
            <Badge tone={TONES[event.severity]}>{event.severity}</Badge> {sentence({ ...event, change: 'raised' })}{' '}
            <span class="quiet">
              Since {moment(at, now)} ({duration(now - at)}).
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
