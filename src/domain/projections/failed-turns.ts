/**
 * Turns that have just failed, by conversation: a client whose turn failed sends it again, as a stream or, within seconds, as
 * its twin that is none (wire 5). It is recognised by its conversation and its number of messages, and goes to another
 * provider than the one that failed it.
 */
import type { RequestAdmitted } from '#domain/events.ts'
import { countsAgainst } from '#domain/failure.ts'
import type { ProviderId, RequestId } from '#domain/ids.ts'
import type { Projection } from '#domain/projections/projection.ts'

export interface FailedTurn {
  readonly messages: number
  readonly provider: ProviderId
  /** Epoch ms. */
  readonly at: number
}

interface OpenTurn {
  readonly conversation: string
  readonly messages: number
  /** The last that failed it by its own fault. */
  readonly provider?: ProviderId
}

export interface FailedTurns {
  readonly open: Map<RequestId, OpenTurn>
  /** The one that failed last is the last. */
  readonly failed: Map<string, FailedTurn>
}

/** The longest pause of the client before it sends a turn again: its last delays are 32 s, with a quarter of jitter (wire 5). */
export const AGAIN_WITHIN_MS = 60_000
export const CONVERSATIONS_KEPT = 2_000

export type Turn = Pick<RequestAdmitted, 'sessionId' | 'agentId' | 'messages'>

/** Requests without a session cannot be told apart. */
const conversationOf = ({ sessionId, agentId }: Turn): string | undefined =>
  sessionId === undefined ? undefined : JSON.stringify([sessionId, agentId ?? ''])

export const failedTurns: Projection<FailedTurns> = {
  name: 'failedTurns',
  version: 1,
  hears: [
    'RequestAdmitted',
    'AttemptFailed',
    'AttemptSucceeded',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
  ],
  initial: () => ({ open: new Map(), failed: new Map() }),
  evolve: (state, { event, occurredAt }) => {
    const { open, failed } = state
    switch (event._tag) {
      case 'RequestAdmitted': {
        const conversation = conversationOf(event)
        if (conversation !== undefined) open.set(event.requestId, { conversation, messages: event.messages })
        break
      }
      case 'AttemptFailed': {
        const turn = open.get(event.requestId)
        // What broke off in the middle is the provider's, whatever it calls it.
        const isProviders = countsAgainst(event.reason) === 'provider' || event.stage === 'S2' || event.stage === 'S3'
        if (turn !== undefined && isProviders && event.reason._tag !== 'Cancelled') {
          open.set(event.requestId, { ...turn, provider: event.provider })
        }
        break
      }
      case 'AttemptSucceeded': {
        const turn = open.get(event.requestId)
        open.delete(event.requestId)
        if (turn !== undefined) failed.delete(turn.conversation)
        break
      }
      case 'RequestFailed': {
        const turn = open.get(event.requestId)
        open.delete(event.requestId)
        if (turn?.provider === undefined) break
        failed.delete(turn.conversation)
        failed.set(turn.conversation, { messages: turn.messages, provider: turn.provider, at: occurredAt })
        const [oldest] = failed.keys()
        if (oldest !== undefined && failed.size > CONVERSATIONS_KEPT) failed.delete(oldest)
        break
      }
      case 'RequestCancelled':
      case 'RequestAbandoned':
        open.delete(event.requestId)
        break
    }
    return state
  },
}

/** Where this very turn has just failed, if it is one that is sent again at `at` (epoch ms). */
export const failedBefore = ({ failed }: FailedTurns, turn: Turn, at: number): ProviderId | undefined => {
  const conversation = conversationOf(turn)
  const last = conversation === undefined ? undefined : failed.get(conversation)
  return last !== undefined && last.messages === turn.messages && at - last.at <= AGAIN_WITHIN_MS
    ? last.provider
    : undefined
}
