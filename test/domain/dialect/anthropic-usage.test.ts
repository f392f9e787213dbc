import { describe, expect, it } from '@effect/vitest'
import { Schema } from 'effect'
import * as fc from 'fast-check'
import { mergeDeltaUsage, readUsage } from '#domain/dialect/anthropic-usage.ts'
import { costOf } from '#domain/pricing.ts'
import { noUsage, Usage } from '#domain/usage.ts'

describe('the usage object', () => {
  it('splits cache writes by lifetime', () => {
    expect(
      readUsage({
        input_tokens: 1,
        output_tokens: 2,
        cache_read_input_tokens: 3,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      }),
    ).toEqual({ inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWrite5mTokens: 10, cacheWrite1hTokens: 20 })
  })

  it.each([
    ['without a split all writes live five minutes', { cache_creation_input_tokens: 30 }, 30, 0],
    ['a null split is none', { cache_creation_input_tokens: 30, cache_creation: null }, 30, 0],
    [
      'a split without a total counts',
      { cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 5 } },
      4,
      5,
    ],
    [
      'one half gives the other',
      { cache_creation_input_tokens: 30, cache_creation: { ephemeral_1h_input_tokens: 20 } },
      10,
      20,
    ],
    [
      'a split of zeros does not lose the writes',
      {
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
      },
      30,
      0,
    ],
    [
      'the hour is never more than the total',
      { cache_creation_input_tokens: 5, cache_creation: { ephemeral_1h_input_tokens: 9 } },
      0,
      5,
    ],
  ])('%s', (_what, usage, fiveMinutes, hour) => {
    expect(readUsage(usage)).toEqual({ ...noUsage, cacheWrite5mTokens: fiveMinutes, cacheWrite1hTokens: hour })
  })

  it('is nothing when it is missing, null or not an object', () => {
    for (const usage of [undefined, null, 7, 'x', []]) expect(readUsage(usage)).toBeUndefined()
    expect(readUsage({})).toEqual(noUsage)
    expect(readUsage({ input_tokens: null, output_tokens: '7', cache_read_input_tokens: -1 })).toEqual(noUsage)
  })

  it('lets a delta above zero override, and keeps the rest', () => {
    const known = {
      inputTokens: 10,
      outputTokens: 1,
      cacheReadTokens: 5,
      cacheWrite5mTokens: 100,
      cacheWrite1hTokens: 200,
    }
    expect(mergeDeltaUsage(known, { input_tokens: 0, cache_read_input_tokens: null, output_tokens: 40 })).toEqual({
      ...known,
      outputTokens: 40,
    })
    expect(mergeDeltaUsage(known, { input_tokens: 11, cache_creation_input_tokens: 350 })).toEqual({
      ...known,
      inputTokens: 11,
      cacheWrite5mTokens: 150,
    })
    expect(mergeDeltaUsage(known, { cache_creation_input_tokens: 50 })).toMatchObject({
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 50,
    })
    expect(mergeDeltaUsage(known, undefined)).toBe(known)
    expect(mergeDeltaUsage(undefined, null)).toBeUndefined()
    expect(mergeDeltaUsage(undefined, { output_tokens: 3 })).toEqual({ ...noUsage, outputTokens: 3 })
  })

  it('has what else changes the bill, and nothing that does not', () => {
    const plain = { input_tokens: 1, speed: 'standard', inference_geo: 'global', service_tier: 'standard' }
    expect(readUsage({ ...plain, server_tool_use: null, iterations: null })).toEqual({ ...noUsage, inputTokens: 1 })
    expect(readUsage({ ...plain, server_tool_use: { web_search_requests: 0, web_fetch_requests: 9 } })).toEqual({
      ...noUsage,
      inputTokens: 1,
    })
    expect(readUsage({ speed: 'fast', inference_geo: 'us', service_tier: 'batch' })).toEqual({
      ...noUsage,
      ...{ speed: 'fast', geo: 'us', tier: 'batch' },
    })
    expect(readUsage({ service_tier: 'priority', server_tool_use: { web_search_requests: 4 } })).toEqual({
      ...noUsage,
      ...{ tier: 'priority', webSearches: 4 },
    })
    expect(readUsage({ speed: 'turbo', inference_geo: 'mars', service_tier: 7, server_tool_use: [] })).toEqual(noUsage)
  })

  it('has its iterations where there is more than one answer of the model itself', () => {
    const message = { type: 'message', model: 'claude-opus-5-5', input_tokens: 5, output_tokens: 2 }
    const compaction = {
      ...{ type: 'compaction', input_tokens: 100, cache_creation_input_tokens: 30 },
      cache_creation: { ephemeral_1h_input_tokens: 20 },
    }
    expect(readUsage({ iterations: [message] })).toEqual(noUsage)
    expect(readUsage({ iterations: [compaction, { ...message, model: null }] })).toEqual({
      ...noUsage,
      iterations: [
        { ...noUsage, type: 'compaction', inputTokens: 100, cacheWrite5mTokens: 10, cacheWrite1hTokens: 20 },
        { ...noUsage, type: 'message', inputTokens: 5, outputTokens: 2 },
      ],
    })
    expect(readUsage({ iterations: [{ ...message, type: 'fallback_message' }] })?.iterations).toEqual([
      { ...noUsage, type: 'fallback_message', model: 'claude-opus-5-5', inputTokens: 5, outputTokens: 2 },
    ])
  })

  it.each([
    ['none', []],
    ['no list', {}],
    ['with something else among them', [{ type: 'compaction' }, null]],
    ['too many', Array.from({ length: 201 }, () => ({ type: 'compaction' }))],
  ])('takes iterations that are %s for none', (_, iterations) => {
    expect(readUsage({ iterations })).toEqual(noUsage)
  })

  it('keeps through deltas what only the start tells, and takes from them what they tell', () => {
    const known = readUsage({ input_tokens: 10, speed: 'fast', inference_geo: 'us', service_tier: 'priority' })
    const iterations = [{ type: 'compaction', input_tokens: 3 }, { type: 'message' }]
    const first = mergeDeltaUsage(known, { output_tokens: 4, server_tool_use: { web_search_requests: 2 }, iterations })
    expect(first).toEqual({
      ...noUsage,
      ...{ inputTokens: 10, outputTokens: 4, speed: 'fast', geo: 'us', tier: 'priority', webSearches: 2 },
      iterations: [
        { ...noUsage, type: 'compaction', inputTokens: 3 },
        { ...noUsage, type: 'message' },
      ],
    })
    expect(mergeDeltaUsage(first, { output_tokens: 9, server_tool_use: null })).toEqual({ ...first, outputTokens: 9 })
    expect(mergeDeltaUsage(first, { server_tool_use: { web_search_requests: 5 } })?.webSearches).toBe(5)
  })

  it('fits the event schema whatever an upstream invents, so that no event of ours is unreadable', () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(1e300, 2 ** 60, null, undefined, '5', {}))
    const object = fc.record(
      {
        input_tokens: number,
        output_tokens: number,
        cache_read_input_tokens: number,
        cache_creation_input_tokens: number,
        cache_creation: fc.oneof(
          number,
          fc.record({ ephemeral_5m_input_tokens: number, ephemeral_1h_input_tokens: number }),
        ),
        speed: fc.constantFrom('fast', 'standard', 1, null),
        inference_geo: fc.constantFrom('us', 'eu', {}),
        service_tier: fc.constantFrom('batch', 'priority', 'standard', []),
        server_tool_use: fc.oneof(number, fc.record({ web_search_requests: number })),
        iterations: fc.oneof(
          number,
          fc.array(
            fc.oneof(
              number,
              fc.record({
                type: fc.oneof(number, fc.string()),
                model: fc.oneof(number, fc.string()),
                input_tokens: number,
              }),
            ),
            { maxLength: 3 },
          ),
        ),
      },
      { requiredKeys: [] },
    )
    const fits = Schema.is(Usage)
    fc.assert(
      fc.property(object, object, (start, delta) => {
        const first = readUsage(start)
        const merged = mergeDeltaUsage(first, delta)
        expect(fits(first)).toBe(true)
        expect(fits(merged)).toBe(true)
        for (const count of Object.values(merged ?? {})) {
          if (typeof count === 'number') expect(count).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('is no more than a log can count, whatever it says and costs', () => {
    const count = fc.oneof(fc.constantFrom(1e8, 1e8 + 1, 1e12, 9_007_199_254_740_991, 1e308), fc.nat())
    const counts = fc.record({
      ...{
        input_tokens: count,
        output_tokens: count,
        cache_read_input_tokens: count,
        cache_creation_input_tokens: count,
      },
      server_tool_use: fc.record({ web_search_requests: count }),
    })
    const rate = fc.constantFrom(0, 25, 1e6, 1e12)
    const prices = fc.record({ input: rate, output: rate, cacheRead: rate, cacheWrite5m: rate, cacheWrite1h: rate })
    fc.assert(
      fc.property(counts, fc.array(counts, { maxLength: 3 }), prices, (start, iterations, price) => {
        const usage = readUsage({ ...start, iterations })
        const cost = usage && costOf({ ...price, webSearchUsd: 10 }, usage)
        expect(Number.isSafeInteger(cost)).toBe(true)
      }),
    )
  })
})
