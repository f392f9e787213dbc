/**
 * A provider's state machine, drawn: its states, what leads from one to another, and where it is.
 */
import type { ProviderView } from '#actors/views/provider-view.ts'
import { duration } from '../format.ts'
import { STATE_NAMES } from '../words.ts'

type State = ProviderView['state']

const WIDTH = 96
const HEIGHT = 30

/** Left upper corners. */
const PLACES: { readonly [K in State]: readonly [x: number, y: number] } = {
  healthy: [6, 8],
  throttled: [152, 8],
  openCircuit: [152, 84],
  halfOpen: [6, 84],
  retired: [298, 46],
}

/** The usual ways from state to state. */
const ARROWS: readonly string[] = [
  'M102 18 L150 18',
  'M150 30 L104 30',
  'M86 38 L160 82',
  'M152 104 L104 104',
  'M54 84 L54 40',
  'M104 92 L150 92',
  'M200 38 L200 82',
  'M248 92 L300 74',
  'M248 30 L300 48',
]

export const StateMachine = ({ provider, at }: { readonly provider: ProviderView; readonly at: number }) => {
  const { state, since } = provider
  const time = since === null ? '' : ` for ${duration(at - since)}`
  return (
    <svg class="machine" viewBox="0 0 400 124" role="img" aria-label={`${STATE_NAMES[state]}${time}`}>
      <defs>
        <marker
          id={`head-${provider.id}`}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto"
        >
          <path d="M0 0 L8 4 L0 8 z" class="arrow-head" />
        </marker>
      </defs>
      {ARROWS.map((path) => (
        <path key={path} d={path} class="arrow" marker-end={`url(#head-${provider.id})`} />
      ))}
      {(Object.keys(PLACES) as State[]).map((name) => {
        const [x, y] = PLACES[name]
        return (
          <g key={name} class={name === state ? `state present ${name}` : 'state'}>
            <rect x={x} y={y} width={WIDTH} height={HEIGHT} rx="6" />
            <text x={x + WIDTH / 2} y={y + 20} text-anchor="middle">
              {STATE_NAMES[name]}
            </text>
          </g>
        )
      })}
    </svg>
  )
}
