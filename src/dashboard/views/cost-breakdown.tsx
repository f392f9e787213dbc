/**
 * Costs by one dimension: bars, and all sums as a table.
 */
import type { CostReport, CostRow, Dimension } from '#domain/books-query.ts'
import { Bars } from '../components/bars.tsx'
import { Table } from '../components/table.tsx'
import { count, plural, short, usd } from '../format.ts'
import { hrefOf } from '../router.ts'

const MOST_BARS = 12
const SHOWN_ID = 12

export const CostBreakdown = ({ by, report }: { readonly by: Dimension; readonly report: CostReport }) => {
  const nameOf = (row: CostRow): string => row.key[0] ?? `no ${by}`
  const sorted = report.rows.toSorted((a, b) => b.sums.costNanoUsd - a.sums.costNanoUsd)
  return (
    <section class="panel" aria-label={`Costs by ${by}`}>
      <Bars
        caption={`Cost by ${by}${report.groups > MOST_BARS ? `, the ${MOST_BARS} most expensive of ${count(report.groups)}` : ''}`}
        of="Cost"
        amounts={sorted.slice(0, MOST_BARS).map((row) => ({
          name: nameOf(row),
          value: row.sums.costNanoUsd,
          text: usd(row.sums.costNanoUsd),
        }))}
      />
      <Table
        caption={`Sums by ${by} (${plural(report.groups, 'row')})`}
        rows={report.rows}
        keyOf={nameOf}
        columns={[
          { name: by, cell: (row) => <Name by={by} row={row} name={nameOf(row)} /> },
          { name: 'Requests', isNumber: true, cell: ({ sums }) => count(sums.requests) },
          { name: 'Attempts', isNumber: true, cell: ({ sums }) => count(sums.attempts) },
          { name: 'Input', isNumber: true, cell: ({ sums }) => short(sums.inputTokens) },
          { name: 'Output', isNumber: true, cell: ({ sums }) => short(sums.outputTokens) },
          { name: 'Cache read', isNumber: true, cell: ({ sums }) => short(sums.cacheReadTokens) },
          {
            name: 'Cache written',
            isNumber: true,
            cell: ({ sums }) => short(sums.cacheWrite5mTokens + sums.cacheWrite1hTokens),
          },
          {
            name: 'Cost',
            isNumber: true,
            cell: (row) => <span data-cost={nameOf(row)}>{usd(row.sums.costNanoUsd)}</span>,
          },
          { name: 'Saved by caches', isNumber: true, cell: ({ sums }) => usd(sums.cacheSavedNanoUsd) },
          { name: 'Switches', isNumber: true, cell: ({ sums }) => usd(sums.switchNanoUsd) },
        ]}
      />
    </section>
  )
}

const Name = ({ by, row, name }: { readonly by: Dimension; readonly row: CostRow; readonly name: string }) => {
  const [key] = row.key
  if (key === null || key === undefined) return <span class="quiet">{name}</span>
  if (by === 'session') {
    return (
      <a href={hrefOf('sessions', key)} title={key}>
        {key.slice(0, SHOWN_ID)}
      </a>
    )
  }
  return <>{key}</>
}
