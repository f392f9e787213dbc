/**
 * How an attempt ended, as the fact that records it: with what it cost by the prices in force.
 */
import type { AttemptSuccess } from '#actors/attempt.ts'
import type { AttemptEstimate } from '#actors/estimates.ts'
import type { HeaderList, Upstream } from '#actors/ports.ts'
import type { ProviderError } from '#actors/provider-error.ts'
import type { AnthropicStream } from '#domain/dialect/anthropic-stream.ts'
import type { AttemptFailed, AttemptSucceeded, LimitReading, RequestAdmitted } from '#domain/events.ts'
import { billOfFailed } from '#domain/failed-bill.ts'
import type { FailureReason } from '#domain/failure.ts'
import { type ModelId, modelId, type ProviderId } from '#domain/ids.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import { attemptCost } from '#domain/pricing.ts'

/** An attempt under way. */
export interface StartedAttempt {
  readonly request: Pick<RequestAdmitted, 'requestId' | 'model' | 'stream'>
  /** 1, 2, 3 … of the request. */
  readonly attempt: number
  readonly provider: ProviderId
  readonly policy: ProviderPolicy
  readonly upstream: Upstream
  /** The name that the provider is asked for. */
  readonly model: ModelId
  readonly estimate: AttemptEstimate
  /** By the timekeeper's clock. */
  readonly since: number
}

/** The parts of an event that name the attempt. */
const named = ({ request: { requestId }, attempt, provider }: StartedAttempt) => ({ requestId, attempt, provider })

/** What the answer's headers said of limits; nothing is not recorded. */
const limitsIn = (
  upstream: Upstream,
  headers: HeaderList,
  at: number,
): { readonly limits?: readonly LimitReading[] } => {
  const limits = upstream.readLimits(headers, at)
  return limits.length === 0 ? {} : { limits }
}

/** @param at epoch ms @param endedAt the same by the timekeeper's clock, for durations */
export const succeededAttempt = (
  started: StartedAttempt,
  success: AttemptSuccess,
  at: number,
  endedAt: number,
): AttemptSucceeded => {
  const { request, policy, model, since } = started
  const { upstreamRequestId, reportedCostUsd, usage } = success
  const { listNanoUsd, savedNanoUsd } = attemptCost({ provider: policy, model, usage })
  return {
    _tag: 'AttemptSucceeded',
    ...named(started),
    // A translated answer carries the client's own name of the model, which says nothing about who answered.
    model: success.model === undefined || success.model === request.model ? model : modelId(success.model),
    status: success.status,
    usage,
    stopReason: success.stopReason,
    ttftMs: success.firstContentAt - since,
    durationMs: endedAt - since,
    responseBytes: success.responseBytes,
    ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }),
    ...(listNanoUsd === null ? {} : { costNanoUsd: listNanoUsd }),
    ...(reportedCostUsd === undefined ? {} : { reportedCostNanoUsd: Math.round(reportedCostUsd * 1e9) }),
    ...(savedNanoUsd === null || savedNanoUsd === 0 ? {} : { cacheSavedNanoUsd: savedNanoUsd }),
    ...limitsIn(started.upstream, success.headers, at),
  }
}

/**
 * @param error absent when the attempt was given up: the client left, or a bug ended it
 * @param reading what was read of its stream
 * @param at epoch ms
 * @param endedAt the same by the timekeeper's clock, for durations
 */
export const failedAttempt = (
  started: StartedAttempt,
  failure: {
    readonly reason: FailureReason
    readonly error: ProviderError | undefined
    readonly stage: AttemptFailed['stage']
    readonly reading: AnthropicStream | undefined
    readonly draw: number
  },
  at: number,
  endedAt: number,
): AttemptFailed => {
  const { request, policy, model, estimate } = started
  const { reason, error, stage, reading, draw } = failure
  const upstreamRequestId = error?.upstreamRequestId
  const bill = billOfFailed({
    reason,
    usage: error === undefined ? reading?.usage : error.usage,
    contentFrames: reading?.contentFrames ?? 0,
    contentBytes: reading?.contentBytes ?? 0,
    isCounted: reading === undefined || reading.isCounted,
    // A whole answer may have been written to its end, unseen.
    promptNanoUsd: request.stream ? estimate.promptNanoUsd : estimate.expectedNanoUsd,
    costOf: (usage) => attemptCost({ provider: policy, model, usage }).nanoUsd,
  })
  return {
    _tag: 'AttemptFailed',
    ...named(started),
    model,
    reason,
    stage,
    durationMs: endedAt - started.since,
    ...bill,
    ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }),
    ...limitsIn(started.upstream, error?.headers ?? [], at),
    draw,
  }
}
