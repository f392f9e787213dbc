/**
 * A session as the tree of its agents, with what each cost, and its requests.
 */
import type { AgentBook } from '#domain/books-query.ts'
import { lineOf } from '../api/requests.ts'
import { fetchSession } from '../api/sessions.ts'
import { boxNow } from '../clock.ts'
import { Answered } from '../components/answered.tsx'
import { plural, short, usd } from '../format.ts'
import { hrefOf, place } from '../router.ts'
import { useAnswer } from '../use-answer.ts'
import { RequestTable } from './request-table.tsx'

export const Session = () => {
  const id = place.value.id ?? ''
  const asked = useAnswer(`session ${id}`, (signal) => fetchSession(id, signal))
  return (
    <>
      <p>
        <a href={hrefOf('requests')}>All requests</a>
      </p>
      <h1 class="long">Session {id}</h1>
      <Answered asked={asked} what="session">
        {({ root, requests }) => (
          <>
            <h2>Agents</h2>
            <ul class="tree">
              <Agent agent={root} />
            </ul>
            <h2>Requests</h2>
            <RequestTable caption="The newest first" rows={requests.map(lineOf)} now={boxNow.value} />
          </>
        )}
      </Answered>
    </>
  )
}

const Agent = ({ agent }: { readonly agent: AgentBook }) => {
  const { agentId, sums, branch, agents } = agent
  return (
    <li data-agent={agentId ?? 'main'}>
      <div class="agent">
        <strong>{agentId === null ? 'the conversation itself' : `agent ${agentId}`}</strong>{' '}
        <span>
          {plural(sums.requests, 'request')}, {short(sums.inputTokens + sums.cacheReadTokens)} tokens in,{' '}
          {short(sums.outputTokens)} out
        </span>{' '}
        <span class="number">{usd(sums.costNanoUsd)}</span>
        {agents.length === 0 ? null : <span class="quiet"> with all below it {usd(branch.costNanoUsd)}</span>}
      </div>
      {agents.length === 0 ? null : (
        <ul class="tree">
          {agents.map((below) => (
            <Agent key={below.agentId} agent={below} />
          ))}
        </ul>
      )}
    </li>
  )
}
