/**
 * Calls as a log would tell them, one a minute at one provider, for the statistics of a fit.
 */
import { modelId, type ProviderId, requestId } from '#domain/ids.ts'
import type { LoggedCall } from '#domain/what-if/traffic.ts'

const usage = { inputTokens: 100, outputTokens: 50, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 }

/** Time to the first content in ms of each call; null: it failed. */
export const callsAt = (provider: ProviderId, ttfts: readonly (number | null)[]): readonly LoggedCall[] =>
  ttfts.map((ttftMs, key): LoggedCall => {
    const at = 1_000_000 + key * 60_000
    const endedAt = at + (ttftMs ?? 0) + 1_000
    const attempt = {
      ...{ provider, model: modelId('m'), startedAt: at, endedAt, ttftMs, costNanoUsd: 1, limits: [], draw: null },
      ...(ttftMs === null
        ? { reason: { _tag: 'ServerError' as const, status: 500 }, usage: null }
        : { reason: null, usage }),
    }
    const admitted = {
      ...{ _tag: 'RequestAdmitted' as const, requestId: requestId(`r${key}`), model: modelId('m'), stream: true },
      ...{ maxTokens: 100, bodyBytes: 400, messages: 1, tools: 0, images: 0, draw: 0 },
    }
    const request = { admitted, at, endedAt, end: 'answered' as const, firstChoice: provider, propensity: 1 }
    return { key, session: 's', conversation: 's', requests: [{ ...request, attempts: [attempt] }] }
  })
