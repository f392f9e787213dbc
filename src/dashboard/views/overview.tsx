/**
 * What an operator wants to know first: does it go through, what does it cost, how long does it take, who serves, what is wrong.
 */
import type { BoxView } from '#actors/views/box-view.ts'
import { ofType } from '../api/events.ts'
import { seenAt } from '../clock.ts'
import { Answered } from '../components/answered.tsx'
import { Chart } from '../components/chart.tsx'
import { Tile } from '../components/tile.tsx'
import { TimeSlider } from '../components/time-slider.tsx'
import { count, milliseconds, percent, plural, timeOfDay, usd } from '../format.ts'
import { quantile } from '../quantile.ts'
import { moment } from '../router.ts'
import { useBox } from '../use-box.ts'
import { useRecent } from '../use-recent.ts'
import { FirstRun } from './first-run.tsx'
import { Instances } from './instances.tsx'
import { RaisedAlerts } from './raised-alerts.tsx'
import { WhoServes } from './who-serves.tsx'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export const Overview = () => {
  const box = useBox()
  return (
    <>
      <h1>Overview</h1>
      {moment.value === null ? <Instances /> : null}
      <Answered asked={box} what="state of the box">
        {(value) => (isNew(value) ? <FirstRun /> : <Figures box={value} />)}
      </Answered>
    </>
  )
}

/** Nothing has ever been asked. A moment before the first request is a moment like others. */
const isNew = ({ stats }: BoxView): boolean => moment.value === null && stats.traffic.totals.admitted === 0

const Figures = ({ box }: { readonly box: BoxView }) => {
  const at = seenAt.value
  const recent = ofType(useRecent(['AttemptSucceeded']), 'AttemptSucceeded').filter((one) => one.at > at - HOUR_MS)
  const ttfts = recent.map(({ event }) => event.ttftMs)
  const minutes = box.stats.traffic.minutes.filter(({ from }) => from > at - HOUR_MS - MINUTE_MS)
  const sum = (name: 'admitted' | 'succeeded' | 'failed' | 'fallbacks'): number =>
    minutes.reduce((total, minute) => total + minute[name], 0)
  const ended = sum('succeeded') + sum('failed')
  const today = box.stats.spend.days.find(({ from }) => from === Math.floor(at / DAY_MS) * DAY_MS)
  const median = quantile(ttfts, 0.5)
  const slow = quantile(ttfts, 0.95)
  const unpriced = box.stats.spend.unpriced.reduce((total, { attempts }) => total + attempts, 0)
  return (
    <>
      <TimeSlider />
      <dl class="tiles">
        <Tile
          figure="requests"
          name="Requests, last hour"
          value={count(sum('admitted'))}
          note={`${count(box.stats.traffic.totals.admitted)} since the log began`}
        />
        <Tile
          figure="success"
          name="Succeeded, last hour"
          value={ended === 0 ? '–' : percent(sum('succeeded') / ended)}
          note={`${plural(sum('failed'), 'failure')}, ${plural(sum('fallbacks'), 'fallback')}`}
        />
        <Tile
          figure="ttft"
          name="Time to first token"
          value={median === undefined ? '–' : milliseconds(median)}
          note={
            slow === undefined
              ? undefined
              : `95 % within ${milliseconds(slow)}; last ${plural(ttfts.length, 'answer')} of the hour`
          }
        />
        <Tile
          figure="spend"
          name="Spent today (UTC)"
          value={usd(today?.costNanoUsd ?? 0)}
          note={unpriced === 0 ? undefined : `without ${plural(unpriced, 'attempt')} that nobody has a price for`}
        />
        <Tile figure="inFlight" name="Under way" value={count(box.stats.inFlight)} />
      </dl>
      <RaisedAlerts />
      <WhoServes box={box} recent={recent} />
      <div class="charts">
        <Traffic minutes={minutes} at={at} />
        <Spend hours={box.stats.spend.hours} at={at} />
      </div>
    </>
  )
}

const Traffic = ({
  minutes,
  at,
}: {
  readonly minutes: BoxView['stats']['traffic']['minutes']
  readonly at: number
}) => {
  const last = Math.floor(at / MINUTE_MS) * MINUTE_MS
  const times = Array.from({ length: 60 }, (_, index) => last - (59 - index) * MINUTE_MS)
  const by = new Map(minutes.map((minute) => [minute.from, minute]))
  const of = (name: 'admitted' | 'failed' | 'fallbacks') => times.map((time) => by.get(time)?.[name] ?? 0)
  const total = of('admitted').reduce((a, b) => a + b, 0)
  return (
    <Chart
      title="Requests a minute, last hour"
      summary={`${plural(total, 'request')} in all.`}
      times={times}
      range={[last - 60 * MINUTE_MS, last + MINUTE_MS]}
      timeFormat={timeOfDay}
      format={count}
      series={[
        { name: 'admitted', colour: '--blue', values: of('admitted'), kind: 'bars' },
        { name: 'failed', colour: '--red', values: of('failed'), kind: 'bars' },
        { name: 'fallbacks', colour: '--purple', values: of('fallbacks') },
      ]}
    />
  )
}

const Spend = ({ hours, at }: { readonly hours: BoxView['stats']['spend']['hours']; readonly at: number }) => {
  const last = Math.floor(at / HOUR_MS) * HOUR_MS
  const times = Array.from({ length: 24 }, (_, index) => last - (23 - index) * HOUR_MS)
  const by = new Map(hours.map(({ from, costNanoUsd }) => [from, costNanoUsd]))
  const values = times.map((time) => by.get(time) ?? 0)
  return (
    <Chart
      title="Spend an hour, last day"
      summary={`${usd(values.reduce((a, b) => a + b, 0))} in all.`}
      times={times}
      range={[last - 24 * HOUR_MS, last + HOUR_MS]}
      format={usd}
      series={[{ name: 'cost', colour: '--green', values, kind: 'bars' }]}
    />
  )
}
