/**
 * The ledger, attempt by attempt: what each one used and cost, and whose it was. What is told of requests elsewhere is a
 * sum of these, so a figure that somebody doubts can be followed to its lines.
 */
import { canonicalName } from '#domain/claude-models.ts'
import type { AttemptFailed, AttemptSucceeded, RequestAdmitted } from '#domain/events.ts'
import { follow, type OpenRequests } from '#domain/projections/open-attempts.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { type RequestKind, requestKind } from '#domain/request-kind.ts'
import { noUsage, type Usage } from '#domain/usage.ts'

export const OUTCOMES = ['served', 'failed', 'cancelled', 'abandoned'] as const

/** One attempt that has ended. */
export interface LedgerEntry {
  /** Epoch ms. */
  readonly startedAt: number
  readonly endedAt: number
  readonly requestId: string
  /** 1, 2, 3 … of the request. */
  readonly attempt: number
  /** What the client saw as `request-id`: the provider's where it gave one, else ours. */
  readonly seenRequestId: string
  readonly outcome: (typeof OUTCOMES)[number]
  readonly kind: RequestKind
  readonly provider: string
  /** That answered, or was asked; as Anthropic spells it where it is one of Claude's. */
  readonly model: string
  /** As the client asked for it. */
  readonly asked: string
  readonly sessionId?: string
  readonly agentId?: string
  readonly project?: string
  readonly usage: Usage
  /** In billionths of a US dollar; null: nobody knows. */
  readonly costNanoUsd: number | null
  /** The cost, or the output in `usage`, is an estimate. */
  readonly estimated: boolean
}

type Asked = Pick<LedgerEntry, 'kind' | 'asked' | 'sessionId' | 'agentId' | 'project'>

/** Requests under way; as many as are open at once. */
export type OpenEntries = OpenRequests<Asked>

/** The types of events of which entries are made. */
export const ENTRY_TYPES = [
  'RequestAdmitted',
  'AttemptStarted',
  'AttemptSucceeded',
  'AttemptFailed',
  'RequestFailed',
  'RequestCancelled',
  'RequestAbandoned',
] as const

/**
 * Takes the next event in, and answers the entry that it makes. A request whose admission was not among the events makes
 * none. Updates `open` in place.
 */
export const entryOf = (open: OpenEntries, occurred: Occurred): LedgerEntry | undefined => {
  const { event, occurredAt: endedAt } = occurred
  const ended = follow(open, occurred, askedOf)
  if (ended === undefined) return undefined
  const { asked, startedAt, provider } = ended
  const common = { ...asked, startedAt, endedAt }
  switch (event._tag) {
    case 'AttemptSucceeded':
      return {
        ...common,
        ...identity(event),
        outcome: 'served',
        usage: event.usage,
        costNanoUsd: event.reportedCostNanoUsd ?? event.costNanoUsd ?? null,
        estimated: false,
      }
    case 'AttemptFailed':
      return {
        ...common,
        ...identity(event),
        outcome: event.reason._tag === 'Cancelled' ? 'cancelled' : 'failed',
        usage: event.usage ?? noUsage,
        costNanoUsd: event.costNanoUsd ?? null,
        estimated: event.estimated === true,
      }
    case 'RequestAbandoned':
      return {
        ...common,
        ...identity({ ...event, provider, model: ended.model, attempt: event.attempts }),
        outcome: 'abandoned',
        usage: noUsage,
        costNanoUsd: event.costNanoUsd ?? null,
        estimated: true,
      }
    default:
      return undefined
  }
}

/** Whether it used or cost anything, or served. What a provider refused is free, and no part of a bill. */
export const isBilled = ({ outcome, usage, costNanoUsd }: LedgerEntry): boolean =>
  outcome === 'served' || (costNanoUsd ?? 0) > 0 || promptTokens(usage) + usage.outputTokens > 0

/** The whole prompt, however it was billed. */
export const promptTokens = (usage: Pick<Usage, Exclude<keyof typeof noUsage, 'outputTokens'>>): number =>
  usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens

const askedOf = (request: RequestAdmitted): Asked => {
  const { model: asked, sessionId, agentId, project } = request
  return {
    asked,
    kind: requestKind(request),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(project === undefined ? {} : { project }),
  }
}

type Attempt = Pick<AttemptSucceeded | AttemptFailed, 'requestId' | 'attempt' | 'provider' | 'model'> &
  Pick<AttemptSucceeded, 'upstreamRequestId'>

const identity = ({ requestId, attempt, provider, model, upstreamRequestId }: Attempt) => ({
  ...{ requestId, attempt, provider },
  seenRequestId: upstreamRequestId ?? requestId,
  model: canonicalName(model) ?? model,
})
