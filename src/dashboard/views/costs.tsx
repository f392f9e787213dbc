/**
 * What it costs, by day and by whatever else it is asked by.
 */
import type { CostReport, Dimension } from '#domain/books-query.ts'
import { fetchCosts } from '../api/costs.ts'
import { boxNow } from '../clock.ts'
import { Answered } from '../components/answered.tsx'
import { FilterSelect } from '../components/filter.tsx'
import { Tile } from '../components/tile.tsx'
import { count, plural, usd, utcDayOf } from '../format.ts'
import { place } from '../router.ts'
import { useAnswer } from '../use-answer.ts'
import { BudgetUse } from './budget-use.tsx'
import { CostBreakdown } from './cost-breakdown.tsx'
import { CostDays } from './cost-days.tsx'

const DAY_MS = 86_400_000

const NAMES: readonly (readonly [Dimension, string])[] = [
  ['provider', 'provider'],
  ['model', 'model'],
  ['asked', 'model as asked'],
  ['session', 'session'],
  ['agent', 'agent'],
  ['key', 'client key'],
  ['project', 'project'],
  ['day', 'day'],
  ['hour', 'hour'],
]
const SPANS: readonly (readonly [string, string])[] = [
  ['1', 'last day'],
  ['7', 'last 7 days'],
  ['30', 'last 30 days'],
  ['90', 'last 90 days'],
  ['all', 'whole log'],
]
const DEFAULT_SPAN = '7'

export const Costs = () => {
  const { query } = place.value
  const by = NAMES.find(([name]) => name === query.get('by'))?.[0] ?? 'provider'
  const span = query.get('days') ?? DEFAULT_SPAN
  const from = span === 'all' ? null : utcDayOf(boxNow.value - (Number(span) - 1) * DAY_MS)
  const days = useAnswer(`days ${from}`, (signal) => fetchCosts({ by: ['day', 'provider'], from }, signal), 'slow')
  const parts = useAnswer(`parts ${by} ${from}`, (signal) => fetchCosts({ by: [by], from }, signal), 'slow')
  return (
    <>
      <h1>Costs</h1>
      <form class="filters" aria-label="What to sum" onSubmit={(event) => event.preventDefault()}>
        <FilterSelect name="by" label="By" options={NAMES} none={null} />
        <FilterSelect
          name="days"
          label="Over"
          options={SPANS.toSorted((a, b) => Number(b[0] === DEFAULT_SPAN) - Number(a[0] === DEFAULT_SPAN))}
          none={null}
        />
      </form>
      <Answered asked={parts} what="costs">
        {(report) => (
          <>
            <Totals total={report.total} />
            <CostBreakdown by={by} report={report} />
          </>
        )}
      </Answered>
      <Answered asked={days} what="costs by day">
        {(report) => (
          <>
            <CostDays report={report} />
            <p class="note">Days are those of {report.timeZone}.</p>
          </>
        )}
      </Answered>
      <BudgetUse />
    </>
  )
}

const Totals = ({ total }: { readonly total: CostReport['total'] }) => {
  const charged = total.costNanoUsd - total.listNanoUsd
  return (
    <dl class="tiles">
      <Tile
        figure="cost"
        name="Cost"
        value={usd(total.costNanoUsd)}
        note={charged === 0 ? undefined : `${usd(charged)} beside the price list`}
      />
      <Tile figure="costRequests" name="Requests" value={count(total.requests)} />
      <Tile
        figure="saved"
        name="Saved by caches"
        value={usd(total.cacheSavedNanoUsd)}
        note={total.cacheSavedNanoUsd < 0 ? 'writing cost more than reading saved' : undefined}
      />
      <Tile
        figure="switches"
        name="Cost of switches"
        value={usd(total.switchNanoUsd)}
        note="because caches were with another provider"
      />
      <Tile
        figure="unpriced"
        name="Without a price"
        value={plural(total.unpriced, 'attempt')}
        note={total.estimated === 0 ? undefined : `${usd(total.estimatedNanoUsd)} of the cost is estimated`}
      />
    </dl>
  )
}
