/**
 * Questions for sums. SQLite groups, also by local days: between two changes of a zone's clocks a day is plain arithmetic on
 * the hour, so nothing has to leave the database but the answer.
 */
import type { Database } from 'better-sqlite3'
import { type CellKey, type CostSums, hourOf, noCost, SUMS } from '#domain/books.ts'
import {
  CELL_FIELDS,
  type CostQuery,
  type CostReport,
  type CostRow,
  compareRows,
  type Dimension,
  hourText,
  isTime,
  MOST_COST_ROWS,
  type Span,
  type SpentQuery,
  sumCost,
} from '#domain/books-query.ts'
import { dayText, offsetSteps } from '#domain/local-days.ts'
import {
  CELL_COLUMNS,
  NO_NAME,
  SESSION_FIELDS,
  SUM_COLUMNS,
  sumColumns,
  sumsAt,
} from '#infra/event-log/books-schema.ts'
import type { Names } from '#infra/event-log/sqlite-names.ts'

type Cells = readonly (number | null)[]

/** The fields of a cell that a question narrows. */
type Narrowing = { readonly [K in Exclude<keyof CellKey, 'hour'>]?: string | null | undefined }

/** What was spent for each model that was asked for; whoever asked knows patterns of models. */
export type SpentByModel = readonly (readonly [asked: string, nanoUsd: number])[]

interface Source {
  readonly table: 'cost_hours' | 'cost_sessions'
  readonly where: string
  readonly parameters: readonly number[]
}

const SUMMED = SUMS.map((name) => `sum(${SUM_COLUMNS[name]})`).join(', ')

export const makeCosts = (database: Database, names: Names) => {
  const all = (sql: string, parameters: readonly number[]): readonly Cells[] =>
    database
      .prepare<unknown[], Cells>(sql)
      .raw()
      .all(...parameters) as Cells[]

  /** The smaller table where it can answer. Undefined: a wanted name has never been seen. */
  const sourceOf = (span: Span, narrowing: Narrowing, fields: readonly string[]): Source | undefined => {
    const wanted = Object.entries(narrowing).filter(([, value]) => value !== undefined)
    const bySession = [...wanted.map(([field]) => field), ...fields].some((field) => SESSION_FIELDS.has(field))
    const conditions: string[] = []
    const parameters: number[] = []
    for (const [field, value] of wanted) {
      const id = value === null ? NO_NAME : names.idOf(String(value))
      if (id === undefined) return undefined
      conditions.push(`${CELL_COLUMNS[field as keyof CellKey]} = ?`)
      parameters.push(id)
    }
    const { from, to } = hoursOf(span)
    if (from !== undefined) conditions.push('hour >= ?')
    if (to !== undefined) conditions.push('hour < ?')
    parameters.push(...[from, to].filter((hour) => hour !== undefined))
    return {
      table: bySession ? 'cost_sessions' : 'cost_hours',
      where: conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`,
      parameters,
    }
  }

  const totalOf = ({ table, where, parameters }: Source): CostSums =>
    sumsAt(all(`SELECT ${SUMMED} FROM ${table}${where}`, parameters)[0] ?? [], 0)

  const dayExpression = ({ table, where, parameters }: Source, timeZone: string): string => {
    const [bounds] = all(`SELECT min(hour), max(hour) FROM ${table}${where}`, parameters)
    const steps = offsetSteps(timeZone, bounds?.[0] ?? 0, bounds?.[1] ?? 0)
    const cases = steps.slice(1).map((step, index) => `WHEN hour < ${step.hour} THEN ${steps[index]?.minutes ?? 0}`)
    const last = steps.at(-1)?.minutes ?? 0
    return `(hour * 60 + ${cases.length === 0 ? last : `CASE ${cases.join(' ')} ELSE ${last} END`}) / 1440`
  }

  const costs = (query: CostQuery): CostReport => {
    const { by, timeZone = 'UTC', limit = MOST_COST_ROWS } = query
    const fields = by.filter((dimension) => !isTime(dimension)).map((dimension) => CELL_FIELDS[dimension as NameKey])
    const source = sourceOf(query, narrowingOf(query), fields)
    if (source === undefined) return { rows: [], groups: 0, total: noCost }
    const { table, where, parameters } = source
    if (by.length === 0) {
      const total = totalOf(source)
      return { rows: [], groups: 0, total }
    }
    const expressions = by.map((dimension) =>
      dimension === 'day'
        ? dayExpression(source, timeZone)
        : dimension === 'hour'
          ? 'hour'
          : CELL_COLUMNS[CELL_FIELDS[dimension]],
    )
    const keys = by.map((_, index) => `key_${index}`)
    const timesFirst = by.flatMap((dimension, index) => (isTime(dimension) ? [`key_${index} DESC`] : []))
    const order = [...timesFirst, `sum(${SUM_COLUMNS.costNanoUsd}) DESC`, ...keys].join(', ')
    const grouped = `SELECT ${expressions.map((text, index) => `${text} AS key_${index}`).join(', ')}, ${SUMMED}
      FROM ${table}${where} GROUP BY ${keys.join(', ')}`
    // With sessions there are too many groups to sum each up in full: first which are to be shown, then their sums.
    if (by.includes('session')) return byRank({ by, limit, source, expressions, query })
    const found = all(`${grouped} ORDER BY ${order} LIMIT ${limit + 1}`, parameters)
    const rows = found.slice(0, limit).map((cells) => rowOf(by, cells))
    rows.sort(compareRows(by))
    if (found.length <= limit) return { rows, groups: rows.length, total: sumCost(rows.map(({ sums }) => sums)) }
    const distinct = `SELECT DISTINCT ${expressions.join(', ')} FROM ${table}${where}`
    const groups = all(`SELECT count(*) FROM (${distinct})`, parameters)[0]?.[0] ?? 0
    return { rows, groups, total: totalOf(source) }
  }

  const rowOf = (by: readonly Dimension[], cells: Cells): CostRow => ({
    key: by.map((dimension, index) => keyText(dimension, cells[index] ?? 0, names)),
    sums: sumsAt(cells, by.length),
  })

  const byRank = (ranking: Ranking): CostReport => {
    const { by, limit, source, expressions, query } = ranking
    const { where, parameters } = source
    const keys = by.map((_, index) => `key_${index}`).join(', ')
    const columns = expressions.map((text, index) => `${text} AS key_${index}`).join(', ')
    const groups = all(
      `SELECT ${columns}, sum(cost_nano) FROM cost_sessions${where} GROUP BY ${keys}`,
      parameters,
    ).toSorted(newestAndDearest(by))
    const shown = groups.slice(0, limit)
    const wanted = new Set(shown.map((cells) => cells.slice(0, by.length).join()))
    const session = by.indexOf('session')
    // Numbers that the database has just told.
    const ids = [...new Set(shown.map((cells) => cells[session]))].join(', ')
    const sums = all(
      `SELECT ${columns}, ${SUMMED} FROM cost_sessions${where}${where === '' ? ' WHERE' : ' AND'} session IN (${ids})
       GROUP BY ${keys}`,
      parameters,
    )
    const rows = sums.filter((cells) => wanted.has(cells.slice(0, by.length).join())).map((cells) => rowOf(by, cells))
    rows.sort(compareRows(by))
    // Without a session or an agent in the question, the smaller table has the total.
    const total = sourceOf(query, narrowingOf(query), [])
    return { rows, groups: groups.length, total: total === undefined ? noCost : totalOf(total) }
  }

  const spent = (query: SpentQuery): SpentByModel => {
    const { key, project, session, agent } = query
    const source = sourceOf(query, { key, project, session, agent }, [])
    if (source === undefined) return []
    const { table, where, parameters } = source
    const byModel = all(`SELECT asked, sum(cost_nano) FROM ${table}${where} GROUP BY asked`, parameters)
    return byModel.map(([asked, nano]) => [names.nameOf(Number(asked)), Number(nano)])
  }

  /** What each agent of a session used; undefined when there is nothing of the session. */
  const agents = (sessionId: string) => {
    const id = names.idOf(sessionId)
    if (id === undefined) return undefined
    const sql = `SELECT agent, parent_agent, ${sumColumns.map((column) => `sum(${column})`).join(', ')}
      FROM cost_sessions WHERE session = ? GROUP BY agent, parent_agent`
    return all(sql, [id]).map((cells) => ({
      agentId: nullable(cells[0], names),
      parentAgentId: nullable(cells[1], names),
      sums: sumsAt(cells, 2),
    }))
  }

  return { costs, spent, agents }
}

interface Ranking {
  readonly by: readonly Dimension[]
  readonly limit: number
  readonly source: Source
  /** SQL of each dimension. */
  readonly expressions: readonly string[]
  readonly query: CostQuery
}

/** Of rows of keys and a cost: what compareRows says, but for the names, which are not looked up yet. */
const newestAndDearest =
  (by: readonly Dimension[]) =>
  (a: Cells, b: Cells): number => {
    for (const [index, dimension] of by.entries()) {
      const later = isTime(dimension) ? Number(b[index]) - Number(a[index]) : 0
      if (later !== 0) return later
    }
    return Number(b[by.length]) - Number(a[by.length])
  }

type NameKey = Exclude<Dimension, 'day' | 'hour'>

/** Hours that begin in the span. */
const hoursOf = ({ from, to }: Span) => ({
  from: from === undefined ? undefined : -hourOf(-from),
  to: to === undefined ? undefined : -hourOf(-to),
})

const narrowingOf = ({ filter = {} }: CostQuery): Narrowing =>
  Object.fromEntries(Object.entries(CELL_FIELDS).map(([dimension, field]) => [field, filter[dimension as NameKey]]))

const keyText = (dimension: Dimension, cell: number, names: Names): string | null => {
  if (dimension === 'day') return dayText(cell)
  if (dimension === 'hour') return hourText(cell)
  return nullable(cell, names)
}

const nullable = (id: number | null | undefined, names: Names): string | null =>
  id === NO_NAME || id === null || id === undefined ? null : names.nameOf(id)
