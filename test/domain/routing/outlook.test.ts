/**
 * What a strategy is told of a candidate: the log of a session, asked for the next turn of it.
 */
import { describe, expect, it } from 'vitest'
import { modelId, providerId } from '#domain/ids.ts'
import { outputSizes } from '#domain/projections/output-sizes.ts'
import { performance } from '#domain/projections/performance.ts'
import { reliability } from '#domain/projections/reliability.ts'
import { SHORT_LIFETIME_MS, warmCaches } from '#domain/projections/warm-caches.ts'
import { type OutlookQuestion, outlookOf, type Room } from '#domain/routing/outlook.ts'
import { admitted, failed, fold, type Moment, providerNamed, started, succeeded } from '#test/attempts.ts'
import { EPOCH } from '#test/generators.ts'

const OPUS = modelId('claude-opus-5-5')
const [ANTHROPIC, VERTEX] = [providerId('anthropic'), providerId('vertex')]
const ROOM: Room = { headroomShare: 0.7, isFull: false, limitFreesAt: null, concurrencyShare: 0.5 }
const PRICES = { [OPUS]: { input: 4, output: 20, cacheRead: 0.2, cacheWrite5m: 5, cacheWrite1h: 8 } }
const TURN = { sessionId: 's', messages: 3, model: OPUS }

/** One turn of a session at Anthropic, and a limit hit at Vertex. */
const LOG: readonly Moment[] = [
  [0, admitted(1, TURN)],
  [0, started(1, { provider: VERTEX, model: OPUS })],
  [500, failed(1, { _tag: 'RateLimited', status: 429 }, { provider: VERTEX, model: OPUS })],
  [500, started(1, { provider: ANTHROPIC, model: OPUS })],
  [
    6_500,
    succeeded(1, {
      ...{ provider: ANTHROPIC, model: OPUS, ttftMs: 2_000, durationMs: 6_000 },
      usage: { cacheWrite5mTokens: 60_000, outputTokens: 400 },
    }),
  ],
]
/** The whole prompt written anew, in billionths of a dollar. */
const COLD = 62_000 * 5_000 + 400 * 20_000
const memoryOf = (moments: readonly Moment[]) => ({
  performance: fold(performance, moments),
  reliability: fold(reliability, moments),
  warmCaches: fold(warmCaches, moments),
  outputSizes: fold(outputSizes, moments),
})
const question = (id: typeof ANTHROPIC, some: Partial<OutlookQuestion> = {}): OutlookQuestion => ({
  candidate: { provider: providerNamed(id, { prices: PRICES }), model: OPUS },
  request: admitted(2, { ...TURN, messages: 5 }),
  promptTokens: 62_000,
  at: EPOCH + 6_500,
  memory: memoryOf(LOG),
  room: () => ROOM,
  ...some,
})

describe('the outlook', () => {
  it('of the provider that served the session: known, fast, warm and cheap', () => {
    expect(outlookOf(question(ANTHROPIC))).toEqual({
      ...ROOM,
      ...{ ttftMs: 2_000, msPerToken: 10, inFlight: 0, successShare: 0.95, limitPenalty: 0 },
      ...{ cachedTokens: 60_000, cachedShare: (60_000 * 4_800) / COLD, outputTokens: 400 },
      costNanoUsd: 60_000 * 200 + 2_000 * 5_000 + 400 * 20_000,
      turnNanoUsd: Math.round((60_000 * 200 + 2_000 * 5_000 + 10 * 62_000 * 200 + 11 * 400 * 20_000) / 11),
    })
  })

  it('of one that only refused: unknown, limited, and the whole prompt to be written again', () => {
    expect(outlookOf(question(VERTEX))).toMatchObject({
      ...{ ttftMs: null, msPerToken: null, successShare: null, cachedTokens: 0 },
      costNanoUsd: COLD,
    })
    expect(outlookOf(question(VERTEX)).limitPenalty).toBeCloseTo(1 / (1 + 2 ** 0.05))
  })

  it('becomes dear again when the cache has gone cold', () => {
    const cold = outlookOf(question(ANTHROPIC, { at: EPOCH + 500 + SHORT_LIFETIME_MS }))
    expect(cold).toMatchObject({ cachedTokens: 0, cachedShare: 0, costNanoUsd: COLD })
  })

  it('has no more cached than the prompt is long', () => {
    expect(outlookOf(question(ANTHROPIC, { promptTokens: 50_000 })).cachedTokens).toBe(50_000)
  })

  it('of a request that marks no cache has new tokens at the price of input', () => {
    const title = admitted(2, { ...TURN, tools: 0, messages: 1 })
    const { costNanoUsd, outputTokens } = outlookOf(question(ANTHROPIC, { request: title, promptTokens: 1_000 }))
    expect(costNanoUsd).toBe(1_000 * 4_000 + outputTokens * 20_000)
    const stranger = admitted(2, { model: OPUS })
    expect(outlookOf(question(ANTHROPIC, { request: stranger })).costNanoUsd).toBe(62_000 * 4_000 + 400 * 20_000)
  })

  it('finds a cache dearer for one turn, and cheaper for a conversation, than half the price without one', () => {
    const half = { input: 2, output: 20, cacheRead: 2, cacheWrite5m: 2, cacheWrite1h: 2 }
    const provider = providerNamed(VERTEX, { prices: { '*': half } })
    const first = { request: admitted(2, { sessionId: 'new', messages: 1, model: OPUS }) }
    const without = outlookOf(question(VERTEX, { ...first, candidate: { provider, model: OPUS } }))
    const caching = outlookOf(question(ANTHROPIC, first))
    expect(without.costNanoUsd).toBeLessThan(caching.costNanoUsd!)
    expect(without.turnNanoUsd).toBeGreaterThan(2 * caching.turnNanoUsd!)
    // A background call has no next turn.
    const title = { request: admitted(2, { ...TURN, tools: 0, messages: 1 }) }
    const asked = outlookOf(question(ANTHROPIC, title))
    expect(asked.turnNanoUsd).toBe(asked.costNanoUsd)
  })

  it('has the price that the policy names, and no other', () => {
    const provider = providerNamed(ANTHROPIC, { prices: { 'claude-*': { ...PRICES[OPUS]!, output: 40 } } })
    const dearer = outlookOf(question(ANTHROPIC, { candidate: { provider, model: OPUS } })).costNanoUsd
    expect(dearer).toBe(outlookOf(question(ANTHROPIC)).costNanoUsd! + 400 * 20_000)
  })

  it('has no cost where the model has no price, and then the cached share of the prompt', () => {
    const unpriced = { provider: providerNamed(ANTHROPIC), model: OPUS }
    expect(outlookOf(question(ANTHROPIC, { candidate: unpriced }))).toMatchObject({
      costNanoUsd: null,
      turnNanoUsd: null,
      cachedTokens: 60_000,
      cachedShare: 60_000 / 62_000,
    })
  })

  it('has a cache that saves nothing where everything is free, or reading it costs no less', () => {
    const rates = { input: 4, output: 20, cacheRead: 4, cacheWrite5m: 4, cacheWrite1h: 4 }
    const free = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 }
    for (const price of [rates, free]) {
      const provider = providerNamed(ANTHROPIC, { prices: { '*': price } })
      const seen = outlookOf(question(ANTHROPIC, { candidate: { provider, model: OPUS } }))
      expect(seen).toMatchObject({ cachedTokens: 60_000, cachedShare: 0 })
    }
  })
})
