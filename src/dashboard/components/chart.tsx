/**
 * A chart over time by uPlot, with the same figures as a sentence and as a table for whoever does not see it.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { dateTime, day, timeOfDay, utcDayOf } from '../format.ts'
import { isDark } from '../theme.ts'
import { Table } from './table.tsx'

export interface Series {
  readonly name: string
  /** A custom property of the style sheet, e.g. `--blue`. */
  readonly colour: string
  /** As many as there are times; null: nothing known. */
  readonly values: readonly (number | null)[]
  readonly kind?: 'line' | 'bars'
}

export interface ChartProps {
  readonly title: string
  /** What it shows, in a sentence. */
  readonly summary: string
  /** Epoch ms, ascending. */
  readonly times: readonly number[]
  readonly series: readonly Series[]
  readonly format: (value: number) => string
  readonly timeFormat?: (at: number) => string
  /** One value a UTC day, whatever the time zone of the browser. */
  readonly isDaily?: boolean
  /** Bounds of the time axis (epoch ms); default: the data's. */
  readonly range?: readonly [number, number]
}

const HEIGHT = 190
const AXIS_WIDTH = 64
const BAR_SHARE = 0.7
const MOST_BAR_PIXELS = 40

const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

export const Chart = (props: ChartProps) => {
  const { title, summary, times, series, format, timeFormat = dateTime, isDaily = false } = props
  const place = useRef<HTMLDivElement>(null)
  const [under, setUnder] = useState<number | null>(null)
  const dark = isDark.value
  const shape = JSON.stringify([dark, series.map(({ name, kind }) => [name, kind])])
  const plot = useRef<uPlot | null>(null)
  const data = useRef<uPlot.AlignedData>([[]])
  data.current = [times.map((at) => at / 1_000), ...series.map(({ values }) => [...values])]
  const range = useRef(props.range)
  range.current = props.range

  // `shape` stands for all that the drawing depends on, `values` for the data.
  useEffect(() => {
    const element = place.current
    if (element === null) return
    const options = optionsOf({ width: element.clientWidth, series, format, isDaily, range, onPoint: setUnder })
    const drawn = new uPlot(options, data.current, element)
    plot.current = drawn
    const watch = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: HEIGHT }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      drawn.destroy()
      plot.current = null
    }
  }, [shape])
  const values = JSON.stringify([data.current, props.range])
  useEffect(() => plot.current?.setData(data.current), [values, shape])

  const at = under === null ? undefined : times[under]
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <ul class="key" aria-hidden="true">
        {series.map(({ name, colour, values: all }) => (
          <li key={name}>
            <span class={`dot ${colour.slice(2)}`} /> {name}
            {under === null || at === undefined ? '' : ` ${formatted(all[under], format)}`}
          </li>
        ))}
        <li class="quiet">{at === undefined ? '' : timeFormat(at)}</li>
      </ul>
      <div ref={place} class="plot" role="img" aria-label={`${title}. ${summary}`} />
      <details>
        <summary>{title} as a table</summary>
        <Table
          caption={title}
          isCaptionHidden
          rows={times.map((time, index) => ({ time, index })).toReversed()}
          keyOf={({ time }) => String(time)}
          columns={[
            { name: 'Time', cell: ({ time }) => timeFormat(time) },
            ...series.map(({ name, values: all }) => ({
              name,
              isNumber: true,
              cell: ({ index }: { readonly index: number }) => formatted(all[index], format),
            })),
          ]}
        />
      </details>
    </figure>
  )
}

const formatted = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? '–' : format(value)

interface Drawing {
  readonly width: number
  readonly series: readonly Series[]
  readonly format: (value: number) => string
  readonly isDaily: boolean
  readonly range: { readonly current: readonly [number, number] | undefined }
  readonly onPoint: (index: number | null) => void
}

const optionsOf = ({ width, series, format, isDaily, range, onPoint }: Drawing): uPlot.Options => {
  const grid = { stroke: colourOf('--line'), width: 1 }
  const axis = { stroke: colourOf('--quiet'), grid, ticks: grid, font: '12px system-ui, sans-serif' }
  return {
    width,
    height: HEIGHT,
    ...(isDaily ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC') } : {}),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: {
        range: (_, least, most) => {
          const bounds = range.current
          return bounds === undefined ? [least, most] : [bounds[0] / 1_000, bounds[1] / 1_000]
        },
      },
      // All that is drawn are amounts: they begin at nothing.
      y: { range: (_, least, most) => [Math.min(0, least), most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      isDaily
        ? { ...axis, incrs: [...DAY_STEPS], values: (_, splits) => splits.map(dayMark) }
        : { ...axis, values: (_, splits) => splits.map(timeMark) },
      { ...axis, size: AXIS_WIDTH, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...series.map(({ name, colour, kind }): uPlot.Series => {
        const stroke = colourOf(colour)
        return kind === 'bars'
          ? { label: name, fill: stroke, width: 0, paths: BARS, points: { show: false } }
          : { label: name, stroke, width: 2, spanGaps: true, points: { size: 4 } }
      }),
    ],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
  }
}

/** Midnight, in the time zone of the browser, is told by its day. */
const timeMark = (seconds: number): string => {
  const time = timeOfDay(seconds * 1_000)
  return time === '00:00:00' ? day(seconds * 1_000).slice('2026-'.length) : time.slice(0, '00:00'.length)
}

const DAY_S = 86_400
const DAY_STEPS = [1, 2, 7, 14, 28, 56, 182, 364].map((days) => days * DAY_S)
const dayMark = (seconds: number): string => utcDayOf(seconds * 1_000).slice('2026-'.length)

const bars = uPlot.paths.bars
const BARS = bars === undefined ? () => null : bars({ size: [BAR_SHARE, MOST_BAR_PIXELS] })
