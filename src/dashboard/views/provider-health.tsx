/**
 * How a provider has been doing: outcomes, speed, how its times to the first token are spread, what it has said about itself.
 */
import type { ProviderView } from '#actors/views/provider-view.ts'
import type { Occurred } from '../api/events.ts'
import { Bars } from '../components/bars.tsx'
import { Table } from '../components/table.tsx'
import { count, milliseconds, moment, percent, plural } from '../format.ts'
import { histogram, quantile } from '../quantile.ts'
import { reasonText } from '../words.ts'

export const ProviderHealth = (props: {
  readonly provider: ProviderView
  readonly answers: readonly Occurred<'AttemptSucceeded'>[]
  readonly at: number
}) => {
  const { provider, answers, at } = props
  const { id, health, check, speed, learned } = provider
  const failures = Object.entries(health.failures)
  return (
    <section aria-label={`Health of ${id}`}>
      <h3>Health</h3>
      <dl class="facts">
        <dt>Attempts</dt>
        <dd>
          <span data-fact="attempts">{count(health.attempts)}</span>, of which{' '}
          <span data-fact="successes">{count(health.successes)}</span> succeeded
          {failures.map(([reason, times]) => `; ${reason} ${count(times)}`).join('')}
        </dd>
        <dt>Expected success</dt>
        <dd>
          {health.successShare === null ? 'not known' : percent(health.successShare)}
          {health.consecutiveFailures > 0 ? `, ${plural(health.consecutiveFailures, 'failure')} in a row` : ''}
        </dd>
        <dt>Last failure</dt>
        <dd>
          {health.lastFailure === null || health.lastFailureAt === null
            ? 'none'
            : `${reasonText(health.lastFailure)}, at ${moment(health.lastFailureAt, at)}`}
        </dd>
        <dt>Health check</dt>
        <dd>
          {check === null
            ? 'none yet'
            : check.ok
              ? `passes since ${moment(check.since, at)}`
              : `fails since ${moment(check.since, at)}${check.reason === null ? '' : `: ${reasonText(check.reason)}`}`}
        </dd>
      </dl>
      <Latency id={id} ttfts={answers.map(({ event }) => event.ttftMs)} />
      {speed.length === 0 ? null : (
        <Table
          caption={`Speed of ${id} by model`}
          rows={speed}
          keyOf={({ model }) => model}
          columns={[
            { name: 'Model', cell: ({ model }) => model },
            {
              name: 'First token',
              isNumber: true,
              cell: ({ ttftMs }) => (ttftMs === null ? '–' : milliseconds(ttftMs)),
            },
            {
              name: 'A token',
              isNumber: true,
              cell: ({ msPerToken }) => (msPerToken === null ? '–' : `${msPerToken.toFixed(1)} ms`),
            },
            { name: 'Under way', isNumber: true, cell: ({ inFlight }) => count(inFlight) },
          ]}
        />
      )}
      {learned.length === 0 ? null : (
        <Table
          caption={`What ${id} has said about itself`}
          rows={learned}
          keyOf={({ model }) => model}
          columns={[
            { name: 'Model', cell: ({ model }) => model },
            {
              name: 'Goes without',
              cell: ({ refused }) =>
                refused.map(({ feature, until }) => `${feature} until ${moment(until, at)}`).join('; ') || '–',
            },
            { name: 'Ends', cell: ({ sunsetAt }) => (sunsetAt === null ? '–' : moment(sunsetAt, at)) },
            {
              name: 'Deprecated',
              cell: ({ deprecatedAt }) => (deprecatedAt === null ? '–' : moment(deprecatedAt, at)),
            },
          ]}
        />
      )}
    </section>
  )
}

const Latency = ({ id, ttfts }: { readonly id: string; readonly ttfts: readonly number[] }) => {
  const [half, most] = [quantile(ttfts, 0.5), quantile(ttfts, 0.95)]
  if (half === undefined || most === undefined) return <p class="quiet">No answer among the last to measure.</p>
  return (
    <Bars
      caption={`Time to first token of ${id}: half within ${milliseconds(half)}, 95 % within ${milliseconds(most)} (last ${plural(ttfts.length, 'answer')})`}
      of="Answers"
      amounts={histogram(ttfts).map((bin) => ({
        name: `${milliseconds(bin.from)} – ${milliseconds(bin.to)}`,
        value: bin.count,
        text: count(bin.count),
      }))}
    />
  )
}
