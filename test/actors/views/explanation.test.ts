/**
 * Reading a request's events back: the route in terms of its candidates, the attempts, the end.
 */
import { describe, expect, it } from 'vitest'
import { explain, type Happened } from '#actors/views/explanation.ts'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultPolicy } from '#domain/policy.ts'
import { served } from '#test/generators.ts'

const id = requestId('req_1')
const [alpha, beta, gamma] = [providerId('alpha'), providerId('beta'), providerId('gamma')]
const model = modelId('claude-opus-5-5')
const { weights } = defaultPolicy.routing

const admitted: DomainEvent = {
  ...{ _tag: 'RequestAdmitted', requestId: id, model, stream: true, bodyBytes: 10, messages: 1, tools: 0, images: 0 },
  draw: 0.25,
}
const routed: DomainEvent = {
  ...{ _tag: 'RouteChosen', requestId: id, strategy: 'intelligent', policyVersion: 4, order: [alpha, beta] },
  factors: { headroom: [0.9, 0.5], score: [0.8, -1], share: [1, 0.4], costNanoUsd: [120, -1], cachedTokens: [7, -1] },
  skipped: [{ provider: gamma, reason: 'limitReached', until: 5_000 }],
  propensity: 0.5,
}
const started = (attempt: number, provider: typeof alpha): DomainEvent => ({
  ...{ _tag: 'AttemptStarted', requestId: id, attempt, provider, model },
})
const failed: DomainEvent = {
  ...{ _tag: 'AttemptFailed', requestId: id, attempt: 1, provider: alpha, model, stage: 'S0', durationMs: 9, draw: 0 },
  reason: { _tag: 'Overloaded', status: 529 },
}
const succeeded: DomainEvent = {
  ...{ _tag: 'AttemptSucceeded', requestId: id, attempt: 2, provider: beta, model, ...served, durationMs: 5 },
}

/** One event a millisecond. */
const happened = (...events: readonly DomainEvent[]): readonly Happened[] =>
  events.map((event, n) => ({ event, occurredAt: 1_000 + n }))

describe('the explanation of a request', () => {
  it('lays the columns of the decision out by candidate, and names what is not known as such', () => {
    expect(explain(happened(admitted, routed), weights)?.route).toEqual({
      ...{ strategy: 'intelligent', rule: null, policyVersion: 4, weights, draw: 0.25, propensity: 0.5 },
      candidates: [
        { provider: alpha, score: 0.8, share: 1, factors: { headroom: 0.9 }, costNanoUsd: 120, cachedTokens: 7 },
        { provider: beta, score: null, share: 0.4, factors: { headroom: 0.5 }, costNanoUsd: null, cachedTokens: null },
      ],
      skipped: [{ provider: gamma, reason: 'limitReached', until: 5_000 }],
      ...{ lastResort: false, regretNanoUsd: null, stepDown: null, queue: null, shadow: null },
    })
  })

  it('shows what a shadow policy would have done, beside what was done', () => {
    const shadow = { order: [beta, alpha], expectedNanoUsd: 90, expectedTtftMs: 700, liveTtftMs: 900 }
    const beside = (more: object) => explain(happened(admitted, { ...routed, shadow, ...more } as DomainEvent), weights)
    expect(beside({})?.route?.shadow).toEqual({
      ...{ order: [beta, alpha], isSame: false },
      ...{ costNanoUsd: { live: 120, shadow: 90 }, ttftMs: { live: 900, shadow: 700 } },
    })
    expect(beside({ shadow: { order: [alpha], expectedTtftMs: 900 } })?.route?.shadow).toEqual({
      ...{ order: [alpha], isSame: true },
      ...{ costNanoUsd: { live: 120, shadow: 120 }, ttftMs: { live: 900, shadow: 900 } },
    })
    expect(beside({ order: [], shadow: { order: [] } })?.route?.shadow).toBeNull()
  })

  it('shows weights only where the strategy has weighed', () => {
    const byOrder = { ...routed, strategy: 'priority' } as DomainEvent
    expect(explain(happened(admitted, byOrder), weights)?.route?.weights).toBeNull()
  })

  it('follows the attempts to the one that served', () => {
    const story = happened(admitted, routed, started(1, alpha), failed, started(2, beta), succeeded)
    expect(explain(story, weights)).toMatchObject({
      ...{ requestId: id, model, admittedAt: 1_000 },
      attempts: [
        { attempt: 1, provider: alpha, startedAt: 1_002, endedAt: 1_003, outcome: 'failed', reason: { status: 529 } },
        { attempt: 2, provider: beta, startedAt: 1_004, endedAt: 1_005, outcome: 'succeeded', ttftMs: served.ttftMs },
      ],
      ...{ outcome: 'succeeded', endedAt: 1_005, servedBy: beta, status: served.status, reason: null },
    })
  })

  it('tells how far a request is that is under way', () => {
    const explanation = explain(happened(admitted, routed, started(1, alpha)), weights)
    expect(explanation).toMatchObject({ outcome: 'inFlight', endedAt: null, attempts: [{ outcome: 'inFlight' }] })
  })

  it.each<[DomainEvent, object]>([
    [
      { _tag: 'RequestFailed', requestId: id, attempts: 1, status: 529, reason: { _tag: 'Overloaded' } },
      { outcome: 'failed', status: 529, reason: { _tag: 'Overloaded' } },
    ],
    [
      { _tag: 'RequestCancelled', requestId: id, attempts: 1, by: 'client' },
      { outcome: 'cancelled', status: null },
    ],
    [
      { _tag: 'RequestAbandoned', requestId: id, attempts: 1 },
      { outcome: 'abandoned', status: null },
    ],
  ])('knows the end %j', (end, expected) => {
    expect(explain(happened(admitted, routed, end), weights)).toMatchObject({
      ...expected,
      servedBy: null,
      endedAt: 1_002,
    })
  })

  it('is none without an admission', () => {
    expect(explain([], weights)).toBeUndefined()
    expect(explain(happened(routed), weights)).toBeUndefined()
  })
})
