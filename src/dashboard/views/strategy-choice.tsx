/**
 * Chooses the strategy.
 */
import { useState } from 'preact/hooks'
import type { RoutingView } from '#actors/views/routing-view.ts'
import { changeRouting } from '../api/routing.ts'
import { moment } from '../router.ts'
import { useChange } from '../use-change.ts'

type Strategy = RoutingView['strategy']

const STRATEGIES: { readonly [K in Strategy]: string } = {
  intelligent: 'by the weighed sum of room, speed, cost and reliability',
  cost: 'the cheapest for this very request',
  performance: 'the quickest',
  availability: 'the one that most surely answers',
  priority: 'in the operator’s order',
}
export const STRATEGY_NAMES = Object.keys(STRATEGIES) as readonly Strategy[]

export const StrategyChoice = (props: { readonly routing: RoutingView; readonly onChanged: () => void }) => {
  const { routing, onChanged } = props
  const [chosen, choose] = useState<Strategy | null>(null)
  const change = useChange(onChanged)
  const isPast = moment.value !== null
  const shown = isPast ? routing.strategy : (chosen ?? routing.strategy)
  return (
    <section class="panel" aria-label="Strategy">
      <h2>Strategy</h2>
      <form
        class="filters"
        onSubmit={async (event) => {
          event.preventDefault()
          const isMade = await change.make(() => changeRouting({ strategy: shown }), `The strategy is ${shown}.`)
          if (isMade) choose(null)
        }}
      >
        <label>
          Strategy
          <select
            value={shown}
            disabled={isPast}
            onChange={({ currentTarget }) =>
              choose(STRATEGY_NAMES.find((name) => name === currentTarget.value) ?? null)
            }
          >
            {STRATEGY_NAMES.map((name) => (
              <option key={name} value={name}>
                {name}: {STRATEGIES[name]}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="primary" disabled={isPast || change.isBusy || shown === routing.strategy}>
          Apply strategy
        </button>
      </form>
      {change.problem === null ? null : (
        <p class="notice bad" role="alert">
          {change.problem}
        </p>
      )}
      <p class="note">
        In force: <strong data-figure="strategy">{routing.strategy}</strong>. The next request follows a change; it
        holds over restarts.
      </p>
    </section>
  )
}
