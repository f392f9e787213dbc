/**
 * What was used and what it cost: by provider and model since the log began, by UTC day and by UTC hour. Failed attempts count
 * with what their provider had reported: it may bill that. Money is in billionths of a US dollar.
 *
 * An attempt without a price costs nothing here, and is counted apart in `unpriced`: a sum that leaves something out must be
 * known as such.
 */
import type { DomainEvent } from '#domain/events.ts'
import { namesKey } from '#domain/names-key.ts'
import { FOLLOWED, follow, type OpenRequests } from '#domain/projections/open-attempts.ts'
import type { Projection } from '#domain/projections/projection.ts'
import { bucketAt } from '#domain/projections/time-buckets.ts'
import { addUsage, noUsage, type Usage } from '#domain/usage.ts'

export interface SpendRow {
  readonly provider: string
  /** As the answer names it; of an abandoned attempt, as it was asked for. */
  readonly model: string
  /** Attempts whose usage or cost is in here. */
  attempts: number
  usage: Usage
  costNanoUsd: number
}

/** `slot`: whole UTC days since 1970-01-01. */
export interface SpendDay {
  readonly slot: number
  attempts: number
  usage: Usage
  costNanoUsd: number
}

/** `slot`: whole hours since the epoch. */
export interface SpendHour {
  readonly slot: number
  attempts: number
  costNanoUsd: number
}

/** Attempts that used tokens for which nobody knows a price. */
export interface Unpriced {
  readonly provider: string
  readonly model: string
  /** Oldest first; `slot`: whole hours since the epoch. */
  readonly hours: { readonly slot: number; attempts: number }[]
}

export interface Spend {
  /** By JSON of [provider, model]. What comes after `ROWS_KEPT` pairs is summed under `OTHER`. */
  readonly rows: Map<string, SpendRow>
  /** Oldest first; days without usage are absent, and so are hours. */
  readonly days: SpendDay[]
  readonly hours: SpendHour[]
  /** By JSON of [provider, model]; the one that was used last is the last. */
  readonly unpriced: Map<string, Unpriced>
  /** An abandoned request does not say what it was asking for. */
  readonly open: OpenRequests<null>
}

export const ROWS_KEPT = 200
export const DAYS_KEPT = 40
export const HOURS_KEPT = 48
export const UNPRICED_KEPT = 50
/** The last day, whenever in its hour it ends. */
export const UNPRICED_HOURS_KEPT = 25
export const OTHER = 'other'

export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

export const spend: Projection<Spend> = {
  name: 'spend',
  version: 2,
  hears: FOLLOWED,
  initial: () => ({ rows: new Map(), days: [], hours: [], unpriced: new Map(), open: new Map() }),
  evolve: (state, occurred) => {
    const { event, occurredAt } = occurred
    const ended = follow(state.open, occurred, () => null)
    const bill = billOf(event, ended?.model)
    if (bill === undefined) return state
    book(rowOf(state, bill.provider, bill.model), bill)
    const day = bucketAt(state.days, Math.floor(occurredAt / DAY_MS), DAYS_KEPT, newDay)
    if (day !== undefined) book(day, bill)
    const hour = bucketAt(state.hours, Math.floor(occurredAt / HOUR_MS), HOURS_KEPT, newHour)
    if (hour !== undefined) {
      hour.attempts += 1
      hour.costNanoUsd += bill.costNanoUsd ?? 0
    }
    if (bill.costNanoUsd === undefined) countUnpriced(state, bill, occurredAt)
    return state
  },
}

interface Bill {
  readonly provider: string
  readonly model: string
  readonly usage: Usage
  /** Absent without a price. */
  readonly costNanoUsd: number | undefined
}

/** Undefined for what costs nothing, and for a failure of which nobody can tell anything. */
const billOf = (event: DomainEvent, asked: string = OTHER): Bill | undefined => {
  switch (event._tag) {
    case 'AttemptSucceeded': {
      const { provider, model, usage } = event
      return { provider, model, usage, costNanoUsd: event.reportedCostNanoUsd ?? event.costNanoUsd }
    }
    case 'AttemptFailed': {
      const { provider, model, usage, costNanoUsd } = event
      if (usage === undefined && costNanoUsd === undefined) return undefined
      return { provider, model, usage: usage ?? noUsage, costNanoUsd }
    }
    case 'RequestAbandoned': {
      const { provider, costNanoUsd } = event
      if (provider === undefined || costNanoUsd === undefined) return undefined
      return { provider, model: asked, usage: noUsage, costNanoUsd }
    }
    default:
      return undefined
  }
}

const book = (account: { attempts: number; usage: Usage; costNanoUsd: number }, bill: Bill): void => {
  account.attempts += 1
  account.usage = addUsage(account.usage, bill.usage)
  account.costNanoUsd += bill.costNanoUsd ?? 0
}

const newDay = (slot: number): SpendDay => ({ slot, attempts: 0, usage: noUsage, costNanoUsd: 0 })
const newHour = (slot: number): SpendHour => ({ slot, attempts: 0, costNanoUsd: 0 })

const rowOf = ({ rows }: Spend, provider: string, model: string): SpendRow => {
  const key = namesKey([provider, model])
  const found = rows.get(key)
  if (found !== undefined) return found
  return rows.size < ROWS_KEPT
    ? newRow(rows, key, provider, model)
    : (rows.get(OTHER) ?? newRow(rows, OTHER, OTHER, OTHER))
}

const newRow = (rows: Spend['rows'], key: string, provider: string, model: string): SpendRow => {
  const row: SpendRow = { provider, model, attempts: 0, usage: noUsage, costNanoUsd: 0 }
  rows.set(key, row)
  return row
}

const countUnpriced = ({ unpriced }: Spend, { provider, model }: Bill, at: number): void => {
  const key = namesKey([provider, model])
  const pair = unpriced.get(key) ?? { provider, model, hours: [] }
  unpriced.delete(key)
  unpriced.set(key, pair)
  const hour = bucketAt(pair.hours, Math.floor(at / HOUR_MS), UNPRICED_HOURS_KEPT, (slot) => ({ slot, attempts: 0 }))
  if (hour !== undefined) hour.attempts += 1
  const [oldest] = unpriced.keys()
  if (oldest !== undefined && unpriced.size > UNPRICED_KEPT) unpriced.delete(oldest)
}
