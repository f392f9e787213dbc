/**
 * What a provider will bill for an attempt that failed, as far as can be told. A request that it refused costs nothing. One
 * that it was answering when the connection was lost, or when the client left, costs what it had told by then, and for the
 * output that it had not counted yet there is an estimate, marked as one.
 */
import type { AttemptFailed } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { Usage } from '#domain/usage.ts'

export interface FailedAttempt {
  readonly reason: FailureReason
  /** As told by the provider so far; undefined: it told none. */
  readonly usage: Usage | undefined
  /** Bytes of content frames that came. */
  readonly contentBytes: number
  readonly contentFrames: number
  /** The provider's last word on its usage has come. */
  readonly isCounted: boolean
  /** Of the prompt, as it was expected when it was sent, in billionths of a US dollar; null: no price. */
  readonly promptNanoUsd: number | null
  readonly costOf: (usage: Usage) => number | null
}

export type FailedBill = Pick<AttemptFailed, 'usage' | 'costNanoUsd' | 'estimated'>

/** `event: content_block_delta`, `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"…"}}`. */
const FRAME_BYTES = 120
const BYTES_PER_TOKEN = 4

export const billOfFailed = (attempt: FailedAttempt): FailedBill => {
  const { usage, isCounted, promptNanoUsd } = attempt
  if (usage !== undefined) {
    const seen = Math.round(Math.max(0, attempt.contentBytes - FRAME_BYTES * attempt.contentFrames) / BYTES_PER_TOKEN)
    const isEstimate = !isCounted && seen > usage.outputTokens
    const told = isEstimate ? { ...usage, outputTokens: seen } : usage
    return { usage: told, ...cost(attempt.costOf(told)), ...(isEstimate ? { estimated: true } : {}) }
  }
  if (!wasUnderWay(attempt.reason)) return { costNanoUsd: 0 }
  return { ...cost(promptNanoUsd), estimated: true }
}

const cost = (nanoUsd: number | null): Pick<FailedBill, 'costNanoUsd'> =>
  nanoUsd === null ? {} : { costNanoUsd: nanoUsd }

/** It was sent, and nobody said that it was not done: the provider may have read the prompt. */
const wasUnderWay = (reason: FailureReason): boolean => {
  switch (reason._tag) {
    case 'Cancelled':
      return true
    case 'Timeout':
      return reason.phase !== 'connect'
    case 'Transport':
      return !reason.connect
    default:
      return false
  }
}
