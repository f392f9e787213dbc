/** How questions that are written for every database are put to SQLite. */
import type { Database } from 'better-sqlite3'
import type { Cells, Dialect, Statement } from '#infra/event-log/asking.ts'

const plain = (text: string): string => text

export const sqlite: Dialect = {
  table: plain,
  toText: plain,
  fromText: plain,
  firstOf: (stream) =>
    `SELECT first.position FROM events AS first WHERE first.stream = ${stream} AND first.stream_version = 1`,
  sizeOf: (stream) => `SELECT count(*) FROM events WHERE stream = ${stream}`,
  isLoneStart: `json_extract(data, '$.shared') IS NULL`,
}

export const rowsOf =
  (database: Database) =>
  ({ sql, parameters }: Statement): readonly Cells[] =>
    database
      .prepare<unknown[], Cells>(sql)
      .raw()
      .all(...parameters) as Cells[]
