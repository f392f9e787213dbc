import { Schema } from 'effect'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RequestAdmitted, RouteChosen } from '#domain/events.ts'
import { modelId, type ProviderId, providerId, requestId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import { chooseRoute, type RouteQuestion } from '#domain/routing/choose-route.ts'
import type { Admission } from '#domain/routing/eligibility.ts'
import { draws, policies, requests } from '#test/generators.ts'

const request: RequestAdmitted = {
  _tag: 'RequestAdmitted',
  requestId: requestId('req_1'),
  model: modelId('claude-sonnet-5-5'),
  stream: true,
  bodyBytes: 40_000,
  messages: 1,
  tools: 0,
  images: 0,
  draw: 0.5,
}

const provider = (name: string, some: Partial<ProviderPolicy> = {}): ProviderPolicy => ({
  id: providerId(name),
  kind: 'anthropic',
  enabled: true,
  priority: 0,
  models: {},
  breaker: defaultBreaker,
  timeouts: defaultTimeouts,
  ...some,
})

const policyOf = (providers: readonly ProviderPolicy[], maxFallbacks = 3): Policy => ({
  ...defaultPolicy,
  providers,
  routing: { ...defaultPolicy.routing, maxFallbacks },
})

/** Says what it is told for the named providers, and welcomes all else. */
const admits =
  (said: { readonly [name: string]: Admission } = {}) =>
  (id: ProviderId): Admission =>
    said[id] ?? { admit: 'yes', share: 1 }

const question = (providers: readonly ProviderPolicy[]): RouteQuestion => ({
  request,
  policy: policyOf(providers),
  policyVersion: 7,
  admission: admits(),
  inputTokens: () => 10_000,
})

const route = (
  providers: readonly ProviderPolicy[],
  said: { readonly [name: string]: Admission } = {},
  draw = 0.5,
  maxFallbacks = 3,
) =>
  chooseRoute({
    ...question(providers),
    request: { ...request, draw },
    policy: policyOf(providers, maxFallbacks),
    admission: admits(said),
  })

/** The route of a request that needs these abilities of its provider. */
const routeFor = (
  needs: readonly string[] | undefined,
  providers: readonly ProviderPolicy[],
  said: { readonly [name: string]: Admission } = {},
) =>
  chooseRoute({
    ...question(providers),
    request: needs === undefined ? request : { ...request, needs },
    admission: admits(said),
  })

describe('the route of a request', () => {
  it('follows the priorities of the operator, and the configuration where they are equal', () => {
    const chosen = route([
      provider('c', { priority: 2 }),
      provider('a', { priority: 1 }),
      provider('b', { priority: 1 }),
    ])
    expect(chosen).toEqual({
      _tag: 'RouteChosen',
      requestId: 'req_1',
      strategy: 'priority',
      policyVersion: 7,
      order: ['a', 'b', 'c'],
      factors: { priority: [1, 1, 2], share: [1, 1, 1] },
      skipped: [],
      propensity: 1,
    })
  })

  it('has one candidate more than there may be fallbacks', () => {
    const chosen = route(
      ['a', 'b', 'c', 'd'].map((name) => provider(name)),
      {},
      0.5,
      1,
    )
    expect(chosen.order).toEqual(['a', 'b'])
    expect(chosen.factors.priority).toEqual([0, 0])
    expect(chosen.skipped).toEqual([])
  })

  it('says of each provider that was left out why, and until when where that is known', () => {
    const chosen = routeFor(
      ['tool:bash', 'source:url'],
      [
        provider('off', { enabled: false }),
        provider('other', { models: { 'gpt-*': 'gpt-*' } }),
        provider('small', { maxInputTokens: 9_999 }),
        provider('simple', { lacks: ['source:file', 'source:url'] }),
        provider('broken'),
        provider('limited'),
        provider('probing'),
        provider('gone'),
        provider('fine', { maxInputTokens: 10_000 }),
      ],
      {
        broken: { admit: 'no', reason: 'circuitOpen', until: 5 },
        limited: { admit: 'no', reason: 'throttled', until: 6 },
        probing: { admit: 'no', reason: 'probeInFlight' },
        gone: { admit: 'no', reason: 'retired' },
      },
    )
    expect(chosen.order).toEqual(['fine'])
    expect(chosen.skipped).toEqual([
      { provider: 'off', reason: 'disabled' },
      { provider: 'other', reason: 'modelNotMapped' },
      { provider: 'small', reason: 'inputTooLarge' },
      { provider: 'simple', reason: 'featureLacking' },
      { provider: 'broken', reason: 'circuitOpen', until: 5 },
      { provider: 'limited', reason: 'throttled', until: 6 },
      { provider: 'probing', reason: 'probeInFlight' },
      { provider: 'gone', reason: 'retired' },
    ])
  })

  it('is empty, and certain, when nobody may serve', () => {
    expect(route([])).toMatchObject({ order: [], propensity: 1 })
  })

  it('sends a probe to its provider’s normal place', () => {
    expect(route([provider('a'), provider('b')], { a: { admit: 'probe' } }).order).toEqual(['a', 'b'])
  })

  it('puts a ramping provider at its place for its share of the draws, and behind the others for the rest', () => {
    const said = { a: { admit: 'yes', share: 0.3 } } as const
    const providers = [provider('a'), provider('b'), provider('c')]
    expect(route(providers, said, 0.29)).toMatchObject({ order: ['a', 'b', 'c'], factors: { share: [0.3, 1, 1] } })
    expect(route(providers, said, 0.29).propensity).toBeCloseTo(0.3)
    expect(route(providers, said, 0.3).order).toEqual(['b', 'c', 'a'])
    expect(route(providers, said, 0.3).propensity).toBeCloseTo(0.7)
  })

  it('takes a ramping provider anyway when there is nobody else', () => {
    expect(route([provider('a')], { a: { admit: 'yes', share: 0.1 } }, 0.99)).toMatchObject({
      order: ['a'],
      propensity: 1,
    })
  })

  it('gives a ramping provider its share of 2 000 requests, to within five points', () => {
    const said = { a: { admit: 'yes', share: 0.4 } } as const
    const first = Array.from({ length: 2_000 }, (_, n) =>
      route([provider('a'), provider('b')], said, ((n + 1) * 0.618_033_988_749_895) % 1),
    )
    const share = first.filter(({ order }) => order[0] === 'a').length / first.length
    expect(Math.abs(share - 0.4)).toBeLessThan(0.05)
  })

  it('leaves no provider out for what it lacks when the request does not need it, or says nothing of needs', () => {
    const providers = [provider('simple', { lacks: ['source:url'] }), provider('able')]
    expect(routeFor(['source:file'], providers).order).toEqual(['simple', 'able'])
    expect(routeFor([], providers).order).toEqual(['simple', 'able'])
    expect(routeFor(undefined, providers).order).toEqual(['simple', 'able'])
  })

  it('estimates the prompt by the name that each provider is asked for', () => {
    const limit = { maxInputTokens: 100 }
    const { skipped, order } = chooseRoute({
      ...question([provider('own', limit), provider('other', { ...limit, models: { '*': 'dense' } })]),
      inputTokens: (model) => (model === 'dense' ? 101 : 100),
    })
    expect(order).toEqual(['own'])
    expect(skipped).toEqual([{ provider: 'other', reason: 'inputTooLarge' }])
  })
})

describe('for any policy, request and state of the machines', () => {
  const said: fc.Arbitrary<Admission> = fc.oneof(
    fc.constantFrom(0.1, 0.25, 0.5, 1).map((share) => ({ admit: 'yes', share }) as const),
    fc.constant({ admit: 'probe' } as const),
    fc.constant({ admit: 'no', reason: 'throttled', until: 9 } as const),
  )
  const questions = fc
    .record({ request: requests, policy: policies, said: fc.array(said, { minLength: 4, maxLength: 4 }) })
    .map(({ said, ...rest }) => {
      const of = new Map(rest.policy.providers.map(({ id }, n) => [id, said[n]!]))
      const inputTokens = () => Math.ceil(rest.request.bodyBytes / 4)
      return { ...rest, policyVersion: 1, admission: (id: ProviderId) => of.get(id)!, inputTokens }
    })

  it('the route is a valid event, and the same for the same question', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const chosen = chooseRoute(question)
        expect(Schema.is(RouteChosen)(chosen)).toBe(true)
        expect(chooseRoute(question)).toEqual(chosen)
      }),
    )
  })

  it('every provider is in the route or skipped, save those beyond the last fallback, and no other', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const { order, skipped, factors } = chooseRoute(question)
        const { providers, routing } = question.policy
        const named = [...order, ...skipped.map((skip) => skip.provider)]
        expect(new Set(named).size).toBe(named.length)
        expect(order.length).toBeLessThanOrEqual(routing.maxFallbacks + 1)
        const willing = providers.length - skipped.length
        expect(order.length).toBe(Math.min(willing, routing.maxFallbacks + 1))
        for (const id of order) expect(question.admission(id).admit).not.toBe('no')
        for (const column of Object.values(factors)) expect(column.length).toBe(order.length)
      }),
    )
  })

  it('the propensity of the first is the share of all draws that put it there', () => {
    // Shares are multiples of 0.05, so 20 draws in the middle of each twentieth are all there is to try.
    const all = Array.from({ length: 20 }, (_, n) => (n + 0.5) / 20)
    fc.assert(
      fc.property(questions, draws, (question, draw) => {
        const chosen = chooseRoute({ ...question, request: { ...question.request, draw } })
        const [first] = chosen.order
        const same = all.filter(
          (other) => chooseRoute({ ...question, request: { ...question.request, draw: other } }).order[0] === first,
        )
        expect(chosen.propensity).toBeCloseTo(same.length / all.length)
      }),
    )
  })
})
