/**
 * Requests: filtered, in pages, and as they come.
 */
import { useState } from 'preact/hooks'
import type { Answer } from '../api/ask.ts'
import { fetchRequests, type RequestFilter, type RequestPage } from '../api/requests.ts'
import { boxNow } from '../clock.ts'
import { Answered } from '../components/answered.tsx'
import { FilterField, FilterSelect } from '../components/filter.tsx'
import { place } from '../router.ts'
import { useAnswer } from '../use-answer.ts'
import { OUTCOME_NAMES } from '../words.ts'
import { RequestTable } from './request-table.tsx'

const PAGE = 50

const filterOf = (query: URLSearchParams): RequestFilter => ({
  provider: query.get('provider'),
  outcome: query.get('outcome'),
  session: query.get('session'),
  model: query.get('model'),
  key: query.get('key'),
  project: query.get('project'),
  limit: PAGE,
})

export const Requests = () => {
  const filter = filterOf(place.value.query)
  const question = JSON.stringify(filter)
  return (
    <>
      <h1>Requests</h1>
      <form class="filters" aria-label="Filter" onSubmit={(event) => event.preventDefault()}>
        <FilterField name="provider" label="Provider" />
        <FilterSelect name="outcome" label="Outcome" options={Object.entries(OUTCOME_NAMES)} />
        <FilterField name="session" label="Session" />
        <FilterField name="model" label="Model" />
        <FilterField name="key" label="Key" />
        <FilterField name="project" label="Project" />
      </form>
      <List key={question} question={question} filter={filter} />
    </>
  )
}

const List = ({ question, filter }: { readonly question: string; readonly filter: RequestFilter }) => {
  const [cursors, setCursors] = useState<readonly (string | number)[]>([])
  const cursor = cursors.at(-1) ?? null
  // Older pages do not change while one reads them; the first one is the live tail.
  const asked = useAnswer<RequestPage>(
    `${question} ${cursor}`,
    (signal): Promise<Answer<RequestPage>> => fetchRequests({ ...filter, cursor }, signal),
    cursor === null ? 'quick' : 'never',
  )
  return (
    <Answered asked={asked} what="requests">
      {({ rows, next }) => (
        <>
          <RequestTable
            caption={cursor === null ? 'The newest first; new ones appear by themselves' : 'Older requests'}
            rows={rows}
            now={boxNow.value}
          />
          <nav class="buttons" aria-label="Pages">
            <button
              type="button"
              disabled={cursors.length === 0}
              onClick={() => setCursors((before) => before.slice(0, -1))}
            >
              Newer
            </button>
            <button
              type="button"
              disabled={next === null}
              onClick={() => {
                if (next !== null) setCursors((before) => [...before, next])
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
