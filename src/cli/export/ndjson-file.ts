/**
 * Rows as one JSON object a line, with the columns in their order. Times are ISO 8601 in UTC.
 */
import type { Column, Row } from '#domain/export-rows/column.ts'
import type { RowFormat } from './row-file.ts'

export const ndjson: RowFormat = (file, columns) => ({
  write: (rows) => file.appendFile(rows.map((row) => ndjsonLine(row, columns)).join('')),
  finish: async () => {},
})

export const ndjsonLine = (row: Row, columns: readonly Column[]): string =>
  `${JSON.stringify(Object.fromEntries(columns.map((column) => [column.name, inJson(column, row[column.name])])))}\n`

const inJson = ({ type }: Column, value: unknown): unknown =>
  type === 'time' && typeof value === 'number' ? new Date(value).toISOString() : value
