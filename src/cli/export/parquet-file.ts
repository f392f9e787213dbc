/**
 * Rows as Apache Parquet, compressed with Snappy, in row groups: the memory of one of them is all it takes, however many there are.
 */
import type { BasicType, ColumnSource } from 'hyparquet-writer'
import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import type { Column, ColumnType, Row } from '#domain/export-rows/column.ts'
import type { RowFormat } from './row-file.ts'

/** Readers skip whole groups, so a group should not be small; some 20 MB of objects are in memory meanwhile. */
export const ROW_GROUP = 20_000

const TYPES: { readonly [T in ColumnType]: BasicType } = {
  text: 'STRING',
  integer: 'INT64',
  number: 'DOUBLE',
  time: 'TIMESTAMP',
  flag: 'BOOLEAN',
  json: 'JSON',
}

export const parquet: RowFormat = (file, columns) => {
  const writer = new ByteWriter()
  /** What is in the buffer goes to the file after each group; offsets count on. */
  const flush = async (): Promise<void> => {
    await file.appendFile(writer.getBytes())
    writer.index = 0
  }
  const schema = schemaFromColumnData({ columnData: columnsOf([], columns) })
  const table = new ParquetWriter({ writer, schema, createdBy: 'signalbox' })
  let waiting: Row[] = []
  const writeGroup = async (): Promise<void> => {
    const group = waiting
    waiting = []
    await table.write({ columnData: columnsOf(group, columns), rowGroupSize: ROW_GROUP })
    await flush()
  }
  return {
    write: async (rows) => {
      for (const row of rows) {
        waiting.push(row)
        if (waiting.length >= ROW_GROUP) await writeGroup()
      }
    },
    finish: async () => {
      if (waiting.length > 0) await writeGroup()
      await table.finish()
      await flush()
    },
  }
}

const columnsOf = (rows: readonly Row[], columns: readonly Column[]): ColumnSource[] =>
  columns.map(({ name, type }) => ({ name, type: TYPES[type], data: rows.map((row) => inParquet(type, row[name])) }))

const inParquet = (type: ColumnType, value: unknown): unknown => {
  if (value === null || value === undefined) return null
  if (type === 'integer' && typeof value === 'number') return BigInt(Math.round(value))
  return type === 'time' && typeof value === 'number' ? new Date(value) : value
}
