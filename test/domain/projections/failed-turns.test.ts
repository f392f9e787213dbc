import { describe, expect, it } from 'vitest'
import type { DomainEvent, RequestAdmitted } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import {
  AGAIN_WITHIN_MS,
  CONVERSATIONS_KEPT,
  type FailedTurns,
  failedBefore,
  failedTurns,
} from '#domain/projections/failed-turns.ts'
import { served } from '#test/generators.ts'

const admitted = (more: Partial<RequestAdmitted> = {}): RequestAdmitted => ({
  _tag: 'RequestAdmitted',
  requestId: requestId('req_1'),
  model: modelId('claude-x'),
  stream: true,
  bodyBytes: 1,
  messages: 5,
  tools: 1,
  images: 0,
  sessionId: 's',
  draw: 0,
  ...more,
})

const attempt = { requestId: requestId('req_1'), attempt: 1, provider: providerId('a'), model: modelId('m') } as const
type Failed = Extract<DomainEvent, { readonly _tag: 'AttemptFailed' }>
const failed = (reason: Failed['reason'], stage: Failed['stage'] = 'S0'): Failed => ({
  _tag: 'AttemptFailed',
  ...attempt,
  reason,
  stage,
  durationMs: 1,
  draw: 0,
})
const over: DomainEvent = {
  _tag: 'RequestFailed',
  requestId: requestId('req_1'),
  attempts: 1,
  status: 529,
  reason: { _tag: 'Unknown' },
}

const fold = (events: readonly DomainEvent[], state: FailedTurns = failedTurns.initial()): FailedTurns =>
  events.reduce((folded, event, n) => failedTurns.evolve(folded, { event, occurredAt: n, writer: 'w' }), state)

describe('a turn that has failed', () => {
  const overloaded = failed({ _tag: 'Overloaded' })

  it('is recognised when its conversation sends it again, streamed or not, within a minute', () => {
    const state = fold([admitted(), overloaded, over])
    expect(failedBefore(state, admitted({ stream: false }), 10)).toBe('a')
    expect(failedBefore(state, admitted(), 2 + AGAIN_WITHIN_MS)).toBe('a')
    expect(failedBefore(state, admitted(), 3 + AGAIN_WITHIN_MS)).toBeUndefined()
  })

  it.each<readonly [string, Partial<RequestAdmitted>]>([
    ['another turn', { messages: 7 }],
    ['another session', { sessionId: 'other' }],
    ['a sub-agent of the same session', { agentId: 'agent' }],
  ])('is not %s', (_, more) => {
    expect(failedBefore(fold([admitted(), overloaded, over]), admitted(more), 10)).toBeUndefined()
  })

  it('is nobody without a session', () => {
    const { sessionId: _, ...stranger } = admitted()
    expect(failedBefore(fold([stranger, overloaded, over]), stranger, 10)).toBeUndefined()
  })

  it('names the last provider that failed it by its own fault, or in the middle of the answer', () => {
    const second = { ...failed({ _tag: 'RateLimited' }), provider: providerId('b') }
    expect(failedBefore(fold([admitted(), overloaded, second, over]), admitted(), 10)).toBe('a')
    const brokenOff = { ...failed({ _tag: 'RateLimited' }, 'S2'), provider: providerId('b') }
    expect(failedBefore(fold([admitted(), overloaded, brokenOff, over]), admitted(), 10)).toBe('b')
    expect(failedBefore(fold([admitted(), failed({ _tag: 'InvalidRequest' }), over]), admitted(), 10)).toBeUndefined()
  })

  it('is over once the conversation was served, and was none where another provider served', () => {
    const success: DomainEvent = { _tag: 'AttemptSucceeded', ...attempt, ...served, durationMs: 1 }
    expect(failedBefore(fold([admitted(), overloaded, success]), admitted(), 10)).toBeUndefined()
    expect(failedBefore(fold([admitted(), overloaded, over, admitted(), success]), admitted(), 10)).toBeUndefined()
  })

  it('that the client itself gave up blames nobody', () => {
    const left: DomainEvent = { _tag: 'RequestCancelled', requestId: requestId('req_1'), attempts: 1, by: 'client' }
    const state = fold([admitted(), failed({ _tag: 'Cancelled', by: 'client' }, 'S2'), left])
    expect(failedBefore(state, admitted(), 10)).toBeUndefined()
    expect(state.open.size).toBe(0)
  })

  it('is forgotten when many others have failed since', () => {
    const state = fold([admitted(), overloaded, over])
    for (let n = 0; n < CONVERSATIONS_KEPT; n++) fold([admitted({ sessionId: `s${n}` }), overloaded, over], state)
    expect(state.failed.size).toBe(CONVERSATIONS_KEPT)
    expect(failedBefore(state, admitted(), 10)).toBeUndefined()
  })
})
