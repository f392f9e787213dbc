/**
 * Weights of the strategy `intelligent`, with how the latest decisions would come out under them.
 */
import { useState } from 'preact/hooks'
import type { Weights } from '#actors/views/explanation.ts'
import type { RoutingView } from '#actors/views/routing-view.ts'
import { ofType } from '../api/events.ts'
import { changeRouting } from '../api/routing.ts'
import { Table } from '../components/table.tsx'
import { count, percent, plural } from '../format.ts'
import { compare } from '../reweighed.ts'
import { moment } from '../router.ts'
import { useChange } from '../use-change.ts'
import { useRecent } from '../use-recent.ts'

const FACTORS: { readonly [K in keyof Weights]: string } = {
  headroom: 'room in the limits',
  performance: 'speed',
  cost: 'cost of this very request',
  reliability: 'expected success',
}
const NAMES = Object.keys(FACTORS) as readonly (keyof Weights)[]
const STEP = 0.05

const isSame = (a: Weights, b: Weights): boolean => NAMES.every((name) => a[name] === b[name])

export const WeightChoice = (props: { readonly routing: RoutingView; readonly onChanged: () => void }) => {
  const { routing, onChanged } = props
  const [chosen, choose] = useState<Weights | null>(null)
  const change = useChange(onChanged)
  const isPast = moment.value !== null
  const weights = isPast ? routing.weights : (chosen ?? routing.weights)
  const total = NAMES.reduce((sum, name) => sum + weights[name], 0)
  return (
    <section class="panel" aria-label="Weights">
      <h2>Weights</h2>
      <p class="note">
        Of the strategy intelligent{routing.strategy === 'intelligent' ? '' : ', which is not in force now'}. Only their
        proportions count.
      </p>
      <form
        onSubmit={async (event) => {
          event.preventDefault()
          if (await change.make(() => changeRouting({ weights }), 'The weights are changed.')) choose(null)
        }}
      >
        <div class="sliders">
          {NAMES.map((name) => (
            <label key={name}>
              <span>
                {name} <span class="quiet">({FACTORS[name]})</span>
              </span>
              <input
                type="range"
                min={0}
                max={1}
                step={STEP}
                value={weights[name]}
                disabled={isPast}
                aria-valuetext={`${weights[name]}, ${percent(total === 0 ? 0 : weights[name] / total)} of all`}
                onInput={({ currentTarget }) => choose({ ...weights, [name]: Number(currentTarget.value) })}
              />
              <output>
                {weights[name]} ({percent(total === 0 ? 0 : weights[name] / total)})
              </output>
            </label>
          ))}
        </div>
        <div class="buttons">
          <button
            type="submit"
            class="primary"
            disabled={isPast || change.isBusy || total === 0 || isSame(weights, routing.weights)}
          >
            Apply weights
          </button>
          <button type="button" disabled={chosen === null} onClick={() => choose(null)}>
            As in force
          </button>
        </div>
      </form>
      {change.problem === null ? null : (
        <p class="notice bad" role="alert">
          {change.problem}
        </p>
      )}
      <Preview before={routing.weights} after={weights} />
    </section>
  )
}

const Preview = ({ before, after }: { readonly before: Weights; readonly after: Weights }) => {
  const routes = ofType(useRecent(['RouteChosen']), 'RouteChosen').map(({ event }) => event)
  const { weighed, decidedOtherwise, notWeighed, changed, firsts } = compare(routes, before, after)
  return (
    <div class="preview">
      <h3>How the last decisions would come out</h3>
      <p data-figure="changed">
        {weighed === 0
          ? `Of the last ${plural(routes.length, 'decision')} none was made by weighing candidates.`
          : `${plural(changed, 'decision')} of ${count(weighed)} would go to another provider first.`}
      </p>
      {weighed === 0 ? null : (
        <Table
          caption="How often each would come first"
          rows={firsts}
          keyOf={({ provider }) => provider}
          columns={[
            { name: 'Provider', cell: ({ provider }) => provider },
            { name: 'As decided', isNumber: true, cell: (row) => count(row.before) },
            { name: 'With these weights', isNumber: true, cell: (row) => count(row.after) },
          ]}
        />
      )}
      <p class="note">
        Computed here from the factors that were recorded with each decision; nothing is asked of any provider.{' '}
        {decidedOtherwise > 0
          ? `${plural(decidedOtherwise, 'decision')} went by something else than the score (a nearly used limit, other weights at that time, a draw) and would not change. `
          : ''}
        {notWeighed > 0 ? `${plural(notWeighed, 'decision')} had no choice to weigh. ` : ''}
        What would have followed from another choice (fuller limits, colder caches) is not in it.
      </p>
    </div>
  )
}
