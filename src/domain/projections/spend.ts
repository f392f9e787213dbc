/**
 * Tokens used, by provider and model since the log began and by UTC day. Failed attempts count with what their provider had
 * reported: it may bill that.
 */
import type { Projection } from '#domain/projections/projection.ts'
import { bucketAt } from '#domain/projections/time-buckets.ts'
import { addUsage, noUsage, type Usage } from '#domain/usage.ts'

export interface SpendRow {
  readonly provider: string
  readonly model: string
  /** Attempts whose usage is in here. */
  attempts: number
  usage: Usage
}

/** `slot`: whole UTC days since 1970-01-01. */
export interface SpendDay {
  readonly slot: number
  attempts: number
  usage: Usage
}

export interface Spend {
  /** By JSON of [provider, model]. What comes after `ROWS_KEPT` pairs is summed under `OTHER`. */
  readonly rows: Map<string, SpendRow>
  /** Oldest first; days without usage are absent. */
  readonly days: SpendDay[]
}

export const ROWS_KEPT = 200
export const DAYS_KEPT = 40
export const OTHER = 'other'

const DAY_MS = 86_400_000

export const spend: Projection<Spend> = {
  name: 'spend',
  version: 1,
  initial: () => ({ rows: new Map(), days: [] }),
  evolve: (state, { event, occurredAt }) => {
    if (event._tag !== 'AttemptSucceeded' && event._tag !== 'AttemptFailed') return state
    if (event.usage === undefined) return state
    book(rowOf(state, event.provider, event.model), event.usage)
    const day = bucketAt(state.days, Math.floor(occurredAt / DAY_MS), DAYS_KEPT, (slot) => ({
      slot,
      attempts: 0,
      usage: noUsage,
    }))
    if (day !== undefined) book(day, event.usage)
    return state
  },
}

const book = (account: { attempts: number; usage: Usage }, usage: Usage): void => {
  account.attempts += 1
  account.usage = addUsage(account.usage, usage)
}

const rowOf = ({ rows }: Spend, provider: string, model: string): SpendRow => {
  const key = JSON.stringify([provider, model])
  const found = rows.get(key)
  if (found !== undefined) return found
  return rows.size < ROWS_KEPT
    ? newRow(rows, key, provider, model)
    : (rows.get(OTHER) ?? newRow(rows, OTHER, OTHER, OTHER))
}

const newRow = (rows: Spend['rows'], key: string, provider: string, model: string): SpendRow => {
  const row: SpendRow = { provider, model, attempts: 0, usage: noUsage }
  rows.set(key, row)
  return row
}
