/**
 * Sizes of a logged call that no provider changes: tokens of its prompt and of its answer, and what of it can be in a cache. Where
 * nobody served it they are estimated from the calls that were served.
 */

import type { Usage } from '#domain/usage.ts'
import type { LoggedCall } from '#domain/what-if/traffic.ts'

export interface CallSize {
  readonly promptTokens: number
  /** The part of the prompt that a compaction leaves as it is. */
  readonly preambleTokens: number
  readonly outputTokens: number
  readonly isCached: boolean
  readonly isLongLived: boolean
}

export const promptOf = (usage: Usage): number =>
  usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens

/** One per call, in their order. */
export const sizesOf = (calls: readonly LoggedCall[]): readonly CallSize[] => {
  const served = calls.map(answerOf)
  const known = served.flatMap((usage, index) => {
    const bytes = calls[index]?.requests[0].admitted.bodyBytes
    return usage === undefined || bytes === undefined ? [] : [{ usage, bytes }]
  })
  const bytes = known.reduce((sum, one) => sum + one.bytes, 0)
  const tokens = known.reduce((sum, { usage }) => sum + promptOf(usage), 0)
  const tokensPerByte = bytes === 0 ? ASSUMED_TOKENS_PER_BYTE : tokens / bytes
  const outputs = known.map(({ usage }) => usage.outputTokens).toSorted((a, b) => a - b)
  const outputTokens = outputs[Math.floor(outputs.length / 2)] ?? ASSUMED_OUTPUT_TOKENS
  const isLongLived = known.some(({ usage }) => usage.cacheWrite1hTokens > 0)
  const ofSession = new Map<string, number>()
  for (const [index, usage] of served.entries()) {
    const call = calls[index]
    if (usage !== undefined && call !== undefined)
      ofSession.set(call.session, promptOf(usage) / call.requests[0].admitted.bodyBytes)
  }
  const preamble = preambleShare(calls, served)
  return calls.map(({ session, requests: [{ admitted }] }, index) => {
    const usage = served[index]
    const rate = ofSession.get(session) ?? tokensPerByte
    const promptTokens = usage === undefined ? Math.max(1, Math.round(admitted.bodyBytes * rate)) : promptOf(usage)
    return {
      promptTokens,
      preambleTokens: Math.min(promptTokens, Math.round(preamble * rate)),
      outputTokens: usage?.outputTokens ?? outputTokens,
      // The client marks what has tools; the API caches nothing below this many tokens (claude-code.md 14).
      isCached: admitted.tools > 1 && promptTokens >= LEAST_CACHED_TOKENS,
      isLongLived,
    }
  })
}

/** Four bytes a token are usual of English and code. */
const ASSUMED_TOKENS_PER_BYTE = 0.25
const ASSUMED_OUTPUT_TOKENS = 300
const LEAST_CACHED_TOKENS = 1_024

const answerOf = ({ requests }: LoggedCall): Usage | undefined =>
  requests.flatMap(({ attempts }) => attempts).find(({ reason, usage }) => reason === null && usage !== null)?.usage ??
  undefined

/** Bytes before the history: what was still read after a history had become shorter, in the middle of all such cases. */
const preambleShare = (calls: readonly LoggedCall[], served: readonly (Usage | undefined)[]): number => {
  const before = new Map<string, number>()
  const found: number[] = []
  for (const [index, call] of calls.entries()) {
    const { messages, bodyBytes } = call.requests[0].admitted
    const usage = served[index]
    const last = before.get(call.conversation)
    before.set(call.conversation, messages)
    if (last === undefined || messages >= last || usage === undefined || usage.cacheReadTokens === 0) continue
    found.push((usage.cacheReadTokens / promptOf(usage)) * bodyBytes)
  }
  return found.toSorted((a, b) => a - b)[Math.floor(found.length / 2)] ?? 0
}
