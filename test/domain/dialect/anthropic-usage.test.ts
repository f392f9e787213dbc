import { describe, expect, it } from '@effect/vitest'
import { Schema } from 'effect'
import * as fc from 'fast-check'
import { mergeDeltaUsage, readUsage } from '#domain/dialect/anthropic-usage.ts'
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
        for (const count of Object.values(merged ?? {})) expect(count).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 500 },
    )
  })
})
