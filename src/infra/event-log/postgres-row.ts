/** A row of the log on PostgreSQL as it is asked for and read. */
import { fromText } from '#infra/event-log/postgres-tables.ts'
import { namedRow, type RawRow } from '#infra/event-log/raw-row.ts'
import type { StoredRow } from '#infra/event-log/row.ts'

/**
 * In the order of RawRow. The writer's name is looked up row by row: a join of all writers would let the planner read the log in
 * another order than that of its positions.
 */
export const COLUMNS = `position, stream, stream_version, type, schema_version,
  (SELECT name FROM signalbox.writers WHERE id = events.writer), writer_seq, occurred_at, recorded_at, correlation, causation, data`

/** The row as it was handed over. A row without its writer is damage; verify reports it, reading goes on. */
export const storedRow = (cells: readonly unknown[]): StoredRow => {
  const row = namedRow(cells as unknown as RawRow)
  return {
    ...row,
    stream: fromText(row.stream),
    writer: fromText(row.writer ?? 'an unknown writer'),
    correlation: row.correlation === null ? null : fromText(row.correlation),
  }
}
