/**
 * Tables of text with a row of names first (RFC 4180): quoted cells may hold commas, line ends, and quotes written twice.
 */
export type NamedRow = { readonly [column: string]: unknown }

/** Rows by the names of their columns; empty lines are none. */
export const parseCsv = (text: string): readonly NamedRow[] => {
  const [names = [], ...rows] = cellsOf(text.replace(/^\uFEFF/, '')).filter(
    (row) => row.length > 1 || (row[0] ?? '') !== '',
  )
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name.trim(), row[index] ?? ''])))
}

/** A cell, quoted or not, with what ends it. */
const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/y

const cellsOf = (text: string): readonly (readonly string[])[] => {
  const rows: string[][] = [[]]
  const pattern = new RegExp(CELL)
  while (pattern.lastIndex <= text.length) {
    const cell = pattern.exec(text)
    // A quote in the middle of a cell: no such table, and the rest of it cannot be told.
    if (cell === null) break
    const [, quoted, plain = '', end = ''] = cell
    rows.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === '') break
    if (end !== ',') rows.push([])
  }
  return rows
}
