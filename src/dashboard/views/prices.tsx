/**
 * The prices by which costs are computed now: those of the policy in force.
 */
import { useEffect } from 'preact/hooks'
import type { ModelPrice } from '#domain/policy.ts'
import { fetchEvents, ofType } from '../api/events.ts'
import { Answered } from '../components/answered.tsx'
import { Table } from '../components/table.tsx'
import { plural } from '../format.ts'
import { onEvents } from '../live.ts'
import { useAnswer } from '../use-answer.ts'

interface PriceRow {
  readonly provider: string
  readonly pattern: string
  readonly price: ModelPrice
}

const amount = (usd: number): string => `$${Number(usd.toPrecision(4))}`

export const Prices = () => {
  const asked = useAnswer('policy', (signal) => fetchEvents({ type: ['PolicyChanged'], limit: 1 }, signal), 'never')
  const { reload } = asked
  // A policy with many prices is large: asked for when there is another one, not every few seconds.
  useEffect(() => onEvents((rows) => rows.some(({ type }) => type === 'PolicyChanged') && reload()), [reload])
  return (
    <section class="panel" aria-label="Prices">
      <h2>Prices in force</h2>
      <Answered asked={asked} what="prices">
        {({ data }) => {
          const providers = ofType(data, 'PolicyChanged')[0]?.event.policy.providers ?? []
          const rows = providers.flatMap(({ id, prices = {} }) =>
            Object.entries(prices).map(([pattern, price]): PriceRow => ({ provider: id, pattern, price })),
          )
          return (
            <details open={rows.length <= 30}>
              <summary>{plural(rows.length, 'price')}</summary>
              <Table
                caption="USD for a million tokens"
                rows={rows}
                keyOf={({ provider, pattern }) => `${provider}/${pattern}`}
                empty="No provider has prices: costs are not known."
                columns={[
                  { name: 'Provider', cell: ({ provider }) => provider },
                  { name: 'Model', cell: ({ pattern }) => pattern },
                  { name: 'Input', isNumber: true, cell: ({ price }) => amount(price.input) },
                  { name: 'Output', isNumber: true, cell: ({ price }) => amount(price.output) },
                  { name: 'Cache read', isNumber: true, cell: ({ price }) => amount(price.cacheRead) },
                  { name: 'Cache write, 5 min', isNumber: true, cell: ({ price }) => amount(price.cacheWrite5m) },
                  { name: 'Cache write, 1 h', isNumber: true, cell: ({ price }) => amount(price.cacheWrite1h) },
                ]}
              />
            </details>
          )
        }}
      </Answered>
    </section>
  )
}
