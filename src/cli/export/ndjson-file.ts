/**
 * Rows as one JSON object a line, with the columns in their order. Times are ISO 8601 in UTC.
 */
import { open } from 'node:fs/promises'
import type { Column, Row } from '#domain/export-rows/column.ts'
import type { OpenRowFile } from './row-file.ts'

export const openNdjson: OpenRowFile = async (path, columns) => {
  const file = await open(path, 'wx', 0o600)
  return {
    write: async (rows) => void (await file.appendFile(rows.map((row) => ndjsonLine(row, columns)).join(''))),
    finish: () => file.close(),
  }
}

export const ndjsonLine = (row: Row, columns: readonly Column[]): string =>
  `${JSON.stringify(Object.fromEntries(columns.map((column) => [column.name, inJson(column, row[column.name])])))}\n`

const inJson = ({ type }: Column, value: unknown): unknown =>
  type === 'time' && typeof value === 'number' ? new Date(value).toISOString() : value
