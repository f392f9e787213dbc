/**
 * The table of requests: one row for each that has ended. Tokens and money are sums over its attempts.
 */
import type { RouteChosen } from '#domain/decisions.ts'
import type { AttemptFailed, AttemptSucceeded, DomainEvent, RequestAdmitted } from '#domain/events.ts'
import { requestKind } from '#domain/request-kind.ts'
import { addUsage, noUsage, type Usage } from '#domain/usage.ts'
import type { ExportTable, Row } from './column.ts'

/** A request under way. */
interface Open {
  readonly request: RequestAdmitted
  readonly admittedAt: number
  route: RouteChosen | undefined
  attempts: number
  provider: string | null
  model: string | null
  /** Of the newest attempt, epoch ms. */
  attemptAt: number
  reason: string | null
  usage: Usage
  costNanoUsd: number
  unpriced: number
  isEstimated: boolean
}

export const requestsTable: ExportTable = {
  time: 'admittedAt',
  types: [
    'RequestAdmitted',
    'RouteChosen',
    'AttemptStarted',
    'AttemptSucceeded',
    'AttemptFailed',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
  ],
  columns: [
    { name: 'requestId', type: 'text', about: 'Its id, as in `x-signalbox-request-id`.' },
    { name: 'admittedAt', type: 'time', about: 'When it came.' },
    { name: 'endedAt', type: 'time', about: 'When its answer was complete, or nobody could give one.' },
    { name: 'outcome', type: 'text', about: '`succeeded`, `failed`, `cancelled` or `abandoned` (the process died).' },
    { name: 'status', type: 'integer', about: 'The HTTP status that the client got, where it got one.' },
    { name: 'reason', type: 'text', about: 'Why it failed, or why its last failed attempt did.' },
    { name: 'model', type: 'text', about: 'As the client asked for it.' },
    { name: 'kind', type: 'text', about: '`main`, `agent` or `background`.' },
    { name: 'sessionId', type: 'text', about: 'The session of Claude Code.' },
    { name: 'agentId', type: 'text', about: 'The sub-agent.' },
    { name: 'parentAgentId', type: 'text', about: 'The agent that started it.' },
    { name: 'clientKey', type: 'text', about: 'Name of the client key.' },
    { name: 'project', type: 'text', about: 'What the client says it works on.' },
    { name: 'stream', type: 'flag', about: 'It asked for a stream.' },
    { name: 'bodyBytes', type: 'integer', about: 'Size of its body.' },
    { name: 'messages', type: 'integer', about: 'Messages in it.' },
    { name: 'tools', type: 'integer', about: 'Tools in it.' },
    { name: 'images', type: 'integer', about: 'Images in it.' },
    { name: 'maxTokens', type: 'integer', about: 'The longest answer that it allows, in tokens.' },
    { name: 'strategy', type: 'text', about: 'The strategy that routed it.' },
    { name: 'rule', type: 'text', about: 'The routing rule that fits it.' },
    { name: 'policyVersion', type: 'integer', about: 'The policy that was in force.' },
    { name: 'firstProvider', type: 'text', about: 'First of its route.' },
    {
      name: 'propensity',
      type: 'number',
      about: 'Probability with which that one was first, before the draw was known.',
    },
    { name: 'attempts', type: 'integer', about: 'Attempts that were started.' },
    { name: 'provider', type: 'text', about: 'Who served it, or was tried last.' },
    { name: 'servedModel', type: 'text', about: 'The model that answered, or was asked last, by the provider’s name.' },
    {
      name: 'ttftMs',
      type: 'number',
      about: 'From its coming to the first content, in ms; of whole answers, to their end.',
    },
    { name: 'durationMs', type: 'number', about: 'From its coming to its end, in ms.' },
    { name: 'inputTokens', type: 'integer', about: 'Tokens of prompts outside any cache.' },
    { name: 'outputTokens', type: 'integer', about: 'Tokens of answers.' },
    { name: 'cacheReadTokens', type: 'integer', about: 'Tokens read from the cache.' },
    { name: 'cacheWrite5mTokens', type: 'integer', about: 'Tokens written to the cache for five minutes.' },
    { name: 'cacheWrite1hTokens', type: 'integer', about: 'Tokens written to the cache for an hour.' },
    { name: 'costNanoUsd', type: 'integer', about: 'Cost in billionths of a US dollar, as far as it is known.' },
    { name: 'unpriced', type: 'integer', about: 'Attempts whose cost nobody knows.' },
    { name: 'estimated', type: 'flag', about: 'A part of the cost is an estimate.' },
  ],
  start: () => {
    const open = new Map<string, Open>()
    return ({ event, occurredAt }) => {
      if (event._tag === 'RequestAdmitted') {
        open.set(event.requestId, opened(event, occurredAt))
        return undefined
      }
      const request = 'requestId' in event ? open.get(event.requestId) : undefined
      if (request === undefined) return undefined
      const end = follow(request, event, occurredAt)
      if (end === undefined) return undefined
      open.delete(request.request.requestId)
      return rowOf(request, end, occurredAt)
    }
  },
}

const opened = (request: RequestAdmitted, admittedAt: number): Open => ({
  ...{ request, admittedAt, route: undefined, attempts: 0, provider: null, model: null, attemptAt: admittedAt },
  ...{ reason: null, usage: noUsage, costNanoUsd: 0, unpriced: 0, isEstimated: false },
})

interface End {
  readonly outcome: 'succeeded' | 'failed' | 'cancelled' | 'abandoned'
  readonly status: number | null
  readonly ttftMs: number | null
}

/** Takes an event of the request in, in place; answers how it ended, when it did. */
const follow = (open: Open, event: DomainEvent, at: number): End | undefined => {
  switch (event._tag) {
    case 'RouteChosen':
      open.route = event
      return undefined
    case 'AttemptStarted':
      open.attempts += 1
      open.provider = event.provider
      open.model = event.model
      open.attemptAt = at
      return undefined
    case 'AttemptFailed':
      open.reason = event.reason._tag
      if (event.usage !== undefined) open.usage = addUsage(open.usage, event.usage)
      charge(open, event.costNanoUsd, event.estimated === true)
      return undefined
    case 'AttemptSucceeded':
      open.model = event.model
      open.usage = addUsage(open.usage, event.usage)
      charge(open, chargeOf(event), false)
      return { outcome: 'succeeded', status: event.status, ttftMs: open.attemptAt - open.admittedAt + event.ttftMs }
    case 'RequestFailed':
      open.reason = event.reason._tag
      return { outcome: 'failed', status: event.status, ttftMs: null }
    case 'RequestCancelled':
      return { outcome: 'cancelled', status: null, ttftMs: null }
    case 'RequestAbandoned':
      if (event.provider !== undefined) charge(open, event.costNanoUsd, true)
      return { outcome: 'abandoned', status: null, ttftMs: null }
    default:
      return undefined
  }
}

/** What a provider says it charged counts before what we think. */
export const chargeOf = ({ reportedCostNanoUsd, costNanoUsd }: AttemptSucceeded): number | undefined =>
  reportedCostNanoUsd ?? costNanoUsd

const charge = (open: Open, nanoUsd: AttemptFailed['costNanoUsd'], isEstimated: boolean): void => {
  if (nanoUsd === undefined) open.unpriced += 1
  else open.costNanoUsd += nanoUsd
  if (isEstimated) open.isEstimated = true
}

const rowOf = (open: Open, { outcome, status, ttftMs }: End, endedAt: number): Row => {
  const { request, route, admittedAt, usage } = open
  const { requestId, model, stream, bodyBytes, messages, tools, images } = request
  const { inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage
  return {
    ...{ requestId, admittedAt, endedAt, outcome, status, reason: open.reason },
    ...{ model, kind: requestKind(request), sessionId: request.sessionId ?? null, agentId: request.agentId ?? null },
    ...{ parentAgentId: request.parentAgentId ?? null, clientKey: request.clientKey ?? null },
    ...{ project: request.project ?? null, stream, bodyBytes, messages, tools, images },
    ...{ maxTokens: request.maxTokens ?? null, strategy: route?.strategy ?? null, rule: route?.rule ?? null },
    ...{ policyVersion: route?.policyVersion ?? null, firstProvider: route?.order[0] ?? null },
    ...{ propensity: route?.propensity ?? null, attempts: open.attempts, provider: open.provider },
    ...{ servedModel: open.model, ttftMs, durationMs: endedAt - admittedAt },
    ...{ inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens },
    ...{ costNanoUsd: open.costNanoUsd, unpriced: open.unpriced, estimated: open.isEstimated },
  }
}
