/**
 * Costs day by day, one line a provider.
 */
import type { CostReport } from '#domain/books-query.ts'
import { Chart } from '../components/chart.tsx'
import { usd, utcDayOf } from '../format.ts'

const DAY_MS = 86_400_000
const COLOURS = ['--blue', '--purple', '--green', '--amber', '--red', '--teal'] as const

/** @param report by day and provider */
export const CostDays = ({ report }: { readonly report: CostReport }) => {
  const days = [...new Set(report.rows.map(({ key }) => key[0] ?? ''))].filter((day) => day !== '').toSorted()
  const [first] = days
  const last = days.at(-1)
  if (first === undefined || last === undefined) return null
  const times: number[] = []
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY_MS) times.push(at)
  const costs = new Map(report.rows.map(({ key, sums }) => [JSON.stringify(key), sums.costNanoUsd]))
  const providers = [...Map.groupBy(report.rows, ({ key }) => key[1] ?? null)]
    .map(([provider, rows]) => ({ provider, total: rows.reduce((sum, { sums }) => sum + sums.costNanoUsd, 0) }))
    .toSorted((a, b) => b.total - a.total)
    .slice(0, COLOURS.length)
  const kind = times.length === 1 || providers.length === 1 ? ({ kind: 'bars' } as const) : {}
  return (
    <section class="panel" aria-label="Costs by day">
      <Chart
        title="Cost by day and provider"
        summary={providers.map(({ provider, total }) => `${provider ?? 'nobody'} ${usd(total)}`).join(', ')}
        times={times}
        timeFormat={utcDayOf}
        format={usd}
        isDaily
        {...(times.length === 1 ? { range: [Date.parse(first) - DAY_MS, Date.parse(first) + DAY_MS] as const } : {})}
        series={providers.map(({ provider }, index) => ({
          name: provider ?? 'nobody',
          colour: COLOURS[index] ?? '--blue',
          values: times.map((at) => costs.get(JSON.stringify([utcDayOf(at), provider])) ?? 0),
          ...kind,
        }))}
      />
    </section>
  )
}
