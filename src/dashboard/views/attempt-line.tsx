/**
 * The attempts of a request on a line of time: who was asked when, for how long, until which stage, and what came of it.
 */
import type { Explanation } from '#actors/views/explanation.ts'
import { boxNow } from '../clock.ts'
import { Table } from '../components/table.tsx'
import { count, milliseconds } from '../format.ts'
import { reasonText } from '../words.ts'

const STAGES = {
  S0: 'before it answered',
  S1: 'before the first content',
  S2: 'within the content',
  S3: 'at its end',
} as const

export const AttemptLine = ({ explanation }: { readonly explanation: Explanation }) => {
  const { admittedAt, attempts } = explanation
  const end = Math.max(
    admittedAt + 1,
    explanation.endedAt ?? boxNow.value,
    ...attempts.map(({ endedAt }) => endedAt ?? 0),
  )
  const share = (at: number): number => ((at - admittedAt) / (end - admittedAt)) * 100
  return (
    <>
      <ol class="time-line" aria-hidden="true">
        {attempts.map(({ attempt, provider, startedAt, endedAt, outcome, ttftMs }) => (
          <li key={attempt}>
            <span class="who">
              {attempt}. {provider}
            </span>
            <span class="track">
              <span
                class={`span ${outcome}`}
                style={{
                  left: `${share(startedAt)}%`,
                  width: `${Math.max(0.5, share(endedAt ?? end) - share(startedAt))}%`,
                }}
              />
              {ttftMs === null ? null : <span class="first-token" style={{ left: `${share(startedAt + ttftMs)}%` }} />}
            </span>
          </li>
        ))}
        <li class="quiet">
          <span class="who" />
          <span class="scale">
            <span>0</span>
            <span>{milliseconds(end - admittedAt)}</span>
          </span>
        </li>
      </ol>
      <Table
        caption="Attempts in order"
        rows={attempts}
        keyOf={({ attempt }) => String(attempt)}
        empty="Nobody was asked."
        columns={[
          { name: 'Attempt', cell: ({ attempt }) => attempt },
          { name: 'Provider', cell: ({ provider, probe }) => `${provider}${probe ? ' (probe)' : ''}` },
          { name: 'Model', cell: ({ model }) => model },
          { name: 'After', isNumber: true, cell: ({ startedAt }) => milliseconds(startedAt - admittedAt) },
          {
            name: 'Took',
            isNumber: true,
            cell: ({ startedAt, endedAt }) => (endedAt === null ? '–' : milliseconds(endedAt - startedAt)),
          },
          { name: 'First token', isNumber: true, cell: ({ ttftMs }) => (ttftMs === null ? '–' : milliseconds(ttftMs)) },
          {
            name: 'Outcome',
            cell: ({ outcome, reason, stage }) =>
              outcome === 'failed' && reason !== null
                ? `${reasonText(reason)}${stage === null ? '' : `, ${STAGES[stage]}`}`
                : outcome === 'inFlight'
                  ? 'under way'
                  : outcome,
          },
          {
            name: 'Tokens in / out',
            isNumber: true,
            cell: ({ usage }) =>
              usage === null
                ? '–'
                : `${count(usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens)} / ${count(usage.outputTokens)}`,
          },
        ]}
      />
    </>
  )
}
