/**
 * The books: one row a request, and sums of what attempts used and cost. book-event.ts makes them of events, books-query.ts says
 * what they can be asked.
 *
 * Threads that must start fast load these files, so they import types only, or each other.
 */

export const ENDINGS = ['succeeded', 'failed', 'cancelled', 'abandoned'] as const
export type Ending = (typeof ENDINGS)[number]

/** A request as the books know it. Times are epoch ms; tokens and money are sums over its attempts; null: not (yet) known. */
export interface BookedRequest {
  /** Of its admission in the log; the newest request has the highest. */
  readonly position: number
  readonly requestId: string
  readonly admittedAt: number
  /** As the client named it. */
  readonly model: string
  readonly sessionId: string | null
  readonly agentId: string | null
  readonly parentAgentId: string | null
  /** Name of the client key. */
  readonly clientKey: string | null
  readonly project: string | null
  readonly stream: boolean
  readonly strategy: string | null
  /** Who serves it, has served it, or was tried last. */
  readonly provider: string | null
  /** The model that answered, as the provider names it. */
  readonly servedModel: string | null
  /** Attempts that were started. */
  readonly attempts: number
  /** Null while it is under way. */
  readonly outcome: Ending | null
  /** What the client got. */
  readonly status: number | null
  /** Tag of the reason why it failed, or why its last attempt did. */
  readonly reason: string | null
  readonly ttftMs: number | null
  /** From its admission to its end. */
  readonly durationMs: number | null
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
  readonly webSearches: number
  readonly costNanoUsd: number
  readonly cacheSavedNanoUsd: number
  /** Attempts whose cost nobody knows; it is not in the cost. */
  readonly unpriced: number
  /** A part of the cost is an estimate. */
  readonly estimated: boolean
  /** Position of its terminal event. */
  readonly endedPosition: number | null
}

/** The sums of a cell of the books, in the order in which adapters store them. */
export const SUMS = [
  'requests',
  'attempts',
  'succeeded',
  'failed',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
  'webSearches',
  'costNanoUsd',
  'listNanoUsd',
  'cacheSavedNanoUsd',
  'switchNanoUsd',
  'unpriced',
  'estimated',
  'estimatedNanoUsd',
] as const

/**
 * `requests`: those that ended here; where several attempts were made, with the last one. `listNanoUsd`: the cost by prices, so
 * its difference to `costNanoUsd` is what providers charged otherwise. `cacheSavedNanoUsd`: below zero where writing cost more
 * than reading saved. `switchNanoUsd`: part of the cost, because caches were with another provider. `unpriced`: attempts whose
 * cost nobody knows. `estimated`, `estimatedNanoUsd`: attempts whose cost is an estimate, and that part of the cost.
 */
export type CostSums = { readonly [K in (typeof SUMS)[number]]: number }

export const noCost: CostSums = {
  requests: 0,
  attempts: 0,
  succeeded: 0,
  failed: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  webSearches: 0,
  costNanoUsd: 0,
  listNanoUsd: 0,
  cacheSavedNanoUsd: 0,
  switchNanoUsd: 0,
  unpriced: 0,
  estimated: 0,
  estimatedNanoUsd: 0,
}

/** What a cell is for. Provider and model are null for requests that were sent to nobody. */
export interface CellKey {
  /** Whole UTC hours since 1970. */
  readonly hour: number
  readonly provider: string | null
  /** As the provider is asked for it. */
  readonly model: string | null
  /** As the client asked for it. */
  readonly asked: string
  readonly session: string | null
  readonly agent: string | null
  readonly parentAgent: string | null
  readonly key: string | null
  readonly project: string | null
}

/** What an event adds to a cell. */
export interface CostEntry {
  readonly cell: CellKey
  readonly sums: CostSums
}

const HOUR_MS = 3_600_000

export const hourOf = (at: number): number => Math.floor(at / HOUR_MS)
