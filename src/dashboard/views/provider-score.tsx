/**
 * How a provider fared in the latest decisions: how often it came first, and what its score was made of.
 */
import type { ProviderView } from '#actors/views/provider-view.ts'
import type { Occurred } from '../api/events.ts'
import { Meter } from '../components/meter.tsx'
import { count, moment, plural } from '../format.ts'
import { SKIP_NAMES } from '../words.ts'

/** Columns of a decision that are no factors of the score. */
const AMOUNTS: ReadonlySet<string> = new Set(['share', 'score', 'costNanoUsd', 'cachedTokens', 'cachedShare'])

export const ProviderScore = (props: {
  readonly id: ProviderView['id']
  /** The newest first. */
  readonly routes: readonly Occurred<'RouteChosen'>[]
  readonly at: number
}) => {
  const { id, routes, at } = props
  const first = routes.filter(({ event }) => event.order[0] === id).length
  const candidate = routes.filter(({ event }) => event.order.some((provider) => provider === id))
  const excluded = Map.groupBy(
    routes.flatMap(({ event }) => event.skipped.filter(({ provider }) => provider === id)),
    ({ reason }) => reason,
  )
  const last = candidate[0]
  const index = last?.event.order.indexOf(id) ?? -1
  const factors = Object.entries(last?.event.factors ?? {}).filter(([name]) => !AMOUNTS.has(name))
  const score = last?.event.factors.score?.[index]
  return (
    <section aria-label={`Score of ${id}`}>
      <h3>Score</h3>
      {routes.length === 0 ? (
        <p class="quiet">No decision yet.</p>
      ) : (
        <p>
          First in {count(first)} of the last {plural(routes.length, 'decision')}, a candidate in{' '}
          {count(candidate.length)}
          {[...excluded]
            .map(([reason, times]) => `; left out ${count(times.length)} × (${SKIP_NAMES[reason]})`)
            .join('')}
          .
        </p>
      )}
      {last === undefined ? null : (
        <>
          {score === undefined || score < 0 ? null : (
            <p>
              Score <strong>{score.toFixed(3)}</strong> by the strategy {last.event.strategy}, place {index + 1} of{' '}
              {last.event.order.length}, at {moment(last.at, at)}.
            </p>
          )}
          {factors.map(([name, values]) => (
            <Meter
              key={name}
              label={name}
              share={values[index] ?? 0}
              text={(values[index] ?? 0).toFixed(3)}
              tone="accent"
            />
          ))}
        </>
      )}
    </section>
  )
}
