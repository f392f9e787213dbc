/**
 * `signalbox alerts`: what is raised, from the log; `signalbox alerts test CHANNEL` tries a channel out.
 */
import { Console, Effect, Result } from 'effect'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import { table } from '#cli/table.ts'
import { sentence, UNITS } from '#domain/alerts/sentence.ts'
import { type Alerts, alerts, isSilenced, type RaisedAlert } from '#domain/projections/alerts.ts'
import type { AlertsConfig } from '#infra/alerts/settings.ts'
import { openChannel } from '#infra/alerts/start-alerts.ts'

const PAGE = 5_000
const TYPES = ['AlertRaised', 'AlertCleared', 'AlertDelivered', 'AlertsSilenced']

/** Prints the raised alerts, the oldest first. */
export const listAlerts = Effect.fnUntraced(function* (options: {
  readonly config: AlertsConfig
  readonly json: boolean
}) {
  const state = yield* foldAlerts
  const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  const raised = [...state.raised.values()].map((alert) => ({
    ...alert,
    unit: UNITS[alert.kind],
    silenced: isSilenced(state, alert, now, options.config.silences),
    text: sentence({ change: 'raised', ...alert }),
  }))
  if (options.json) yield* Console.log(JSON.stringify({ alerts: raised }))
  else if (raised.length === 0) yield* Console.log('No alert is raised.')
  else for (const line of table(raised.map(rowOf))) yield* Console.log(line)
  return 0
})

const rowOf = (alert: RaisedAlert & { readonly silenced: boolean; readonly text: string }) => [
  new Date(alert.raisedAt).toISOString(),
  alert.severity,
  alert.silenced ? `${alert.text} (silenced)` : alert.text,
]

/** Of the alerts alone: the rest of the log is not read. */
const foldAlerts: Effect.Effect<Alerts, EventLogError, EventLog> = Effect.gen(function* () {
  const log = yield* EventLog
  let state = alerts.initial()
  for (let after = 0; ; ) {
    const page = yield* log.read({ after, limit: PAGE, types: TYPES })
    for (const row of page) {
      if (row._tag === 'Known') state = alerts.evolve(state, row.recorded)
      after = row._tag === 'Known' ? row.recorded.position : row.position
    }
    if (page.length < PAGE) return state
  }
})

/** Sends a message that says it is a test. Answers 0 when the channel took it, 1 when it did not, 2 when there is none. */
export const testChannel = Effect.fnUntraced(function* (config: AlertsConfig, name: string) {
  const settings = config.channels.find((channel) => channel.name === name)
  if (settings === undefined) {
    const names = config.channels.map((channel) => channel.name)
    const known = names.length === 0 ? 'alerts.channels names none' : `there are ${names.join(', ')}`
    yield* Console.error(`There is no channel ${name}: ${known}.`)
    return 2
  }
  const sent = yield* Effect.result(openChannel(settings).send({ _tag: 'Test' }))
  if (Result.isFailure(sent)) {
    yield* Console.error(sent.failure.message)
    return 1
  }
  yield* Console.log(`The channel ${name} took a test message.`)
  return 0
})
