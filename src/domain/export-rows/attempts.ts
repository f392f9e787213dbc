/**
 * The table of attempts: one row for each that has ended, also those that failed or were given up.
 */
import type { AttemptFailed, AttemptStarted, AttemptSucceeded, DomainEvent } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ExportTable, Row } from './column.ts'
import { chargeOf } from './requests.ts'

/** A request under way, with its attempt in flight. */
interface Open {
  readonly asked: string
  attempt: { readonly started: AttemptStarted; readonly at: number } | undefined
}

export const attemptsTable: ExportTable = {
  time: 'startedAt',
  types: [
    'RequestAdmitted',
    'AttemptStarted',
    'AttemptSucceeded',
    'AttemptFailed',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
  ],
  columns: [
    { name: 'requestId', type: 'text', about: 'The request that it was made for.' },
    { name: 'attempt', type: 'integer', about: '1 for the first, 2 and more for fallbacks.' },
    { name: 'startedAt', type: 'time', about: 'When it was sent.' },
    { name: 'endedAt', type: 'time', about: 'When it ended.' },
    { name: 'provider', type: 'text', about: 'Who was asked.' },
    { name: 'askedModel', type: 'text', about: 'The model that the client asked for.' },
    { name: 'model', type: 'text', about: 'The model that answered, or was asked, by the provider’s name.' },
    { name: 'outcome', type: 'text', about: '`succeeded`, `failed`, `cancelled` or `abandoned` (the process died).' },
    { name: 'reason', type: 'text', about: 'Why it failed.' },
    { name: 'status', type: 'integer', about: 'The status that the provider answered with, where it is known.' },
    { name: 'stage', type: 'text', about: 'How far a failed answer had come, `S0` to `S3` (docs/adr/0008).' },
    { name: 'ttftMs', type: 'number', about: 'From its start to the first content, in ms.' },
    { name: 'durationMs', type: 'number', about: 'From its start to its end, in ms.' },
    { name: 'probe', type: 'flag', about: 'It was to find out whether the provider is well again.' },
    { name: 'lastResort', type: 'flag', about: 'It was made although every circuit was open.' },
    {
      name: 'estimatedInputTokens',
      type: 'integer',
      about: 'Tokens of the prompt outside the cache, as estimated before.',
    },
    { name: 'expectedNanoUsd', type: 'integer', about: 'Its cost as expected before, in billionths of a US dollar.' },
    { name: 'switchNanoUsd', type: 'integer', about: 'Of that, because the cache was with another provider.' },
    { name: 'inputTokens', type: 'integer', about: 'Tokens of the prompt outside any cache.' },
    { name: 'outputTokens', type: 'integer', about: 'Tokens of the answer.' },
    { name: 'cacheReadTokens', type: 'integer', about: 'Tokens read from the cache.' },
    { name: 'cacheWrite5mTokens', type: 'integer', about: 'Tokens written to the cache for five minutes.' },
    { name: 'cacheWrite1hTokens', type: 'integer', about: 'Tokens written to the cache for an hour.' },
    { name: 'costNanoUsd', type: 'integer', about: 'What it cost, in billionths of a US dollar; null: nobody knows.' },
    {
      name: 'cacheSavedNanoUsd',
      type: 'integer',
      about: 'What reading the cache saved, less what writing it cost on top.',
    },
    { name: 'estimated', type: 'flag', about: 'Cost or output is an estimate.' },
    { name: 'stopReason', type: 'text', about: 'Why the answer ended.' },
    { name: 'responseBytes', type: 'integer', about: 'Size of the answer.' },
    { name: 'upstreamRequestId', type: 'text', about: 'What the provider calls it.' },
  ],
  start: () => {
    const open = new Map<string, Open>()
    return ({ event, occurredAt }) => {
      if (event._tag === 'RequestAdmitted') {
        open.set(event.requestId, { asked: event.model, attempt: undefined })
        return undefined
      }
      const request = 'requestId' in event ? open.get(event.requestId) : undefined
      if (request === undefined) return undefined
      return follow(open, request, event, occurredAt)
    }
  },
}

const follow = (all: Map<string, Open>, open: Open, event: DomainEvent, at: number): Row | undefined => {
  const { attempt } = open
  switch (event._tag) {
    case 'AttemptStarted':
      open.attempt = { started: event, at }
      return undefined
    case 'AttemptSucceeded':
      all.delete(event.requestId)
      return attempt && { ...rowOf(open, attempt, at), ...succeeded(event) }
    case 'AttemptFailed':
      open.attempt = undefined
      return attempt && { ...rowOf(open, attempt, at), ...failed(event) }
    case 'RequestAbandoned':
      all.delete(event.requestId)
      return attempt && { ...rowOf(open, attempt, at), ...abandoned(event) }
    case 'RequestFailed':
    case 'RequestCancelled':
      all.delete(event.requestId)
      return undefined
    default:
      return undefined
  }
}

/** What was known when it was sent; what its end tells comes over it. */
const rowOf = ({ asked }: Open, { started, at }: NonNullable<Open['attempt']>, endedAt: number): Row => {
  const { requestId, attempt, provider, model } = started
  return {
    ...{ requestId, attempt, startedAt: at, endedAt, provider, askedModel: asked, model },
    ...{ outcome: null, reason: null, status: null, stage: null, ttftMs: null, durationMs: endedAt - at },
    ...{ probe: started.probe !== undefined, lastResort: started.lastResort === true },
    ...{ estimatedInputTokens: started.inputTokens ?? null, expectedNanoUsd: started.expectedNanoUsd ?? null },
    ...{ switchNanoUsd: started.switchNanoUsd ?? null, inputTokens: null, outputTokens: null, cacheReadTokens: null },
    ...{ cacheWrite5mTokens: null, cacheWrite1hTokens: null, costNanoUsd: null, cacheSavedNanoUsd: null },
    ...{ estimated: false, stopReason: null, responseBytes: null, upstreamRequestId: null },
  }
}

const succeeded = (event: AttemptSucceeded): Row => ({
  ...tokensOf(event.usage),
  ...{ model: event.model, outcome: 'succeeded', status: event.status, ttftMs: event.ttftMs },
  ...{ durationMs: event.durationMs, costNanoUsd: chargeOf(event) ?? null },
  ...{ cacheSavedNanoUsd: event.cacheSavedNanoUsd ?? null, stopReason: event.stopReason },
  ...{ responseBytes: event.responseBytes, upstreamRequestId: event.upstreamRequestId ?? null },
})

const failed = (event: AttemptFailed): Row => ({
  ...tokensOf(event.usage),
  ...{ model: event.model, outcome: event.reason._tag === 'Cancelled' ? 'cancelled' : 'failed' },
  ...{ reason: event.reason._tag, status: statusOf(event.reason), stage: event.stage, durationMs: event.durationMs },
  ...{ costNanoUsd: event.costNanoUsd ?? null, estimated: event.estimated === true },
  upstreamRequestId: event.upstreamRequestId ?? null,
})

const abandoned = ({ costNanoUsd }: Extract<DomainEvent, { readonly _tag: 'RequestAbandoned' }>): Row => ({
  ...{ outcome: 'abandoned', costNanoUsd: costNanoUsd ?? null, estimated: costNanoUsd !== undefined },
  // When it was found says nothing of how long it took.
  durationMs: null,
})

const statusOf = (reason: FailureReason): number | null => ('status' in reason ? (reason.status ?? null) : null)

const tokensOf = (usage: AttemptFailed['usage']): Row => {
  if (usage === undefined) return {}
  const { inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage
  return { inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens }
}
