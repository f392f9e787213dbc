/**
 * Rows as aligned columns of text.
 */
import { printable } from '#cli/printable.ts'

export type Row = readonly string[]

/** Columns as wide as their widest cell; the last one is not padded. */
export const table = (given: readonly Row[]): readonly string[] => {
  const rows = given.map((row) => row.map(printable))
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
