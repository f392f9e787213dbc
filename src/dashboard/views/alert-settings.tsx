/**
 * Alerts: which stand, what is silenced, and silencing.
 */
import { useState } from 'preact/hooks'
import type { AlertKind } from '#domain/policy.ts'
import { fetchAlerts, type SilenceQuestion, silence } from '../api/alerts.ts'
import { boxNow } from '../clock.ts'
import { Answered } from '../components/answered.tsx'
import { Table } from '../components/table.tsx'
import { dateTime, duration } from '../format.ts'
import { useAnswer } from '../use-answer.ts'
import { useChange } from '../use-change.ts'

const KINDS: { readonly [K in AlertKind]: true } = {
  costPerHour: true,
  costPerDay: true,
  costForecast: true,
  costSpike: true,
  budget: true,
  errorRate: true,
  latency: true,
  providerDown: true,
  providerRetired: true,
  limitForecast: true,
  priceUnknown: true,
  logFailing: true,
  diskSpace: true,
}
const HOUR_MS = 3_600_000
const SPANS: readonly (readonly [hours: number, name: string])[] = [
  [1, 'an hour'],
  [8, '8 hours'],
  [24, 'a day'],
  [168, 'a week'],
]

export const AlertSettings = () => {
  const asked = useAnswer('alerts', fetchAlerts, 'slow')
  return (
    <section class="panel" aria-label="Alerts">
      <h2>Alerts</h2>
      <Answered asked={asked} what="alerts">
        {({ raised, silences }) => (
          <>
            <Table
              caption="Raised"
              rows={raised}
              keyOf={({ alertId }) => alertId}
              columns={[
                { name: 'Severity', cell: ({ severity, silenced }) => `${severity}${silenced ? ', silenced' : ''}` },
                { name: 'Kind', cell: ({ kind }) => kind },
                { name: 'About', cell: ({ subject }) => (subject === '' ? 'the box' : subject) },
                { name: 'What is the case', cell: ({ sentence }) => sentence },
                { name: 'Since', cell: ({ raisedAt }) => dateTime(raisedAt) },
              ]}
            />
            <Table
              caption="Silenced"
              rows={silences}
              keyOf={({ kind, subject }) => `${kind}/${subject}`}
              columns={[
                { name: 'Kind', cell: ({ kind }) => kind ?? 'any' },
                { name: 'About', cell: ({ subject }) => subject ?? 'anything' },
                {
                  name: 'Until',
                  cell: ({ until }) =>
                    until === null ? 'ever' : `${dateTime(until)} (in ${duration(until - boxNow.value)})`,
                },
              ]}
            />
            <SilenceForm onChanged={asked.reload} />
          </>
        )}
      </Answered>
    </section>
  )
}

const SilenceForm = ({ onChanged }: { readonly onChanged: () => void }) => {
  const [kind, setKind] = useState('')
  const [subject, setSubject] = useState('')
  const [hours, setHours] = useState(SPANS[0]?.[0] ?? 1)
  const change = useChange(onChanged)
  const question = (): SilenceQuestion => ({
    ...(kind === '' ? {} : { kind }),
    ...(subject.trim() === '' ? {} : { subject: subject.trim() }),
    until: boxNow.peek() + hours * HOUR_MS,
  })
  return (
    <form
      class="filters"
      aria-label="Silence alerts"
      onSubmit={(event) => {
        event.preventDefault()
        void change.make(() => silence(question()), 'They are silenced.')
      }}
    >
      <label>
        Kind
        <select value={kind} onChange={({ currentTarget }) => setKind(currentTarget.value)}>
          <option value="">any</option>
          {Object.keys(KINDS).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        About (empty: anything)
        <input value={subject} onInput={({ currentTarget }) => setSubject(currentTarget.value)} />
      </label>
      <label>
        For
        <select value={hours} onChange={({ currentTarget }) => setHours(Number(currentTarget.value))}>
          {SPANS.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="primary" disabled={change.isBusy}>
        Silence
      </button>
      {change.problem === null ? null : (
        <p class="notice bad" role="alert">
          {change.problem}
        </p>
      )}
    </form>
  )
}
