/**
 * Requests as rows.
 */
import type { RequestLine } from '../api/requests.ts'
import { OutcomeBadge } from '../components/badge.tsx'
import { Table } from '../components/table.tsx'
import { count, milliseconds, moment, short, usd } from '../format.ts'
import { hrefOf } from '../router.ts'

const SHOWN_ID = 10

export const RequestTable = (props: {
  readonly caption: string
  readonly rows: readonly RequestLine[]
  readonly now: number
}) => (
  <Table
    caption={props.caption}
    rows={props.rows}
    keyOf={({ requestId }) => requestId}
    empty="No request fits."
    columns={[
      {
        name: 'Request',
        cell: ({ requestId }) => (
          <a href={hrefOf('requests', requestId)} title={requestId} data-request={requestId}>
            {requestId.slice(0, SHOWN_ID)}
          </a>
        ),
      },
      { name: 'At', cell: ({ admittedAt }) => moment(admittedAt, props.now) },
      { name: 'Model', cell: ({ model }) => model },
      { name: 'Outcome', cell: ({ outcome }) => <OutcomeBadge outcome={outcome} /> },
      { name: 'Provider', cell: ({ provider }) => provider ?? '–' },
      { name: 'Attempts', isNumber: true, cell: ({ attempts }) => count(attempts) },
      { name: 'Reason', cell: ({ reason }) => reason ?? '–' },
      { name: 'First token', isNumber: true, cell: ({ ttftMs }) => (ttftMs === null ? '–' : milliseconds(ttftMs)) },
      {
        name: 'Took',
        isNumber: true,
        cell: ({ durationMs }) => (durationMs === null ? '–' : milliseconds(durationMs)),
      },
      {
        name: 'Tokens in / out',
        isNumber: true,
        cell: ({ inputTokens, outputTokens, cacheReadTokens }) =>
          inputTokens === null ? '–' : `${short(inputTokens + (cacheReadTokens ?? 0))} / ${short(outputTokens ?? 0)}`,
      },
      { name: 'Cost', isNumber: true, cell: ({ costNanoUsd }) => (costNanoUsd === null ? '–' : usd(costNanoUsd)) },
      {
        name: 'Session',
        cell: ({ sessionId }) =>
          sessionId === null ? '–' : <a href={hrefOf('sessions', sessionId)}>{sessionId.slice(0, SHOWN_ID)}</a>,
      },
    ]}
  />
)
