import { describe, expect, it } from 'vitest'
import { explained } from '#cli/explain.ts'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { served } from '#test/generators.ts'

const id = requestId('req_1')
const T0 = Date.UTC(2026, 10, 25, 14, 3)
const [a, b, c] = [providerId('alpha'), providerId('beta'), providerId('gamma')]

const story: readonly (readonly [number, DomainEvent])[] = [
  [
    0,
    {
      _tag: 'RequestAdmitted',
      requestId: id,
      model: modelId('claude-opus-5-5'),
      stream: true,
      bodyBytes: 49_000,
      messages: 3,
      tools: 12,
      images: 0,
      sessionId: 's-1',
      draw: 0.1,
    },
  ],
  [
    0,
    {
      _tag: 'RouteChosen',
      requestId: id,
      strategy: 'intelligent',
      rule: 'helpers',
      policyVersion: 4,
      order: [a, b],
      factors: {
        headroom: [0.9, 0.51234],
        cost: [1, 0.25],
        share: [1, 0.4],
        score: [0.93, 0.4],
        costNanoUsd: [12_345_678, -1],
        cachedTokens: [11_000, 0],
      },
      skipped: [{ provider: c, reason: 'limitReached', until: T0 + 5_000 }],
      propensity: 0.5,
    },
  ],
  [2, { _tag: 'AttemptStarted', requestId: id, attempt: 1, provider: a, model: modelId('claude-opus-5-5') }],
  [
    900,
    {
      _tag: 'AttemptFailed',
      requestId: id,
      attempt: 1,
      provider: a,
      model: modelId('m'),
      reason: { _tag: 'Overloaded', status: 529 },
      stage: 'S0',
      durationMs: 898,
      draw: 0,
    },
  ],
  [
    901,
    { _tag: 'AttemptStarted', requestId: id, attempt: 2, provider: b, model: modelId('anthropic/claude-opus-5.5') },
  ],
  [
    2_500,
    {
      _tag: 'AttemptSucceeded',
      requestId: id,
      attempt: 2,
      provider: b,
      model: modelId('m'),
      ...served,
      durationMs: 1_599,
    },
  ],
]

describe('the explanation of a request', () => {
  it('tells what was asked, why this order, why not the others, and what happened', () => {
    const text = explained(
      story.map(([after, event]) => ({ event, occurredAt: T0 + after })),
      { headroom: 0.4, performance: 0.3, cost: 0.2, reliability: 0.1 },
    ).join('\n')
    expect(text).toBe(
      [
        '2026-11-25T14:03:00.000Z  claude-opus-5-5, streamed, 3 messages, 12 tools, 49000 bytes, session s-1',
        '',
        'Route by intelligent, rule helpers, policy 4, draw 0.1',
        '  Weights: headroom 0.4, performance 0.3, cost 0.2, reliability 0.1',
        '      PROVIDER  SCORE  HEADROOM  COST  ESTIMATE  CACHED  SHARE',
        '  1.  alpha     0.93   0.9       1     $0.0123   11000   100 %',
        '  2.  beta      0.4    0.512     0.25  unknown   0       40 %',
        '  The first came first with probability 0.5.',
        'Not considered',
        '  gamma  has no room left in its limits  until 2026-11-25T14:03:05.000Z',
        '',
        '+2 ms      attempt 1 at alpha, asked for claude-opus-5-5',
        '+900 ms    failed at alpha: overloaded (529)',
        '+901 ms    attempt 2 at beta, asked for anthropic/claude-opus-5.5',
        '+2500 ms   served by beta: first content after 100 ms, 13 tokens in (3 from the cache), 2 out',
      ].join('\n'),
    )
  })
})
