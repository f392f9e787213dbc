/**
 * Tables for notebooks: what a column is, and how rows are made of the events of a log. docs/export.md describes every column; a
 * test keeps the two equal.
 */
import type { EventType } from '#domain/events.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'

/**
 * `time`: epoch ms. `integer`: whole, beyond 32 bits. `json`: plain data. What there is none of is null, in every type.
 */
export type ColumnType = 'text' | 'integer' | 'number' | 'time' | 'flag' | 'json'

export interface Column {
  readonly name: string
  readonly type: ColumnType
  readonly about: string
}

export type Row = { readonly [column: string]: unknown }

/** One table. */
export interface ExportTable {
  readonly columns: readonly Column[]
  /** Of which its rows are made. */
  readonly types: readonly EventType[]
  /** The column by which a span of time selects rows. */
  readonly time: string
  /**
   * Starts with nothing under way; answers the row that the next event completes, if any. Its memory is bounded by the requests that
   * are open at once. Requests whose admission is not among the events make no rows.
   */
  readonly start: () => (recorded: RecordedEvent) => Row | undefined
}
