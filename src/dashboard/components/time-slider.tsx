/**
 * Chooses the moment that is looked at: any second since the log began. It stands in the address, so the link to a moment can
 * be passed on. Marks show when a circuit opened or closed, because that is what one looks for.
 */
import { useEffect, useRef } from 'preact/hooks'
import { fetchEvents } from '../api/events.ts'
import { boxNow } from '../clock.ts'
import { dateTime, day, isoSecondOf, timeOfDay } from '../format.ts'
import { moment, place, setMoment, setQuery } from '../router.ts'
import { useAnswer } from '../use-answer.ts'
import { useEventsUntil } from '../use-recent.ts'

const SECOND_MS = 1_000
const HOUR_MS = 3_600_000
const SPANS: readonly { readonly id: string; readonly name: string; readonly ms: number | null }[] = [
  { id: '1h', name: 'last hour', ms: HOUR_MS },
  { id: '1d', name: 'last day', ms: 24 * HOUR_MS },
  { id: '7d', name: 'last 7 days', ms: 7 * 24 * HOUR_MS },
  { id: 'all', name: 'whole log', ms: null },
]
const STEPS: readonly (readonly [name: string, ms: number])[] = [
  ['−1 min', -60_000],
  ['−1 s', -1_000],
  ['+1 s', 1_000],
  ['+1 min', 60_000],
]
/** A slider that is dragged names many moments; the box folds its log for each that is asked. */
const SETTLE_MS = 120
const MARKED = ['CircuitOpened', 'CircuitClosed', 'BreakerReset']

export const TimeSlider = () => {
  const past = moment.value
  const now = boxNow.value
  const beginning = useAnswer('beginning', (signal) => fetchEvents({ after: 0, limit: 1 }, signal), 'never')
  const began = beginning.answer._tag === 'Ok' ? (beginning.answer.value.data[0]?.occurredAt ?? now) : now
  const span = SPANS.find(({ id }) => id === place.value.query.get('span')) ?? SPANS[0]
  const ms = span?.ms ?? null
  const from = Math.max(began, ms === null ? began : Math.min(now, past ?? now) - ms)
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined)
  const choose = (at: number | null): void => {
    clearTimeout(settling.current)
    setMoment(at === null || at >= boxNow.peek() - SECOND_MS ? null : Math.max(at, began))
  }
  const settleOn = (at: number): void => {
    clearTimeout(settling.current)
    settling.current = setTimeout(() => choose(at), SETTLE_MS)
  }
  const seen = past ?? now
  return (
    <section class="time-slider" aria-label="Time">
      <div class="time-row">
        <strong>{past === null ? 'Now' : dateTime(past)}</strong>
        <button type="button" disabled={past === null} onClick={() => choose(null)}>
          Back to now
        </button>
        <MomentField at={seen} onChosen={choose} />
        <label>
          <span class="hidden">Span of the slider</span>
          <select value={span?.id} onChange={({ currentTarget }) => setQuery({ span: currentTarget.value })}>
            {SPANS.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <span class="steps">
          {STEPS.map(([name, step]) => (
            <button key={name} type="button" onClick={() => choose(seen + step)}>
              {name}
            </button>
          ))}
        </span>
      </div>
      <input
        type="range"
        aria-label="Moment"
        aria-valuetext={past === null ? 'now' : dateTime(past)}
        min={Math.floor(from / SECOND_MS)}
        max={Math.floor(now / SECOND_MS)}
        step={1}
        value={Math.floor(seen / SECOND_MS)}
        onInput={({ currentTarget }) => settleOn(Number(currentTarget.value) * SECOND_MS)}
      />
      <Marks from={from} to={now} />
      {past === null ? null : (
        <p class="note">
          This is how it was at {isoSecondOf(past)}: the log folded up to that moment. Changes are made in the present
          only.
        </p>
      )}
    </section>
  )
}

/** A time to type. It follows the moment that is seen, but not under the hands of whoever types. */
const MomentField = ({ at, onChosen }: { readonly at: number; readonly onChosen: (at: number) => void }) => {
  const field = useRef<HTMLInputElement>(null)
  const text = `${day(at)}T${timeOfDay(at)}`
  useEffect(() => {
    if (field.current !== null && document.activeElement !== field.current) field.current.value = text
  }, [text])
  return (
    <label>
      <span class="hidden">Moment</span>
      <input
        ref={field}
        type="datetime-local"
        step="1"
        onChange={({ currentTarget }) => {
          const chosen = Date.parse(currentTarget.value)
          if (!Number.isNaN(chosen)) onChosen(chosen)
        }}
      />
    </label>
  )
}

/** When circuits opened and closed in the span; the newest if there are many. */
const Marks = ({ from, to }: { readonly from: number; readonly to: number }) => {
  const rows = useEventsUntil(MARKED, null)
  if (to <= from) return null
  const marks = rows.flatMap(({ type, occurredAt, position }) =>
    occurredAt === null || occurredAt < from || occurredAt > to ? [] : [{ type, at: occurredAt, position }],
  )
  return (
    <div class="marks" aria-hidden="true">
      {marks.map(({ type, at, position }) => (
        <span
          key={position}
          class={type === 'CircuitOpened' ? 'mark bad' : 'mark good'}
          title={`${type} ${dateTime(at)}`}
          style={{ left: `${((at - from) / (to - from)) * 100}%` }}
        />
      ))}
    </div>
  )
}
