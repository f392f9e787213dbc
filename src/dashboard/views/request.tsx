/**
 * One request: what happened when, who was asked and why.
 */
import { fetchRequest } from '../api/requests.ts'
import { Answered } from '../components/answered.tsx'
import { OutcomeBadge } from '../components/badge.tsx'
import { Capture } from '../components/capture.tsx'
import { Json } from '../components/json.tsx'
import { Route } from '../components/route.tsx'
import { dateTime, milliseconds } from '../format.ts'
import { hrefOf, place } from '../router.ts'
import { useAnswer } from '../use-answer.ts'
import { reasonText } from '../words.ts'
import { AttemptLine } from './attempt-line.tsx'

export const OneRequest = () => {
  const id = place.value.id ?? ''
  const asked = useAnswer(`request ${id}`, (signal) => fetchRequest(id, signal))
  return (
    <>
      <p>
        <a href={hrefOf('requests')}>All requests</a>
      </p>
      <h1 class="long">Request {id}</h1>
      <Answered asked={asked} what="request">
        {({ explanation, events }) => {
          const admitted = events.find(({ event }) => event?._tag === 'RequestAdmitted')?.event
          const session = admitted?._tag === 'RequestAdmitted' ? admitted.sessionId : undefined
          const { admittedAt, endedAt, outcome, reason, route, model, servedBy, status } = explanation
          return (
            <>
              <dl class="facts">
                <dt>Outcome</dt>
                <dd>
                  <OutcomeBadge outcome={outcome} /> {servedBy === null ? '' : `by ${servedBy}`}
                  {status === null ? '' : `, status ${status}`}
                </dd>
                {reason === null ? null : (
                  <>
                    <dt>Reason</dt>
                    <dd>{reasonText(reason)}</dd>
                  </>
                )}
                <dt>Model</dt>
                <dd>{model}</dd>
                <dt>Admitted</dt>
                <dd>{dateTime(admittedAt)}</dd>
                <dt>Took</dt>
                <dd>{endedAt === null ? 'is under way' : milliseconds(endedAt - admittedAt)}</dd>
                <dt>Session</dt>
                <dd>{session === undefined ? 'none' : <a href={hrefOf('sessions', session)}>{session}</a>}</dd>
              </dl>
              <h2>Attempts</h2>
              <AttemptLine explanation={explanation} />
              <h2>Decision</h2>
              {route === null ? <p class="quiet">No route was chosen.</p> : <Route route={route} at={admittedAt} />}
              <h2>Prompt and answer</h2>
              <Capture id={id} />
              <h2>Events</h2>
              <ul class="plain">
                {events.map((row) => (
                  <li key={row.position}>
                    <Json name={`${row.position} ${row.type}`} value={row} />
                  </li>
                ))}
              </ul>
            </>
          )
        }}
      </Answered>
    </>
  )
}
