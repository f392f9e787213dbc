/** How questions that are written for every database are put to SQLite. */
import type { Database } from 'better-sqlite3'
import type { Cells, Dialect, Statement } from '#infra/event-log/asking.ts'

const plain = (text: string): string => text

export const sqlite: Dialect = {
  table: plain,
  toText: plain,
  fromText: plain,
  firstOfStream: 'SELECT position FROM events WHERE stream = ? AND stream_version = 1',
  isLoneStart: `json_extract(data, '$.shared') IS NULL`,
}

export const rowsOf =
  (database: Database) =>
  ({ sql, parameters }: Statement): readonly Cells[] =>
    database
      .prepare<unknown[], Cells>(sql)
      .raw()
      .all(...parameters) as Cells[]
