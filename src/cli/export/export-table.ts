/**
 * `signalbox export --format ndjson|parquet`: requests, attempts or decisions as a table for notebooks, without bodies. The log is read
 * page by page, so its length does not matter.
 */
import { resolve } from 'node:path'
import { Console, Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { progress } from '#cli/progress.ts'
import type { EntrySpan } from '#cli/read-entries.ts'
import type { ExportTable, Row } from '#domain/export-rows/column.ts'
import { exportTables, type TableName } from '#domain/export-rows/index.ts'
import { ndjson } from './ndjson-file.ts'
import { type RowFileError, type RowFormat, writeRowFile } from './row-file.ts'

export const TABLE_FORMATS = ['ndjson', 'parquet'] as const
export type TableFormat = (typeof TABLE_FORMATS)[number]

/** Only one of them needs a library. */
const FORMATS: { readonly [F in TableFormat]: () => Promise<RowFormat> } = {
  ndjson: async () => ndjson,
  parquet: async () => (await import('./parquet-file.ts')).parquet,
}

export interface ExportTableOptions extends EntrySpan {
  readonly format: TableFormat
  readonly what: TableName
  /** A file that is new; default: `signalbox-WHAT.FORMAT`. */
  readonly out: string | undefined
  readonly json: boolean
}

const PAGE = 5_000
/** How long before its end a request may have been admitted. No stream lasts as long. */
const LONGEST_REQUEST_MS = 86_400_000

/** Writes the rows, and prints how many. */
export const exportTable = Effect.fnUntraced(function* (options: ExportTableOptions) {
  const { format, what, json } = options
  const shown = options.out ?? `signalbox-${what}.${format}`
  const table = exportTables[what]
  const rowFormat = yield* Effect.promise(FORMATS[format])
  const rows = yield* writeRowFile(shown, rowFormat, table.columns, (write) => copy(options, table, write))
  yield* Console.log(
    json
      ? JSON.stringify({ file: resolve(shown), format, what, rows })
      : `${rows.toLocaleString('en')} ${what} in ${resolve(shown)}. The columns: docs/export.md.`,
  )
  return 0
})

/** Answers how many rows there were. */
const copy = Effect.fnUntraced(function* (
  { from, to, what, json }: ExportTableOptions,
  table: ExportTable,
  write: (rows: readonly Row[]) => Effect.Effect<void, RowFileError>,
) {
  const log = yield* EventLog
  const head = yield* log.head
  const bar = progress(`exporting ${what}`, json)
  const take = table.start()
  const isWanted = (row: Row): boolean => isWithin(Number(row[table.time]), from, to)
  let count = 0
  for (let after = 0; ; ) {
    const page = yield* log.read({
      ...{ types: table.types, limit: PAGE, after },
      ...(from === undefined ? {} : { since: from }),
      ...(to === undefined ? {} : { until: to + LONGEST_REQUEST_MS }),
    })
    const rows = page.flatMap((read) => {
      after = read._tag === 'Known' ? read.recorded.position : read.position
      const row = read._tag === 'Known' ? take(read.recorded) : undefined
      return row !== undefined && isWanted(row) ? [row] : []
    })
    count += rows.length
    yield* write(rows)
    bar.update(head === 0 ? 1 : after / head)
    if (page.length < PAGE) break
  }
  bar.done()
  return count
})

const isWithin = (at: number, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): boolean =>
  at >= from && at <= to
