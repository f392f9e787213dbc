/**
 * Who shares the log, how old what this instance knows of them is, and whether the database is there. Nothing where one instance has
 * its log for itself.
 */
import type { InstancesView } from '#actors/views/instances-view.ts'
import { fetchInstances } from '../api/instances.ts'
import { seenAt } from '../clock.ts'
import { Badge } from '../components/badge.tsx'
import { Table } from '../components/table.tsx'
import { count, duration, milliseconds, plural } from '../format.ts'
import { useAnswer } from '../use-answer.ts'

/** As the box: silent for longer is lost. */
const LOST_MS = 30_000

export const Instances = () => {
  const { answer } = useAnswer('instances', fetchInstances, 'slow')
  return answer._tag === 'Ok' && answer.value.shared ? <Panel view={answer.value} /> : null
}

const Panel = ({ view }: { readonly view: InstancesView }) => (
  <section class="panel" aria-label="Instances">
    <h2>Instances</h2>
    {view.logFailingSince === null ? null : (
      <p role="alert">
        <Badge tone="bad">database away</Badge> The database has not answered for{' '}
        {duration(seenAt.value - view.logFailingSince)}. Requests are served; {plural(view.spooledEvents, 'event')}{' '}
        {view.spooledEvents === 1 ? 'waits' : 'wait'} on this machine and will be brought to the log. What the other
        instances do is not known meanwhile.
      </p>
    )}
    <p class="quiet">
      This one knows what the others did until <span data-figure="state-age">{milliseconds(view.stateAgeMs)}</span> ago.
    </p>
    <Table
      caption="Instances that share the log"
      isCaptionHidden
      rows={view.instances}
      keyOf={(instance) => instance.id}
      empty="The database has not said yet."
      columns={[
        {
          name: 'Instance',
          cell: ({ name, isThis }) => (
            <>
              {name} {isThis ? <Badge tone="plain">this one</Badge> : null}{' '}
              {isThis && view.isLeader ? <Badge tone="plain">leads</Badge> : null}
            </>
          ),
        },
        {
          name: 'State',
          cell: ({ silentForMs }) =>
            silentForMs < LOST_MS ? <Badge tone="good">there</Badge> : <Badge tone="bad">silent</Badge>,
        },
        { name: 'Last heard', cell: ({ silentForMs }) => `${milliseconds(silentForMs)} ago`, isNumber: true },
        { name: 'Has heard up to', cell: ({ heardTo }) => count(heardTo), isNumber: true },
        { name: 'Version', cell: ({ version }) => version },
        { name: 'Runs for', cell: ({ startedAt }) => duration(seenAt.value - startedAt), isNumber: true },
      ]}
    />
  </section>
)
