/**
 * GET /admin/requests: lists of requests, and one request explained.
 */
import type { Explanation } from '#actors/views/explanation.ts'
import type { RequestRow } from '#actors/views/requests-view.ts'
import type { BookedRequest } from '#domain/books.ts'
import type { EventRow } from '#http/admin/event-row.ts'
import { type Answer, ask } from './ask.ts'

export interface RequestFilter {
  readonly provider?: string | null
  readonly outcome?: string | null
  readonly session?: string | null
  readonly model?: string | null
  readonly key?: string | null
  readonly project?: string | null
  readonly limit?: number
  /** The `next` of the page before. */
  readonly cursor?: string | number | null
}

/** What a list shows of a request. Times are epoch ms; null: not known. */
export interface RequestLine {
  readonly requestId: string
  readonly admittedAt: number
  readonly model: string
  readonly outcome: RequestRow['outcome']
  readonly provider: string | null
  readonly attempts: number
  readonly sessionId: string | null
  readonly status: number | null
  readonly reason: string | null
  readonly ttftMs: number | null
  readonly durationMs: number | null
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly cacheReadTokens: number | null
  readonly costNanoUsd: number | null
}

export interface RequestPage {
  readonly rows: readonly RequestLine[]
  readonly next: string | number | null
}

interface Page {
  readonly data: readonly (RequestRow | BookedRequest)[]
  readonly next?: string | number | null
}

export const fetchRequests = async (filter: RequestFilter, signal?: AbortSignal): Promise<Answer<RequestPage>> => {
  const answer = await ask<Page>('/admin/requests', {
    query: { ...filter },
    ...(signal === undefined ? {} : { signal }),
  })
  if (answer._tag !== 'Ok') return answer
  const { data, next = null } = answer.value
  return { _tag: 'Ok', value: { rows: data.map(lineOf), next } }
}

/** Rows of the books, or of the state in memory, which know less. */
export const lineOf = (row: RequestRow | BookedRequest): RequestLine => {
  const { requestId, admittedAt, model, provider, attempts, sessionId, status, reason, ttftMs, durationMs } = row
  const line = { requestId, admittedAt, model, provider, attempts, sessionId, status, reason, ttftMs, durationMs }
  if ('costNanoUsd' in row) {
    const { inputTokens, outputTokens, cacheReadTokens, costNanoUsd, unpriced } = row
    const cost = unpriced > 0 && costNanoUsd === 0 ? null : costNanoUsd
    return {
      ...line,
      outcome: row.outcome ?? 'inFlight',
      inputTokens,
      outputTokens,
      cacheReadTokens,
      costNanoUsd: cost,
    }
  }
  const { usage } = row
  return {
    ...line,
    outcome: row.outcome,
    inputTokens: usage?.inputTokens ?? null,
    outputTokens: usage?.outputTokens ?? null,
    cacheReadTokens: usage?.cacheReadTokens ?? null,
    costNanoUsd: null,
  }
}

export interface ExplainedRequest {
  readonly explanation: Explanation
  readonly events: readonly EventRow[]
}

export const fetchRequest = (id: string, signal?: AbortSignal): Promise<Answer<ExplainedRequest>> =>
  ask(`/admin/requests/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal })
