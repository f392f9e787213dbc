/**
 * The books: one row a request, and sums of what attempts used and cost. Folded from the events of one request after the
 * other, by every adapter of the log with this one function, so their figures cannot differ. An attempt is booked when it ends,
 * in the hour in which it ends; the cost that counts is what the provider says it charged, else the one by its prices. A cost
 * that nobody knows is counted as an unpriced attempt, never as zero.
 */
import type { AttemptFailed, AttemptSucceeded, DomainEvent, EventType } from '#domain/events.ts'
import { noUsage, type Usage } from '#domain/usage.ts'

/** Raise it when the same events make other rows or sums: the books are then made anew from the log. */
export const BOOKS_VERSION = 1

/** The types that change the books. */
export const BOOKED_TYPES: readonly EventType[] = [
  'RequestAdmitted',
  'RouteChosen',
  'AttemptStarted',
  'AttemptSucceeded',
  'AttemptFailed',
  'RequestFailed',
  'RequestCancelled',
  'RequestAbandoned',
]

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
  /** Id of the client key. */
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

interface Attempt {
  readonly provider: string
  readonly model: string
  readonly switchNanoUsd: number
}

/** A request with what its next event is booked by. */
export interface RequestBook {
  readonly row: BookedRequest
  /** The one in flight, or the last one. */
  readonly attempt?: Attempt
}

export interface Booking {
  readonly book: RequestBook
  readonly entry?: CostEntry
}

const HOUR_MS = 3_600_000

export const hourOf = (at: number): number => Math.floor(at / HOUR_MS)

/**
 * Books the next event of a request. Total: what cannot follow (no admission before, an end after the end) changes nothing and
 * answers undefined.
 *
 * @param book of the events before; undefined before its admission
 * @param at when it occurred, epoch ms
 * @param position of the event in the log
 */
export const bookEvent = (
  book: RequestBook | undefined,
  event: DomainEvent,
  at: number,
  position: number,
): Booking | undefined => {
  if (event._tag === 'RequestAdmitted') return book === undefined ? { book: admitted(event, at, position) } : undefined
  if (book === undefined || book.row.outcome !== null) return undefined
  const { row } = book
  const ended = (outcome: Ending) => ({ outcome, durationMs: at - row.admittedAt, endedPosition: position })
  switch (event._tag) {
    case 'RouteChosen':
      return { book: { ...book, row: { ...row, strategy: event.strategy } } }
    case 'AttemptStarted': {
      const { provider, model, switchNanoUsd = 0 } = event
      const attempts = Math.max(row.attempts, event.attempt)
      return { book: { row: { ...row, attempts, provider }, attempt: { provider, model, switchNanoUsd } } }
    }
    case 'AttemptSucceeded': {
      const { provider, model, status } = event
      const sums = { ...billed(event, book.attempt), requests: 1, succeeded: 1 }
      const served = { provider, servedModel: model, status, ttftMs: Math.round(event.ttftMs), reason: null }
      return bookAttempt(book, attemptOf(book, event), sums, at, { ...served, ...ended('succeeded') })
    }
    case 'AttemptFailed': {
      const sums = { ...billed(event, book.attempt), failed: 1 }
      return bookAttempt(book, attemptOf(book, event), sums, at, {
        provider: event.provider,
        reason: event.reason._tag,
      })
    }
    case 'RequestFailed': {
      const { status, reason } = event
      return bookAttempt(book, book.attempt, ONE_REQUEST, at, { status, reason: reason._tag, ...ended('failed') })
    }
    case 'RequestCancelled':
      return bookAttempt(book, book.attempt, ONE_REQUEST, at, ended('cancelled'))
    case 'RequestAbandoned': {
      const { provider, costNanoUsd } = event
      if (provider === undefined) return bookAttempt(book, book.attempt, ONE_REQUEST, at, ended('abandoned'))
      const lost = attemptOf(book, { provider, model: row.model })
      const bill = { provider, ...(costNanoUsd === undefined ? {} : { costNanoUsd, estimated: true as const }) }
      const sums = { ...billed(bill, book.attempt), requests: 1, failed: 1 }
      return bookAttempt(book, lost, sums, at, { provider, ...ended('abandoned') })
    }
  }
  return undefined
}

const ONE_REQUEST: CostSums = { ...noCost, requests: 1 }

type Admitted = Extract<DomainEvent, { readonly _tag: 'RequestAdmitted' }>

const admitted = (event: Admitted, at: number, position: number): RequestBook => ({
  row: {
    position,
    requestId: event.requestId,
    admittedAt: at,
    model: event.model,
    sessionId: event.sessionId ?? null,
    agentId: event.agentId ?? null,
    parentAgentId: event.parentAgentId ?? null,
    clientKey: event.clientKey ?? null,
    project: event.project ?? null,
    stream: event.stream,
    strategy: null,
    provider: null,
    servedModel: null,
    attempts: 0,
    outcome: null,
    status: null,
    reason: null,
    ttftMs: null,
    durationMs: null,
    ...NOTHING_USED,
    webSearches: 0,
    costNanoUsd: 0,
    cacheSavedNanoUsd: 0,
    unpriced: 0,
    estimated: false,
    endedPosition: null,
  },
})

const { inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = noUsage
const NOTHING_USED = { inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens }

/** The attempt that an event tells of: the provider is asked for a model by the name with which it was started. */
const attemptOf = (
  { attempt }: RequestBook,
  { provider, model }: { readonly provider: string; readonly model: string },
): Attempt => (attempt?.provider === provider ? attempt : { provider, model, switchNanoUsd: 0 })

/** What the books need to know of an attempt's end. */
type Bill = Pick<AttemptSucceeded, 'provider' | 'costNanoUsd' | 'reportedCostNanoUsd' | 'cacheSavedNanoUsd'> &
  Pick<AttemptFailed, 'estimated' | 'usage'>

const billed = (bill: Partial<Bill> & { readonly provider: string }, attempt: Attempt | undefined): CostSums => {
  const usage: Usage = bill.usage ?? noUsage
  const cost = bill.reportedCostNanoUsd ?? bill.costNanoUsd
  const paid = cost ?? 0
  const switched = attempt?.provider === bill.provider ? attempt.switchNanoUsd : 0
  return {
    requests: 0,
    attempts: 1,
    succeeded: 0,
    failed: 0,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cacheReadTokens: usage.cacheReadTokens,
    cacheWrite5mTokens: usage.cacheWrite5mTokens,
    cacheWrite1hTokens: usage.cacheWrite1hTokens,
    webSearches: usage.webSearches ?? 0,
    costNanoUsd: paid,
    listNanoUsd: bill.costNanoUsd ?? paid,
    cacheSavedNanoUsd: bill.cacheSavedNanoUsd ?? 0,
    // It was expected; an attempt that failed early has not cost so much.
    switchNanoUsd: Math.min(switched, paid),
    unpriced: cost === undefined ? 1 : 0,
    estimated: bill.estimated === true ? 1 : 0,
    estimatedNanoUsd: bill.estimated === true ? paid : 0,
  }
}

const bookAttempt = (
  { row }: RequestBook,
  attempt: Attempt | undefined,
  sums: CostSums,
  at: number,
  changes: Partial<BookedRequest>,
): Booking => ({
  book: {
    row: {
      ...row,
      inputTokens: row.inputTokens + sums.inputTokens,
      outputTokens: row.outputTokens + sums.outputTokens,
      cacheReadTokens: row.cacheReadTokens + sums.cacheReadTokens,
      cacheWrite5mTokens: row.cacheWrite5mTokens + sums.cacheWrite5mTokens,
      cacheWrite1hTokens: row.cacheWrite1hTokens + sums.cacheWrite1hTokens,
      webSearches: row.webSearches + sums.webSearches,
      costNanoUsd: row.costNanoUsd + sums.costNanoUsd,
      cacheSavedNanoUsd: row.cacheSavedNanoUsd + sums.cacheSavedNanoUsd,
      unpriced: row.unpriced + sums.unpriced,
      estimated: row.estimated || sums.estimated > 0,
      ...changes,
    },
    ...(attempt === undefined ? {} : { attempt }),
  },
  entry: {
    cell: {
      hour: hourOf(at),
      provider: attempt?.provider ?? null,
      model: attempt?.model ?? null,
      asked: row.model,
      session: row.sessionId,
      agent: row.agentId,
      parentAgent: row.parentAgentId,
      key: row.clientKey,
      project: row.project,
    },
    sums,
  },
})
