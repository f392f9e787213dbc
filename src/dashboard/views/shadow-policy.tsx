/**
 * The shadow policy: what another routing would have done with the same requests, and setting one.
 */
import { useState } from 'preact/hooks'
import type { RoutingView } from '#actors/views/routing-view.ts'
import type { ShadowView } from '#actors/views/shadow-view.ts'
import { changeRouting } from '../api/routing.ts'
import { ConfirmButton } from '../components/confirm.tsx'
import { moment } from '../router.ts'
import { useChange } from '../use-change.ts'
import { ShadowComparison } from './shadow-comparison.tsx'
import { STRATEGY_NAMES } from './strategy-choice.tsx'

type Strategy = RoutingView['strategy']

export const ShadowPolicy = (props: {
  readonly routing: RoutingView
  readonly shadow: ShadowView | null
  readonly onChanged: () => void
}) => {
  const { routing, shadow, onChanged } = props
  const [chosen, choose] = useState<Strategy | null>(null)
  const change = useChange(onChanged)
  const isPast = moment.value !== null
  const others = STRATEGY_NAMES.filter((name) => name !== routing.strategy)
  const inForce = shadow?.otherwise.strategy ?? null
  const shown = (isPast ? null : chosen) ?? inForce ?? others[0] ?? routing.strategy
  return (
    <section class="panel" aria-label="Shadow policy">
      <h2>Shadow policy</h2>
      {shadow === null ? <Explained /> : <ShadowComparison shadow={shadow} />}
      <form
        class="filters"
        onSubmit={async (event) => {
          event.preventDefault()
          const isMade = await change.make(
            () => changeRouting({ shadow: { strategy: shown } }),
            `The shadow policy decides by ${shown}.`,
          )
          if (isMade) choose(null)
        }}
      >
        <label>
          Decides by
          <select
            value={shown}
            disabled={isPast}
            onChange={({ currentTarget }) =>
              choose(STRATEGY_NAMES.find((name) => name === currentTarget.value) ?? null)
            }
          >
            {STRATEGY_NAMES.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="primary" disabled={isPast || change.isBusy || shown === inForce}>
          {shadow === null ? 'Start shadow' : 'Change shadow'}
        </button>
        {shadow === null ? null : (
          <ConfirmButton
            label="Stop"
            subject="the shadow policy"
            question="It decides no more. Its figures begin anew when one is started again; those of today stay with the slider."
            act={() => changeRouting({ shadow: false })}
            done="The shadow policy is stopped."
            onDone={onChanged}
            disabled={isPast}
          />
        )}
      </form>
      {change.problem === null ? null : (
        <p class="notice bad" role="alert">
          {change.problem}
        </p>
      )}
    </section>
  )
}

const Explained = () => (
  <>
    <p data-figure="shadow">No other policy decides beside this one.</p>
    <p class="note">
      A shadow policy decides on every request too, and nobody acts by it: so you see whom it would ask, and what that
      would cost, before you put it in force. Start one by its strategy here, or by whatever else of the routing it does
      otherwise in the configuration:
    </p>
    <pre>{'routing:\n  shadow:\n    strategy: cost\n    weights: { cost: 0.5 }'}</pre>
  </>
)
