/**
 * The shadow policy: it decides as if it were in force, and the live choice knows nothing of it.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RequestAdmitted } from '#domain/events.ts'
import { modelId, requestId } from '#domain/ids.ts'
import { defaultPolicy, type Policy, type ShadowRouting } from '#domain/policy.ts'
import { chooseRoute } from '#domain/routing/choose-route.ts'
import type { Outlook } from '#domain/routing/outlook.ts'
import { comparisonOf, shadowRouting } from '#domain/routing/shadow.ts'
import { provider } from '#test/box.ts'
import { shadowRoutings } from '#test/generators.ts'
import { fineOutlook } from '#test/prospects.ts'
import { routeQuestions } from '#test/route-questions.ts'

const request: RequestAdmitted = {
  ...{ _tag: 'RequestAdmitted', requestId: requestId('req_1'), model: modelId('claude-sonnet-5-5'), stream: true },
  ...{ bodyBytes: 40_000, messages: 1, tools: 12, images: 0, draw: 0.5 },
}

const TOLD: { readonly [provider: string]: Partial<Outlook> } = {
  dear: { ttftMs: 400.4, costNanoUsd: 98_765_432, turnNanoUsd: 98_765_432 },
  cheap: { ttftMs: 2_000.6, costNanoUsd: 9_876_543, turnNanoUsd: 9_876_543 },
}

/** The route of a live strategy `performance`, which likes `dear`. */
const routeBeside = (
  shadow: ShadowRouting | undefined,
  asked: Partial<RequestAdmitted> = {},
  told: typeof TOLD = TOLD,
) => {
  const routing: Policy['routing'] = { ...defaultPolicy.routing, strategy: 'performance' }
  return chooseRoute({
    request: { ...request, ...asked },
    policy: {
      ...defaultPolicy,
      providers: Object.keys(told).map((id) => provider(id)),
      routing: shadow === undefined ? routing : { ...routing, shadow },
    },
    ...{ policyVersion: 1, at: 0, admission: () => ({ admit: 'yes', share: 1 }), inputTokens: () => 10_000 },
    outlook: (candidate) => ({ ...fineOutlook, ...told[candidate.provider.id] }),
  })
}

describe('a shadow policy', () => {
  it('never changes the live decision, whatever it would do otherwise', () => {
    fc.assert(
      fc.property(routeQuestions, shadowRoutings, (question, shadow) => {
        const { shadow: _before, ...routing } = question.policy.routing
        const asked = (one: Policy['routing']) =>
          chooseRoute({ ...question, policy: { ...question.policy, routing: one } })
        const { shadow: choice, ...live } = asked({ ...routing, shadow })
        expect(live).toEqual(asked(routing))
        expect(choice).toBeDefined()
      }),
    )
  })

  it('decides what it would decide if it were in force, by the same draw', () => {
    fc.assert(
      fc.property(routeQuestions, shadowRoutings, (question, shadow) => {
        const routing = { ...question.policy.routing, shadow }
        const beside = chooseRoute({ ...question, policy: { ...question.policy, routing } })
        const inForce = shadowRouting(routing)!
        const alone = chooseRoute({ ...question, policy: { ...question.policy, routing: inForce } })
        expect(beside.shadow?.order).toEqual(alone.order)
        expect(alone.shadow).toBeUndefined()
        const known = comparisonOf(beside)?.costNanoUsd?.shadow
        if (known !== undefined) expect(known).toBe(alone.factors.costNanoUsd?.[0])
      }),
    )
  })

  it('that does nothing otherwise chooses the same, always', () => {
    fc.assert(
      fc.property(routeQuestions, (question) => {
        const routing = { ...question.policy.routing, shadow: {} }
        const { order, shadow } = chooseRoute({ ...question, policy: { ...question.policy, routing } })
        expect(shadow?.order).toEqual(order)
      }),
    )
  })

  it('is recorded with what both choices were expected to cost and to take', () => {
    const chosen = routeBeside({ strategy: 'cost' })
    expect(chosen.order).toEqual(['dear', 'cheap'])
    expect(chosen.shadow).toEqual({
      order: ['cheap', 'dear'],
      expectedNanoUsd: 9_877_000,
      expectedTtftMs: 2_001,
      liveTtftMs: 400,
    })
    expect(comparisonOf(chosen)).toEqual({
      ...{ live: 'dear', shadow: 'cheap', isSame: false },
      ...{ costNanoUsd: { live: 98_770_000, shadow: 9_877_000 }, ttftMs: { live: 400, shadow: 2_001 } },
    })
  })

  it('takes little room where it agrees, and none where there is none', () => {
    const chosen = routeBeside({ limitThreshold: 0.5 })
    expect(chosen.shadow).toEqual({ order: ['dear', 'cheap'], expectedTtftMs: 400 })
    expect(comparisonOf(chosen)).toMatchObject({
      ...{ isSame: true, costNanoUsd: { live: 98_770_000, shadow: 98_770_000 }, ttftMs: { live: 400, shadow: 400 } },
    })
    expect(Object.keys(routeBeside(undefined))).not.toContain('shadow')
  })

  it('is not compared where nothing is known of one, or where nobody can serve', () => {
    const unknown = { ...TOLD, cheap: { ...TOLD.cheap, ttftMs: null } }
    expect(comparisonOf(routeBeside({ strategy: 'cost' }, {}, unknown))).toMatchObject({ ttftMs: null })
    const unpriced = { ...TOLD, dear: { ...TOLD.dear, costNanoUsd: null, turnNanoUsd: null } }
    expect(comparisonOf(routeBeside({ strategy: 'cost' }, {}, unpriced))).toMatchObject({ costNanoUsd: null })
    const nobody = routeBeside({ strategy: 'cost' }, {}, {})
    expect(nobody.shadow).toEqual({ order: [] })
    expect(comparisonOf(nobody)).toBeUndefined()
  })

  it('does as a client wishes that names a strategy, as it would in force', () => {
    expect(routeBeside({ strategy: 'cost' }, { strategy: 'performance' }).shadow?.order).toEqual(['dear', 'cheap'])
  })

  it('has its own weights where it names them, and the live ones for the rest', () => {
    const routing = { ...defaultPolicy.routing, shadow: { weights: { cost: 9 } } }
    expect(shadowRouting(routing)).toEqual({
      ...defaultPolicy.routing,
      weights: { ...defaultPolicy.routing.weights, cost: 9 },
    })
  })

  it('has fallbacks of its own number', () => {
    expect(routeBeside({ maxFallbacks: 0 })).toMatchObject({ order: ['dear', 'cheap'], shadow: { order: ['dear'] } })
  })
})
