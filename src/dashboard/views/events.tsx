/**
 * The log itself.
 */
import { useState } from 'preact/hooks'
import type { EventRow } from '#http/admin/event-row.ts'
import { fetchEvents } from '../api/events.ts'
import { Answered } from '../components/answered.tsx'
import { FilterField, FilterSelect } from '../components/filter.tsx'
import { Json } from '../components/json.tsx'
import { Table } from '../components/table.tsx'
import { CATALOGUE_TYPES } from '../event-types.ts'
import { dateTime } from '../format.ts'
import { hrefOf, place } from '../router.ts'
import { useAnswer } from '../use-answer.ts'

const PAGE = 100

export const Events = () => {
  const { query } = place.value
  const filter = ['type', 'stream', 'request', 'since', 'until'].map((name) => [name, query.get(name)] as const)
  const question = JSON.stringify(filter)
  return (
    <>
      <h1>Events</h1>
      <form class="filters" aria-label="Filter" onSubmit={(event) => event.preventDefault()}>
        <FilterSelect name="type" label="Type" options={CATALOGUE_TYPES.map((type) => [type, type] as const)} />
        <FilterField name="stream" label="Stream" />
        <FilterField name="request" label="Request" />
        <FilterField name="since" label="Since" type="datetime-local" />
        <FilterField name="until" label="Until" type="datetime-local" />
      </form>
      <List key={question} question={question} query={query} />
    </>
  )
}

/** What a field holds is local time. */
const epochOf = (text: string | null): number | null => {
  const at = Date.parse(text ?? '')
  return Number.isNaN(at) ? null : at
}

const List = ({ question, query }: { readonly question: string; readonly query: URLSearchParams }) => {
  const [befores, setBefores] = useState<readonly number[]>([])
  const before = befores.at(-1)
  const [type, stream, request] = ['type', 'stream', 'request'].map((name) => query.get(name))
  const asked = useAnswer(
    `events ${question} ${before}`,
    (signal) =>
      fetchEvents(
        {
          limit: PAGE,
          since: epochOf(query.get('since')),
          until: epochOf(query.get('until')),
          ...(type === null || type === undefined ? {} : { type: [type] }),
          ...(stream === null || stream === undefined ? {} : { stream }),
          ...(request === null || request === undefined ? {} : { request }),
          ...(before === undefined ? {} : { before }),
        },
        signal,
      ),
    before === undefined ? 'quick' : 'never',
  )
  return (
    <Answered asked={asked} what="events">
      {({ data, next }) => (
        <>
          <Table
            caption={before === undefined ? 'The newest first; new ones appear by themselves' : 'Older events'}
            rows={data}
            keyOf={({ position }) => String(position)}
            empty="No event fits."
            columns={COLUMNS}
          />
          <nav class="buttons" aria-label="Pages">
            <button type="button" disabled={befores.length === 0} onClick={() => setBefores((all) => all.slice(0, -1))}>
              Newer
            </button>
            <button
              type="button"
              disabled={next === null}
              onClick={() => {
                if (next !== null) setBefores((all) => [...all, next])
              }}
            >
              Older
            </button>
          </nav>
        </>
      )}
    </Answered>
  )
}

const COLUMNS = [
  { name: 'Position', isNumber: true, cell: ({ position }: EventRow) => <span data-position>{position}</span> },
  { name: 'Occurred', cell: ({ occurredAt }: EventRow) => (occurredAt === null ? '–' : dateTime(occurredAt)) },
  { name: 'Type', cell: ({ type }: EventRow) => type },
  { name: 'Stream', cell: ({ stream }: EventRow) => stream ?? '–' },
  {
    name: 'Request',
    cell: ({ correlation }: EventRow) =>
      correlation === null ? '–' : <a href={hrefOf('requests', correlation)}>{correlation.slice(0, 10)}</a>,
  },
  { name: 'Content', cell: (row: EventRow) => <Json name="JSON" value={row} /> },
]
