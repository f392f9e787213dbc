import { Schema } from 'effect'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RouteChosen } from '#domain/decisions.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import { modelId, type ProviderId, providerId, requestId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import { chooseRoute, type RouteQuestion } from '#domain/routing/choose-route.ts'
import type { Admission, Candidate } from '#domain/routing/eligibility.ts'
import type { Outlook } from '#domain/routing/outlook.ts'
import { draws } from '#test/generators.ts'
import { fineOutlook } from '#test/prospects.ts'
import { routeQuestions } from '#test/route-questions.ts'

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
  routing: { ...defaultPolicy.routing, strategy: 'priority', maxFallbacks },
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
  at: 0,
  admission: admits(),
  inputTokens: () => 10_000,
  outlook: () => fineOutlook,
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
      factors: {
        priority: [1, 1, 2],
        share: [1, 1, 1],
        score: [-1, -1, -2],
        costNanoUsd: [50_000_000, 50_000_000, 50_000_000],
        cachedTokens: [0, 0, 0],
        cachedShare: [0, 0, 0],
      },
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

  describe('when every circuit is open', () => {
    const open = (until: number, mayBeLastResort = true): Admission => ({
      admit: 'no',
      reason: 'circuitOpen',
      until,
      mayBeLastResort,
    })
    const all = [provider('a'), provider('b'), provider('c'), provider('off', { enabled: false })]

    it('tries the one that will probably be well first, and nobody else', () => {
      const chosen = route(all, { a: open(9_000), b: open(5_000), c: open(7_000) })
      expect(chosen).toMatchObject({ order: ['b'], lastResort: true })
      expect(chosen.skipped.map((skip) => skip.provider)).toEqual(['a', 'c', 'off'])
    })

    it('asks nobody that is being tried, or that named a time to come back', () => {
      const chosen = route(all, { a: open(9_000), b: open(5_000, false), c: open(7_000, false) })
      expect(chosen.order).toEqual(['a'])
      expect(route(all, { a: open(9, false), b: open(5, false), c: open(7, false) })).toMatchObject({ order: [] })
    })

    it('prefers one whose last health check did not fail', () => {
      const asked = { ...question(all), admission: admits({ a: open(9_000), b: open(5_000), c: open(7_000) }) }
      expect(chooseRoute({ ...asked, isUnwell: (id) => id === 'b' }).order).toEqual(['c'])
    })

    it.each<[string, Admission]>([
      ['throttled', { admit: 'no', reason: 'throttled', until: 60_000 }],
      ['tried by a probe', { admit: 'no', reason: 'probeInFlight' }],
    ])('waits rather, while another is only %s', (_, other) => {
      const chosen = route(all, { a: open(9_000), b: open(5_000), c: other })
      expect(chosen.order).toEqual([])
      expect(chosen.lastResort).toBeUndefined()
    })

    it('asks nobody whose key was refused', () => {
      const refused: Admission = { admit: 'no', reason: 'credentialRefused', until: 600_000 }
      expect(route([provider('a')], { a: refused })).toMatchObject({
        order: [],
        skipped: [{ reason: 'credentialRefused' }],
      })
    })
  })

  it('is not to one that is asked with the credential of the client, when the client brought none', () => {
    const all = [provider('direct', { passesCredential: true }), provider('keyed')]
    const anonymous = chooseRoute({ ...question(all), request: { ...request, anonymous: true } })
    expect(anonymous).toMatchObject({
      order: ['keyed'],
      skipped: [{ provider: 'direct', reason: 'credentialMissing' }],
    })
    expect(route(all).order).toEqual(['direct', 'keyed'])
  })

  it('names its price: what the first costs more than the cheapest', () => {
    const costs: { readonly [name: string]: number | null } = { a: 90, b: 60, c: null }
    const outlook = ({ provider: { id } }: Candidate): Outlook => ({ ...fineOutlook, costNanoUsd: costs[id] ?? null })
    const asked = (names: readonly string[]) =>
      chooseRoute({ ...question(names.map((name) => provider(name))), outlook }).regretNanoUsd
    expect(asked(['a', 'b', 'c'])).toBe(30)
    expect(asked(['b', 'a'])).toBeUndefined()
    expect(asked(['c', 'a'])).toBeUndefined()
  })

  describe('under a hard budget', () => {
    const purse = { name: 'daily', leftNanoUsd: 100, until: 86_400_000, reservedNanoUsd: 0 }
    const costs: { readonly [name: string]: number | null } = { dear: 101, cheap: 100, unknown: null }
    const all = ['dear', 'cheap', 'unknown'].map((name) => provider(name))
    const asked: RouteQuestion = {
      ...question(all),
      mostNanoUsd: ({ provider: { id } }) => costs[id] ?? null,
      money: { tightest: purse, stepDown: undefined },
    }

    it('is to those only that it can pay at the most that the request may cost', () => {
      expect(chooseRoute(asked)).toMatchObject({
        order: ['cheap'],
        budget: { name: 'daily', leftNanoUsd: 100, until: 86_400_000 },
        skipped: [
          { provider: 'dear', reason: 'overBudget', until: 86_400_000 },
          { provider: 'unknown', reason: 'priceUnknown' },
        ],
      })
    })

    it('tells the client to come back soon when attempts under way hold back what it needs', () => {
      const money = { tightest: { ...purse, leftNanoUsd: 0, reservedNanoUsd: 100 }, stepDown: undefined }
      expect(chooseRoute({ ...asked, money }).skipped).toMatchObject([
        { provider: 'dear', until: 86_400_000 },
        { provider: 'cheap', until: 5_000 },
        { provider: 'unknown' },
      ])
    })

    it('steps down to another strategy and another model', () => {
      const providers = [provider('a', { models: { 'claude-sonnet-*': 'claude-sonnet-*' } }), provider('b')]
      const stepDown = { budget: 'daily', strategy: 'cost' as const, model: modelId('claude-haiku-5-5') }
      const chosen = chooseRoute({ ...question(providers), money: { tightest: undefined, stepDown } })
      expect(chosen).toMatchObject({ strategy: 'cost', order: ['b'], stepDown })
    })
  })

  it('follows the rule that fits: only those that it names, by its strategy', () => {
    const rules = [{ name: 'titles', kind: 'background' as const, strategy: 'cost' as const, only: [providerId('b')] }]
    const base = question([provider('a'), provider('b')])
    const ruled = { ...base, policy: { ...base.policy, routing: { ...base.policy.routing, rules } } }
    expect(chooseRoute(ruled)).toMatchObject({
      rule: 'titles',
      strategy: 'cost',
      order: ['b'],
      skipped: [{ provider: 'a', reason: 'ruledOut' }],
    })
    expect(chooseRoute({ ...ruled, request: { ...request, strategy: 'availability' } })).toMatchObject({
      rule: 'titles',
      strategy: 'availability',
      order: ['b'],
    })
    const other = chooseRoute({ ...ruled, request: { ...request, tools: 12 } })
    expect(other).toMatchObject({ strategy: 'priority', order: ['a', 'b'], skipped: [] })
    expect(other.rule).toBeUndefined()
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

describe('what is known of the candidates', () => {
  /** A route by what is told of each provider, in the order in which they are told. */
  const routeOf = (
    told: { readonly [name: string]: Partial<Outlook> },
    some: Partial<Policy['routing']> = {},
    more: Partial<RouteQuestion> = {},
  ) => {
    const policy = policyOf(Object.keys(told).map((name) => provider(name)))
    return chooseRoute({
      ...question(policy.providers),
      policy: { ...policy, routing: { ...policy.routing, strategy: 'intelligent', ...some } },
      outlook: (candidate) => ({ ...fineOutlook, ...told[candidate.provider.id] }),
      ...more,
    })
  }

  it('is recorded with the decision: factors, score, cost, cache, and -1 for what is not known', () => {
    const chosen = routeOf({
      near: {
        headroomShare: 0.6,
        ttftMs: 2_000,
        cachedTokens: 61_234,
        cachedShare: 0.912_345,
        costNanoUsd: 31_234_567,
        turnNanoUsd: 20_000_000,
      },
      far: { headroomShare: null, costNanoUsd: null, turnNanoUsd: null, successShare: 0.5 },
    })
    expect(chosen).toMatchObject({ strategy: 'intelligent', order: ['near', 'far'], propensity: 1 })
    expect(chosen.factors).toEqual({
      headroom: [0.75, 0.75],
      // 1,000 + 500 × 10 ms at best, 2,000 + 500 × 10 here, a tenth of a second on either side.
      performance: [0.8592, 1],
      cost: [1, 0.5],
      reliability: [1, 0.5],
      share: [1, 1],
      score: [0.8577, 0.75],
      costNanoUsd: [31_230_000, -1],
      cachedTokens: [61_230, 0],
      cachedShare: [0.9123, 0],
    })
  })

  it('keeps a request from a limit that it would exceed, and says when there is room', () => {
    const full = { isFull: true, headroomShare: 0, limitFreesAt: 1_700_000_123_000 }
    expect(routeOf({ full, free: {} })).toMatchObject({
      order: ['free'],
      skipped: [{ provider: 'full', reason: 'limitReached', until: 1_700_000_123_000 }],
    })
  })

  it('keeps a request for good from a limit that is smaller than itself', () => {
    const small = { isFull: true, headroomShare: 0, limitFreesAt: null }
    expect(routeOf({ small, free: {} }).skipped).toEqual([{ provider: 'small', reason: 'inputTooLarge' }])
  })

  it('does not keep it from the last of a limit, nor from what only headers say is short', () => {
    expect(routeOf({ last: { headroomShare: 0 } }).order).toEqual(['last'])
    const told = { headroomShare: 0, limitFreesAt: 1_700_000_123_000 }
    expect(routeOf({ told, free: {} }).order).toEqual(['free', 'told'])
  })

  it('is weighed by the strategy that the request asks for', () => {
    const told = { slow: { ttftMs: 9_000, costNanoUsd: 1_000_000 }, fast: { ttftMs: 500 } }
    const asking = (strategy: RequestAdmitted['strategy']) =>
      routeOf(told, { strategy: 'priority' }, { request: strategy === undefined ? request : { ...request, strategy } })
    expect(asking(undefined)).toMatchObject({ strategy: 'priority', order: ['slow', 'fast'] })
    expect(asking('performance')).toMatchObject({ strategy: 'performance', order: ['fast', 'slow'] })
    expect(asking('cost')).toMatchObject({ strategy: 'cost', order: ['slow', 'fast'] })
  })

  it('counts less than where the same turn has just failed', () => {
    const chosen = routeOf({ best: {}, other: { successShare: 0.5 } }, {}, { avoid: providerId('best') })
    expect(chosen).toMatchObject({ order: ['other', 'best'], propensity: 1 })
  })

  it('lets a conversation stay with its cache, and the regret of it be seen', () => {
    const { order, factors } = routeOf({
      better: {},
      warm: { ttftMs: 9_000, cachedTokens: 60_000, cachedShare: 0.9 },
    })
    expect(order).toEqual(['warm', 'better'])
    expect(factors.score![1]! - factors.score![0]!).toBeCloseTo(0.3 * (1 - 6_100 / 14_100), 3)
  })

  it('gives each of three equals a third of 3 000 requests, to within two points', () => {
    const first = Array.from({ length: 3_000 }, (_, n) => {
      const draw = ((n + 1) * 0.618_033_988_749_895) % 1
      const { order, propensity } = routeOf(
        { a: {}, b: {}, worse: { successShare: 0.1 }, c: {} },
        {},
        {
          request: { ...request, draw },
        },
      )
      expect(propensity).toBeCloseTo(1 / 3, 12)
      return order[0]
    })
    for (const name of ['a', 'b', 'c']) {
      expect(Math.abs(first.filter((one) => one === name).length / 3_000 - 1 / 3)).toBeLessThan(0.02)
    }
  })

  it('does not always decide: exploring takes its share, and leaves substitutes and the short alone', () => {
    const told = { best: {}, other: { successShare: 0.5 }, short: { headroomShare: 0.1 } }
    const explored = Array.from({ length: 3_000 }, (_, n) => {
      const draw = ((n + 1) * 0.618_033_988_749_895) % 1
      const { order, propensity } = routeOf(told, { explorationShare: 0.2 }, { request: { ...request, draw } })
      expect(propensity).toBeCloseTo(order[0] === 'best' ? 0.9 : 0.1, 12)
      return order[0]
    })
    expect(new Set(explored)).toEqual(new Set(['best', 'other']))
    expect(Math.abs(explored.filter((one) => one === 'other').length / 3_000 - 0.1)).toBeLessThan(0.02)
  })
})

interface Shares {
  readonly [provider: string]: number
}

/**
 * The three decisions of a draw, each in steps that divide all that is to be told apart: shares are multiples of 0.05, runs
 * of equals have up to four, and half of the draws explore up to four.
 */
const everyDraw = (() => {
  const [shares, ties, explorations] = [20, 12, 24]
  const digits = (step: number, of: number) => Math.floor(((step + 0.5) / of) * 2 ** 16)
  return Array.from({ length: shares * ties * explorations }, (_, n) => {
    const [a, b, c] = [n % shares, Math.floor(n / shares) % ties, Math.floor(n / (shares * ties))]
    return (digits(a, shares) + (digits(b, ties) + (c + 0.5) / explorations) / 2 ** 16) / 2 ** 16
  })
})()

describe('for any policy, request and state of the machines', () => {
  it('the route is a valid event, and the same for the same question', () => {
    fc.assert(
      fc.property(routeQuestions, (question) => {
        const chosen = chooseRoute(question)
        expect(Schema.is(RouteChosen)(chosen)).toBe(true)
        expect(chooseRoute(question)).toEqual(chosen)
      }),
    )
  })

  it('every provider is in the route or skipped, save those beyond the last fallback, and no other', () => {
    fc.assert(
      fc.property(routeQuestions, (question) => {
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
    fc.assert(
      fc.property(routeQuestions, fc.constantFrom(0, 0.5), draws, (question, explorationShare, draw) => {
        const routing = { ...question.policy.routing, explorationShare }
        const asked = { ...question, policy: { ...question.policy, routing } }
        const of = (other: number) => chooseRoute({ ...asked, request: { ...question.request, draw: other } })
        const { order, propensity } = of(draw)
        const same = everyDraw.filter((other) => of(other).order[0] === order[0])
        expect(propensity).toBeCloseTo(same.length / everyDraw.length, 9)
      }),
      { numRuns: 25 },
    )
  })
  it.each<[what: string, welcome: Shares, explorationShare: number, priorities: Shares]>([
    ['equals that ramp up', { a: 0.5, b: 0.25, c: 1 }, 0, {}],
    ['equals that ramp up, and exploring', { a: 0.5, b: 0.25, c: 1 }, 0.5, {}],
    ['nobody who is wholly welcome', { a: 0.5, b: 0.1, c: 0.3 }, 0, {}],
    ['nobody who is wholly welcome, and exploring', { a: 0.5, b: 0.1, c: 0.3, d: 0.25 }, 0.5, {}],
    ['a row of others, each welcome less than one before it', { a: 0.5, b: 0.1, c: 0.3 }, 0, { a: 1, b: 2, c: 3 }],
  ])('so it is with %s', (_what, welcome, explorationShare, priorities) => {
    const names = Object.entries(welcome)
    const policy = policyOf(names.map(([name]) => provider(name, { priority: priorities[name] ?? 0 })))
    const of = (draw: number) =>
      chooseRoute({
        ...question(policy.providers),
        policy: { ...policy, routing: { ...policy.routing, strategy: 'intelligent', explorationShare } },
        admission: admits(Object.fromEntries(names.map(([name, share]) => [name, { admit: 'yes', share }]))),
        request: { ...request, draw },
      })
    const first = new Map<string, { readonly propensity: number; readonly draws: number }>()
    for (const draw of everyDraw) {
      const { order, propensity } = of(draw)
      first.set(order[0]!, { propensity, draws: (first.get(order[0]!)?.draws ?? 0) + 1 })
    }
    for (const { propensity, draws } of first.values()) expect(propensity).toBeCloseTo(draws / everyDraw.length, 9)
    const sum = [...first.values()].reduce((total, { propensity }) => total + propensity, 0)
    expect(sum).toBeCloseTo(1, 9)
  })
})
