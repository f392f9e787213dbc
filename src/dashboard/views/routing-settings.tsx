/**
 * The other settings of routing.
 */
import { useState } from 'preact/hooks'
import type { RoutingView } from '#actors/views/routing-view.ts'
import { changeRouting } from '../api/routing.ts'
import { Table } from '../components/table.tsx'
import { moment } from '../router.ts'
import { useChange } from '../use-change.ts'

type Name = 'limitThreshold' | 'explorationShare' | 'maxFallbacks' | 'fallbackDelayMs' | 'queueMs' | 'deadlineMs'

const SETTINGS: { readonly [K in Name]: { readonly text: string; readonly step: number; readonly max?: number } } = {
  limitThreshold: { text: 'Share of a limit from which on others come first', step: 0.01, max: 1 },
  explorationShare: { text: 'Share of requests that explore', step: 0.01, max: 1 },
  maxFallbacks: { text: 'Fallbacks at most', step: 1, max: 100 },
  fallbackDelayMs: { text: 'Pause before a fallback (ms)', step: 1 },
  queueMs: { text: 'Wait for room at most (ms)', step: 1 },
  deadlineMs: { text: 'From admission to the first byte at most (ms)', step: 1 },
}
const NAMES = Object.keys(SETTINGS) as readonly Name[]

export const RoutingSettings = (props: { readonly routing: RoutingView; readonly onChanged: () => void }) => {
  const { routing, onChanged } = props
  const [chosen, choose] = useState<Partial<Record<Name, number>>>({})
  const change = useChange(onChanged)
  const isPast = moment.value !== null
  const shownOf = (name: Name): number => (isPast ? undefined : chosen[name]) ?? routing[name] ?? 0
  const rules = routing.rules ?? []
  return (
    <section class="panel" aria-label="More routing settings">
      <h2>More settings</h2>
      <form
        onSubmit={async (event) => {
          event.preventDefault()
          if (await change.make(() => changeRouting(chosen), 'The routing is changed.')) choose({})
        }}
      >
        <div class="filters">
          {NAMES.map((name) => (
            <label key={name}>
              {SETTINGS[name].text}
              <input
                type="number"
                min={0}
                max={SETTINGS[name].max}
                step={SETTINGS[name].step}
                value={shownOf(name)}
                disabled={isPast}
                onInput={({ currentTarget }) => choose({ ...chosen, [name]: currentTarget.valueAsNumber })}
              />
            </label>
          ))}
        </div>
        <button
          type="submit"
          class="primary"
          disabled={isPast || change.isBusy || NAMES.every((name) => shownOf(name) === (routing[name] ?? 0))}
        >
          Apply settings
        </button>
      </form>
      {change.problem === null ? null : (
        <p class="notice bad" role="alert">
          {change.problem}
        </p>
      )}
      {rules.length === 0 ? null : (
        <Table
          caption="Rules, the first that fits counts"
          rows={rules}
          keyOf={({ name }) => name}
          columns={[
            { name: 'Rule', cell: ({ name }) => name },
            {
              name: 'For',
              cell: ({ kind, model }) => [kind, model].filter((part) => part !== undefined).join(', ') || 'all',
            },
            { name: 'Strategy', cell: ({ strategy }) => strategy ?? 'as in force' },
            { name: 'Only', cell: ({ only }) => only?.join(', ') ?? 'all' },
          ]}
        />
      )}
    </section>
  )
}
