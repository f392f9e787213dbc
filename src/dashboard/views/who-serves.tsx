/**
 * Who serves now: the providers with what of the last hour's answers came from each.
 */
import type { BoxView } from '#actors/views/box-view.ts'
import type { ProviderView } from '#actors/views/provider-view.ts'
import type { Occurred } from '../api/events.ts'
import { Badge } from '../components/badge.tsx'
import { Table } from '../components/table.tsx'
import { count, milliseconds, percent, plural } from '../format.ts'
import { STATE_NAMES } from '../words.ts'

export const STATE_TONES = {
  healthy: 'good',
  throttled: 'warn',
  openCircuit: 'bad',
  halfOpen: 'warn',
  retired: 'plain',
} as const satisfies { readonly [K in ProviderView['state']]: string }

export const WhoServes = (props: {
  readonly box: BoxView
  readonly recent: readonly Occurred<'AttemptSucceeded'>[]
}) => {
  const { box, recent } = props
  const answersOf = (id: string): number => recent.filter(({ event }) => event.provider === id).length
  const last = recent[0]?.event
  return (
    <section class="panel" aria-label="Who serves">
      <h2>Who serves</h2>
      {last === undefined ? null : (
        <p>
          The last answer came from <strong data-figure="lastProvider">{last.provider}</strong> ({last.model}).
        </p>
      )}
      <Table
        caption={`Providers, with the last ${plural(recent.length, 'answer')} of the hour`}
        rows={box.providers}
        keyOf={({ id }) => id}
        columns={[
          { name: 'Provider', cell: ({ id }) => <a href="#/providers">{id}</a> },
          {
            name: 'State',
            cell: ({ enabled, state }) =>
              enabled ? (
                <Badge tone={STATE_TONES[state]}>{STATE_NAMES[state]}</Badge>
              ) : (
                <Badge tone="plain">drained</Badge>
              ),
          },
          { name: 'Under way', isNumber: true, cell: ({ concurrency }) => count(concurrency.inFlight) },
          { name: 'Answers', isNumber: true, cell: ({ id }) => count(answersOf(id)) },
          {
            name: 'Share',
            isNumber: true,
            cell: ({ id }) => (recent.length === 0 ? '–' : percent(answersOf(id) / recent.length)),
          },
          {
            name: 'Expected success',
            isNumber: true,
            cell: ({ health }) => (health.successShare === null ? '–' : percent(health.successShare)),
          },
          {
            name: 'First token',
            isNumber: true,
            cell: ({ health }) => (health.ttftEwmaMs === null ? '–' : milliseconds(health.ttftEwmaMs)),
          },
        ]}
      />
    </section>
  )
}
