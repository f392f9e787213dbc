/**
 * What the projection `shadow` counts: agreement, pairs, what was expected of both, and what came of it where they agree.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RouteChosen } from '#domain/decisions.ts'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultPolicy, type Policy, type ShadowRouting } from '#domain/policy.ts'
import { PAIRS_KEPT, type Shadow, shadow } from '#domain/projections/shadow.ts'
import { EPOCH, served } from '#test/generators.ts'

const [alpha, beta] = [providerId('alpha'), providerId('beta')]
const model = modelId('claude-sonnet-5-5')

const policy = (otherwise?: ShadowRouting, routing: Partial<Policy['routing']> = {}): DomainEvent => ({
  ...{ _tag: 'PolicyChanged', version: 1 },
  policy: {
    ...defaultPolicy,
    routing: { ...defaultPolicy.routing, ...routing, ...(otherwise === undefined ? {} : { shadow: otherwise }) },
  },
})
const byCost = policy({ strategy: 'cost' })

const fold = (events: readonly DomainEvent[], from: Shadow = shadow.initial()): Shadow =>
  events.reduce((state, event, n) => shadow.evolve(state, { event, occurredAt: EPOCH + n, writer: 'box' }), from)

const admitted = (n: number, stream = true): DomainEvent => ({
  ...{ _tag: 'RequestAdmitted', requestId: requestId(`req_${n}`), model, stream, bodyBytes: 1, messages: 1, tools: 0 },
  ...{ images: 0, draw: 0 },
})
const routed = (n: number, live: readonly string[], choice: RouteChosen['shadow'], cost = 100): DomainEvent => ({
  ...{ _tag: 'RouteChosen', requestId: requestId(`req_${n}`), strategy: 'intelligent', policyVersion: 1 },
  ...{ order: live.map(providerId), factors: { costNanoUsd: live.map(() => cost) }, skipped: [], propensity: 1 },
  ...(choice === undefined ? {} : { shadow: choice }),
})
const agreeing = (n: number, stream = true): readonly DomainEvent[] => [
  admitted(n, stream),
  routed(n, ['alpha', 'beta'], { order: [alpha, beta], expectedTtftMs: 500 }),
]
const differing = (n: number): readonly DomainEvent[] => [
  admitted(n),
  routed(n, ['alpha'], { order: [beta], expectedNanoUsd: 60, expectedTtftMs: 800, liveTtftMs: 500 }),
]
const succeeded = (n: number, attempt = 1, provider = alpha): DomainEvent => ({
  ...{ _tag: 'AttemptSucceeded', requestId: requestId(`req_${n}`), attempt, provider, model, ...served },
  ...{ ttftMs: 450, durationMs: 900, costNanoUsd: 130 },
})
const failed = (n: number): DomainEvent => ({
  ...{ _tag: 'AttemptFailed', requestId: requestId(`req_${n}`), attempt: 1, provider: alpha, model, stage: 'S0' },
  ...{ reason: { _tag: 'Overloaded' }, durationMs: 5, draw: 0 },
})

describe('the comparison with a shadow policy', () => {
  it('counts whom each would ask first, and sums what was expected of both', () => {
    const state = fold([byCost, ...agreeing(1), ...differing(2), ...differing(3)])
    expect(state).toMatchObject({ since: EPOCH, agreed: 1 })
    expect(state.all).toEqual({
      requests: 3,
      costNanoUsd: { requests: 3, live: 300, shadow: 220 },
      ttftMs: { requests: 3, live: 1_500, shadow: 2_100 },
    })
    expect([...state.pairs.values()]).toEqual([
      {
        ...{ live: alpha, shadow: alpha, requests: 1 },
        ...{ costNanoUsd: { requests: 1, live: 100, shadow: 100 }, ttftMs: { requests: 1, live: 500, shadow: 500 } },
      },
      {
        ...{ live: alpha, shadow: beta, requests: 2 },
        ...{
          costNanoUsd: { requests: 2, live: 200, shadow: 120 },
          ttftMs: { requests: 2, live: 1_000, shadow: 1_600 },
        },
      },
    ])
  })

  it('sums only what is known of both', () => {
    const state = fold([byCost, routed(1, ['alpha'], { order: [beta], expectedTtftMs: 800 }, -1)])
    expect(state.all).toEqual({
      requests: 1,
      costNanoUsd: { requests: 0, live: 0, shadow: 0 },
      ttftMs: { requests: 0, live: 0, shadow: 0 },
    })
  })

  it('leaves out requests that nobody could serve', () => {
    expect(fold([byCost, admitted(1), routed(1, [], { order: [] })]).all.requests).toBe(0)
  })

  it('holds expectations against what came, where both agreed and their choice served', () => {
    const state = fold([byCost, ...agreeing(1), ...differing(2), succeeded(1), succeeded(2)])
    expect(state.foretold).toEqual({
      costNanoUsd: { requests: 1, expected: 100, actual: 130 },
      ttftMs: { requests: 1, expected: 500, actual: 450 },
    })
    expect(state.open.size).toBe(0)
  })

  it('learns nothing of a fallback, nor of the time to the end of a whole answer', () => {
    const fallback = fold([byCost, ...agreeing(1), failed(1), succeeded(1, 2, beta)])
    expect(fallback.foretold.costNanoUsd.requests).toBe(0)
    const whole = fold([byCost, ...agreeing(1, false), succeeded(1)])
    expect(whole.foretold).toMatchObject({ costNanoUsd: { requests: 1 }, ttftMs: { requests: 0 } })
  })

  it('begins anew when either policy changes, and only then', () => {
    const before = fold([byCost, ...agreeing(1)])
    const samePolicies: DomainEvent = {
      ...{ _tag: 'PolicyChanged', version: 2 },
      policy: {
        ...defaultPolicy,
        timeZone: 'Europe/Berlin',
        routing: { shadow: { strategy: 'cost' }, ...defaultPolicy.routing },
      },
    }
    expect(fold([samePolicies], before).all.requests).toBe(1)
    for (const change of [policy({ strategy: 'priority' }), policy({ strategy: 'cost' }, { limitThreshold: 0.5 })]) {
      const after = shadow.evolve(fold([byCost, ...agreeing(1)]), { event: change, occurredAt: 7, writer: 'box' })
      expect(after).toMatchObject({ since: 7, agreed: 0, all: { requests: 0 } })
    }
  })

  it('counts nothing while there is no shadow', () => {
    const without = shadow.initial()
    expect(fold([policy(), ...agreeing(1), ...differing(2)])).toEqual(without)
    expect(fold([byCost, ...agreeing(1), policy(), ...differing(2), succeeded(1)])).toEqual(without)
  })

  it('is bounded by pairs, and counts what comes after them all the same', () => {
    const many = Array.from({ length: PAIRS_KEPT + 5 }, (_, n) => routed(n, [`p${n}`], { order: [beta] }))
    const state = fold([byCost, ...many])
    expect(state.pairs.size).toBe(PAIRS_KEPT)
    expect(state.all.requests).toBe(PAIRS_KEPT + 5)
  })

  it('has in its pairs what it has in all, for any choices of few providers', () => {
    const name = fc.constantFrom('alpha', 'beta', 'gamma')
    const choice = fc.record({
      live: name,
      shadow: fc.record(
        {
          order: fc.array(name.map(providerId), { minLength: 1, maxLength: 3 }),
          ...{ expectedNanoUsd: fc.nat(1_000), expectedTtftMs: fc.nat(1_000), liveTtftMs: fc.nat(1_000) },
        },
        { requiredKeys: ['order'] },
      ),
      cost: fc.integer({ min: -1, max: 1_000 }),
    })
    fc.assert(
      fc.property(fc.array(choice, { maxLength: 20 }), (choices) => {
        const { all, agreed, pairs } = fold([
          byCost,
          ...choices.map((one, n) => routed(n, [one.live], one.shadow, one.cost)),
        ])
        expect(all.requests).toBe(choices.length)
        expect(agreed).toBe(choices.filter(({ live, shadow: other }) => other.order[0] === live).length)
        const sum = (of: (pair: Shadow['all']) => number) => [...pairs.values()].reduce((s, pair) => s + of(pair), 0)
        expect(sum(({ requests }) => requests)).toBe(all.requests)
        for (const figure of ['costNanoUsd', 'ttftMs'] as const) {
          for (const side of ['requests', 'live', 'shadow'] as const) {
            expect(sum((pair) => pair[figure][side])).toBe(all[figure][side])
          }
        }
        for (const { live, shadow: other, ...figures } of pairs.values()) {
          if (live === other) expect(figures.costNanoUsd.live).toBe(figures.costNanoUsd.shadow)
        }
      }),
    )
  })
})
