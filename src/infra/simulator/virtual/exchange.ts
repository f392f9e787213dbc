/**
 * One attempt at one provider as the gateway sees it: when which part of the answer comes, how it ends. The walk (walk.ts) keeps the
 * time limits of a real attempt over it.
 */
import type { LimitReading } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import type { Usage } from '#domain/usage.ts'

/** What the client may hear of an attempt that failed before its answer began. */
export interface SpokenError {
  readonly status: number
  readonly retryAfterS: number | null
}

export type ExchangeEnd =
  | { readonly _tag: 'Answered'; readonly usage: Usage }
  | {
      readonly _tag: 'Failed'
      readonly reason: FailureReason
      readonly usage?: Usage
      readonly spoken?: SpokenError
    }

/** Times are epoch ms; Infinity: never. */
export interface Exchange {
  readonly connectedAt: number
  readonly headersAt: number
  readonly firstContentAt: number
  readonly endsAt: number
  readonly end: ExchangeEnd
  readonly limits: readonly LimitReading[]
  /** Its content comes token by token, so that what was made of it can be told from what has come. */
  readonly isSpelledOut?: true
}

export interface Asked<C> {
  readonly provider: ProviderId
  readonly model: ModelId
  readonly call: C
  /** 1, 2, 3 … over all attempts for this call, the client's own retries included: what happens is drawn by it. */
  readonly issue: number
  readonly without: readonly string[]
  /** Epoch ms. */
  readonly at: number
}

/** What the provider bills of an exchange that is over at `at`: the prompt from its headers on, output as it was made. */
export const billedAt = ({ headersAt, firstContentAt, endsAt, end }: Exchange, at: number): Usage | undefined => {
  if (at < headersAt || end.usage === undefined) return undefined
  const share = at >= endsAt ? 1 : (at - firstContentAt) / Math.max(1, endsAt - firstContentAt)
  return { ...end.usage, outputTokens: Math.max(1, Math.round(end.usage.outputTokens * Math.max(0, share))) }
}

/** What a broken stream has told by `at`: the prompt; of the output it tells the count at its end only. */
export const toldAt = ({ headersAt, end }: Exchange, at: number): Usage | undefined =>
  at < headersAt || end.usage === undefined ? undefined : { ...end.usage, outputTokens: 1 }

/** What the box has seen of the content by `at`: a frame a token, of the length that its estimate expects. */
export const contentAt = (
  exchange: Exchange,
  at: number,
): { readonly contentFrames: number; readonly contentBytes: number } => {
  const isSeen = exchange.isSpelledOut === true && at >= exchange.firstContentAt
  const tokens = !isSeen ? 0 : (billedAt(exchange, at)?.outputTokens ?? 0)
  return { contentFrames: tokens, contentBytes: FRAME_BYTES * tokens }
}
/** `content_block_delta` with four characters. */
const FRAME_BYTES = 124

/** It was worked on, so it counts against the provider's limits. */
export const wasLetIn = ({ end, firstContentAt }: Exchange): boolean =>
  end._tag === 'Answered' || end.usage !== undefined || Number.isFinite(firstContentAt)

export interface Backend<C> {
  readonly open: (asked: Asked<C>) => Exchange
  /** To be called once per exchange, when it is over: at its own end, or when the gateway gives it up. */
  readonly close: (asked: Asked<C>, exchange: Exchange, at: number) => void
}
