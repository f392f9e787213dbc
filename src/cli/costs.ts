/**
 * `signalbox costs`: what was used and what it cost, by one or two of day, hour, provider, model, session, agent, key, project.
 */
import { Console, Effect } from 'effect'
import { Books } from '#actors/ports.ts'
import { parseMoment } from '#cli/moment.ts'
import { type CostSums, SUMS } from '#domain/books.ts'
import { type CostReport, type CostRow, DIMENSIONS, type Dimension, isTime } from '#domain/books-query.ts'
import { startOfDay } from '#domain/local-days.ts'

export interface CostsOptions {
  readonly by: readonly Dimension[]
  /** Epoch ms; undefined: from the first, to the last. */
  readonly from: number | undefined
  readonly to: number | undefined
  /** In which days begin. */
  readonly timeZone: string
  readonly format: 'table' | 'json' | 'csv'
}

/** Here nobody else waits for the main thread. */
const MOST_ROWS = 100_000

/** Prints the report; rows in the order of time, else the most expensive first. */
export const costs = Effect.fnUntraced(function* (options: CostsOptions) {
  const { by, from, to, timeZone, format } = options
  const books = yield* Books
  const report = yield* books.costs({
    ...{ by, timeZone, limit: MOST_ROWS },
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  })
  const rows = by.some(isTime) ? oldestFirst(report.rows, by) : report.rows
  yield* Console.log(PRINT[format]({ ...report, rows }, by).join('\n'))
  if (report.groups > rows.length) {
    yield* Console.error(`${report.groups - rows.length} cheaper rows are not shown; the total has them.`)
  }
  return 0
})

/**
 * A list such as `day,provider`.
 * @throws Error with a message for the user
 */
export const parseDimensions = (text: string): readonly Dimension[] => {
  const names = text.split(',').map((name) => name.trim())
  const known = names.map((name) => DIMENSIONS.find((dimension) => dimension === name))
  if (known.length > 2 || known.includes(undefined) || new Set(known).size < known.length) {
    throw new Error(`"${text}" is not one or two of ${DIMENSIONS.join(', ')}, as in day,provider.`)
  }
  return known.filter((dimension) => dimension !== undefined)
}

/**
 * A day in the time zone, or a moment. `end`: the end of the day instead of its beginning.
 * @throws Error with a message for the user
 */
export const parseEdge = (text: string, timeZone: string, end: boolean): number => {
  const start = startOfDay(text, timeZone)
  if (start === undefined) return parseMoment(text)
  // Within the next day, however long this one is.
  const next = new Date(Date.parse(`${text}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10)
  return end ? (startOfDay(next, timeZone) ?? start) : start
}
const DAY_MS = 86_400_000

const oldestFirst = (rows: readonly CostRow[], by: readonly Dimension[]): readonly CostRow[] => {
  const time = by.findIndex(isTime)
  const at = ({ key }: CostRow): string => key[time] ?? ''
  return rows.toSorted((a, b) => (at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0))
}

const jsonLines = ({ rows, total, groups }: CostReport, by: readonly Dimension[]): readonly string[] => [
  JSON.stringify({
    rows: rows.map(({ key, sums }) => ({
      ...Object.fromEntries(by.map((dimension, index) => [dimension, key[index] ?? null])),
      ...sums,
    })),
    groups,
    total,
  }),
]

/** Spreadsheets take what begins so for a formula, and names are whatever a client likes: they show an apostrophe for a text. */
const FORMULA = /^[=+\-@\t\r]/

/** Quoted as RFC 4180 says, where it must be. */
const csvCell = (name: string): string => {
  const text = FORMULA.test(name) ? `'${name}` : name
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const csvLines = ({ rows }: CostReport, by: readonly Dimension[]): readonly string[] => [
  [...by, ...SUMS].join(','),
  ...rows.map(({ key, sums }) =>
    [...key.map((text) => csvCell(text ?? '')), ...SUMS.map((name) => String(sums[name]))].join(','),
  ),
]

const COLUMNS: readonly (readonly [title: string, text: (sums: CostSums) => string])[] = [
  ['requests', ({ requests }) => whole(requests)],
  ['attempts', ({ attempts }) => whole(attempts)],
  ['input', ({ inputTokens }) => whole(inputTokens)],
  ['output', ({ outputTokens }) => whole(outputTokens)],
  ['cache read', ({ cacheReadTokens }) => whole(cacheReadTokens)],
  ['written', ({ cacheWrite5mTokens, cacheWrite1hTokens }) => whole(cacheWrite5mTokens + cacheWrite1hTokens)],
  ['cost', ({ costNanoUsd }) => dollars(costNanoUsd)],
  ['cache saved', ({ cacheSavedNanoUsd }) => dollars(cacheSavedNanoUsd)],
  ['switches', ({ switchNanoUsd }) => dollars(switchNanoUsd)],
  ['estimated', ({ estimatedNanoUsd }) => dollars(estimatedNanoUsd)],
  ['unpriced', ({ unpriced }) => whole(unpriced)],
]

/** Names to the left, numbers to the right. */
const tableLines = ({ rows, total }: CostReport, by: readonly Dimension[]): readonly string[] => {
  const numbers = (sums: CostSums): readonly string[] => COLUMNS.map(([, text]) => text(sums))
  const last = ['total', ...by.slice(1).map(() => ''), ...numbers(total)]
  const cells = [
    [...by, ...COLUMNS.map(([title]) => title)],
    ...rows.map(({ key, sums }) => [...key.map((text) => text ?? '–'), ...numbers(sums)]),
    last,
  ]
  const widths = last.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const lines = cells.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column < Math.max(1, by.length) ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  '),
  )
  return total.unpriced === 0 ? lines : [...lines, '', UNPRICED]
}

const UNPRICED =
  'Unpriced attempts have a model without a price; what they cost is not in these figures (docs/costs.md).'

const whole = (value: number): string => value.toLocaleString('en')

const NANO = 1_000_000_000
const dollars = (nano: number): string =>
  `${nano < 0 ? '-' : ''}$${(Math.abs(nano) / NANO).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 4 })}`

const PRINT = { table: tableLines, json: jsonLines, csv: csvLines } as const
