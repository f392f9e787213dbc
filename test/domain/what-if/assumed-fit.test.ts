/**
 * What is assumed of a provider holds at every time, and the rest is that of the one it is like.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelId, providerId } from '#domain/ids.ts'
import { assumedFit } from '#domain/what-if/assumed-fit.ts'
import { fitProviders } from '#domain/what-if/provider-fit.ts'
import type { LoggedCall } from '#domain/what-if/traffic.ts'
import { sizesOf } from '#domain/what-if/usage-shape.ts'

const green = providerId('green')
const usage = { inputTokens: 100, outputTokens: 50, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 }

/** Every tenth call fails, and it is twice as slow in the second half. */
const calls = Array.from({ length: 100 }, (_, key): LoggedCall => {
  const at = 1_000_000 + key * 60_000
  const ttftMs = (key < 50 ? 500 : 1_000) + 10 * (key % 7)
  const failed = key % 10 === 0
  const attempt = {
    ...{ provider: green, model: modelId('m'), startedAt: at, endedAt: at + ttftMs + 1_000 },
    ...{ ttftMs: failed ? null : ttftMs, reason: failed ? { _tag: 'ServerError' as const, status: 500 } : null },
    ...{ usage: failed ? null : usage, costNanoUsd: 1, limits: [], draw: null },
  }
  const admitted = {
    ...{ _tag: 'RequestAdmitted' as const, requestId: `r${key}` as never, model: modelId('m'), stream: true },
    ...{ maxTokens: 100, bodyBytes: 400, messages: 1, tools: 0, images: 0, draw: 0 },
  }
  const request = {
    admitted,
    at,
    endedAt: attempt.endedAt,
    end: 'answered' as const,
    firstChoice: green,
    propensity: 1,
  }
  return { key, session: 's', conversation: 's', requests: [{ ...request, attempts: [attempt] }] }
})
const like = fitProviders(calls, sizesOf(calls)).get(green)
if (like === undefined) throw new Error('green was asked')
const spare = { id: providerId('spare'), like: green, priceFactor: 1 }

describe('an assumed provider', () => {
  it('is as fast and as reliable as it is said to be, at any time', () => {
    const fit = assumedFit(like, { ...spare, ttftMs: 800, msPerToken: 12, failureShare: 0.01 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000_000 }), (at) => {
        expect(Math.exp(fit.ttft.at(at).level)).toBeCloseTo(800)
        expect(Math.exp(fit.msPerToken.at(at).level)).toBeCloseTo(12)
        expect(fit.failures.at(at).level).toBe(0.01)
      }),
    )
  })

  it('is in all that is not said like the other on a usual day, without its limits', () => {
    const fit = assumedFit({ ...like, toldLimits: { requests: 5 } }, spare)
    expect(fit.ttft.at(0)).toEqual({ level: like.ttft.mean, support: 1 })
    expect(fit).toMatchObject({ isAssumed: true, provider: 'spare', toldLimits: {}, hasCache: like.hasCache })
    expect(fit.ttft.errors).toEqual(like.ttft.errors)
  })
})
