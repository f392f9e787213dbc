/**
 * Keeping the books: folds the events of one request after the other, for every adapter of the log with this one function, so
 * their figures cannot differ. An attempt is booked when it ends, in the hour in which it ends; the cost that counts is what the
 * provider says it charged, else the one by its prices. A cost that nobody knows is counted as an unpriced attempt, never as zero.
 */
import { type BookedRequest, type CostEntry, type CostSums, type Ending, hourOf, noCost } from '#domain/books.ts'
import type { AttemptFailed, AttemptSucceeded, DomainEvent, EventType } from '#domain/events.ts'
import type { TokenCounts, Usage } from '#domain/usage.ts'

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

const NOTHING_USED: TokenCounts = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
}

/** The attempt that an event tells of: the provider is asked for a model by the name with which it was started. */
const attemptOf = (
  { attempt }: RequestBook,
  { provider, model }: { readonly provider: string; readonly model: string },
): Attempt => (attempt?.provider === provider ? attempt : { provider, model, switchNanoUsd: 0 })

/** What the books need to know of an attempt's end. */
type Bill = Pick<AttemptSucceeded, 'provider' | 'costNanoUsd' | 'reportedCostNanoUsd' | 'cacheSavedNanoUsd'> &
  Pick<AttemptFailed, 'estimated' | 'usage'>

const billed = (bill: Partial<Bill> & { readonly provider: string }, attempt: Attempt | undefined): CostSums => {
  const usage: Usage = bill.usage ?? NOTHING_USED
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
