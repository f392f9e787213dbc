/**
 * Questions for sums. The database groups, also by local days: between two changes of a zone's clocks a day is plain arithmetic on
 * the hour, so nothing has to leave it but the answer.
 */
import { type CellKey, type CostSums, hourOf, noCost, SUMS } from '#domain/books.ts'
import {
  type AgentSums,
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
import type { Asking, Cells, Dialect } from '#infra/event-log/asking.ts'
import type { Names } from '#infra/event-log/books-names.ts'
import { CELL_COLUMNS, NO_NAME, SESSION_FIELDS, SUM_COLUMNS, sumsAt } from '#infra/event-log/books-schema.ts'

/** The fields of a cell that a question narrows. */
type Narrowing = { readonly [K in Exclude<keyof CellKey, 'hour'>]?: string | null | undefined }

/** What was spent for each model that was asked for; whoever asked knows patterns of models. */
export type SpentByModel = readonly (readonly [asked: string, nanoUsd: number])[]

interface Source {
  /** As statements name it. */
  readonly table: string
  readonly where: string
  readonly parameters: readonly number[]
}

const SUMMED = SUMS.map((name) => `sum(${SUM_COLUMNS[name]})`).join(', ')

export const makeCosts = ({ table }: Dialect, names: Names) => {
  /** The smaller table where it can answer. Undefined: a wanted name has never been seen. */
  function* sourceOf(span: Span, narrowing: Narrowing, fields: readonly string[]): Asking<Source | undefined> {
    const wanted = Object.entries(narrowing).filter(([, value]) => value !== undefined)
    const bySession = [...wanted.map(([field]) => field), ...fields].some((field) => SESSION_FIELDS.has(field))
    const conditions: string[] = []
    const parameters: number[] = []
    for (const [field, value] of wanted) {
      const id = value === null ? NO_NAME : yield* names.idOf(String(value))
      if (id === undefined) return undefined
      conditions.push(`${CELL_COLUMNS[field as keyof CellKey]} = ?`)
      parameters.push(id)
    }
    const { from, to } = hoursOf(span)
    if (from !== undefined) conditions.push('hour >= ?')
    if (to !== undefined) conditions.push('hour < ?')
    parameters.push(...[from, to].filter((hour) => hour !== undefined))
    return {
      table: table(bySession ? 'cost_sessions' : 'cost_hours'),
      where: conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`,
      parameters,
    }
  }

  function* costs(query: CostQuery): Asking<CostReport> {
    const { by, timeZone = 'UTC', limit = MOST_COST_ROWS } = query
    const fields = by.filter((dimension) => !isTime(dimension)).map((dimension) => CELL_FIELDS[dimension as NameKey])
    const source = yield* sourceOf(query, narrowingOf(query), fields)
    if (source === undefined) return { rows: [], groups: 0, total: noCost }
    if (by.length === 0) return { rows: [], groups: 0, total: yield* totalOf(source) }
    const day = by.includes('day') ? yield* dayExpression(source, timeZone) : ''
    const expressions = by.map((dimension) =>
      dimension === 'day' ? day : dimension === 'hour' ? 'hour' : CELL_COLUMNS[CELL_FIELDS[dimension]],
    )
    // With sessions there are too many groups to sum each up in full: first which are to be shown, then their sums.
    if (by.includes('session')) return yield* byRank({ by, limit, source, expressions, query })
    const keys = by.map((_, index) => `key_${index}`)
    const timesFirst = by.flatMap((dimension, index) => (isTime(dimension) ? [`key_${index} DESC`] : []))
    const order = [...timesFirst, `sum(${SUM_COLUMNS.costNanoUsd}) DESC`, ...keys].join(', ')
    const { where, parameters } = source
    const found = yield {
      sql: `SELECT ${expressions.map((text, index) => `${text} AS key_${index}`).join(', ')}, ${SUMMED}
        FROM ${source.table}${where} GROUP BY ${keys.join(', ')} ORDER BY ${order} LIMIT ${limit + 1}`,
      parameters,
    }
    const rows = (yield* rowsOf(by, found.slice(0, limit))).toSorted(compareRows(by))
    if (found.length <= limit) return { rows, groups: rows.length, total: sumCost(rows.map(({ sums }) => sums)) }
    const distinct = `SELECT DISTINCT ${expressions.join(', ')} FROM ${source.table}${where}`
    const [counted] = yield { sql: `SELECT count(*) FROM (${distinct}) AS found`, parameters }
    return { rows, groups: Number(counted?.[0] ?? 0), total: yield* totalOf(source) }
  }

  function* rowsOf(by: readonly Dimension[], found: readonly Cells[]): Asking<readonly CostRow[]> {
    const named = by.flatMap((dimension, index) => (isTime(dimension) ? [] : [index]))
    const nameOf = yield* names.of(found.flatMap((cells) => named.map((index) => Number(cells[index]))).filter(isName))
    return found.map((cells) => ({
      key: by.map((dimension, index) => keyText(dimension, Number(cells[index] ?? 0), nameOf)),
      sums: sumsAt(cells, by.length),
    }))
  }

  function* byRank({ by, limit, source, expressions, query }: Ranking): Asking<CostReport> {
    const { where, parameters } = source
    const keys = by.map((_, index) => `key_${index}`).join(', ')
    const columns = expressions.map((text, index) => `${text} AS key_${index}`).join(', ')
    const ranked = yield {
      sql: `SELECT ${columns}, sum(cost_nano) FROM ${source.table}${where} GROUP BY ${keys}`,
      parameters,
    }
    const groups = ranked.toSorted(newestAndDearest(by))
    const shown = groups.slice(0, limit)
    const wanted = new Set(shown.map((cells) => cells.slice(0, by.length).join()))
    const session = by.indexOf('session')
    // Numbers that the database has just told.
    const ids = [...new Set(shown.map((cells) => cells[session]))].join(', ')
    const sums =
      ids === ''
        ? []
        : yield {
            sql: `SELECT ${columns}, ${SUMMED} FROM ${source.table}${where}${where === '' ? ' WHERE' : ' AND'}
              session IN (${ids}) GROUP BY ${keys}`,
            parameters,
          }
    const rows = yield* rowsOf(
      by,
      sums.filter((cells) => wanted.has(cells.slice(0, by.length).join())),
    )
    // Without a session or an agent in the question, the smaller table has the total.
    const total = yield* sourceOf(query, narrowingOf(query), [])
    return {
      rows: rows.toSorted(compareRows(by)),
      groups: groups.length,
      total: total === undefined ? noCost : yield* totalOf(total),
    }
  }

  function* spent(query: SpentQuery): Asking<SpentByModel> {
    const { key, project, session, agent } = query
    const source = yield* sourceOf(query, { key, project, session, agent }, [])
    if (source === undefined) return []
    const byModel = yield {
      sql: `SELECT asked, sum(cost_nano) FROM ${source.table}${source.where} GROUP BY asked`,
      parameters: source.parameters,
    }
    const nameOf = yield* names.of(byModel.map(([asked]) => Number(asked)))
    return byModel.map(([asked, nano]) => [nameOf(Number(asked)), Number(nano)])
  }

  /** What each agent of a session used; undefined when there is nothing of the session. */
  function* agents(sessionId: string): Asking<readonly AgentSums[] | undefined> {
    const id = yield* names.idOf(sessionId)
    if (id === undefined) return undefined
    const found = yield {
      sql: `SELECT agent, parent_agent, ${SUMMED} FROM ${table('cost_sessions')} WHERE session = ?
        GROUP BY agent, parent_agent`,
      parameters: [id],
    }
    const nameOf = yield* names.of(found.flatMap(([agent, parent]) => [Number(agent), Number(parent)]).filter(isName))
    return found.map((cells) => ({
      agentId: nullable(Number(cells[0]), nameOf),
      parentAgentId: nullable(Number(cells[1]), nameOf),
      sums: sumsAt(cells, 2),
    }))
  }

  return { costs, spent, agents }
}

function* totalOf({ table, where, parameters }: Source): Asking<CostSums> {
  const [cells] = yield { sql: `SELECT ${SUMMED} FROM ${table}${where}`, parameters }
  return sumsAt(cells ?? [], 0)
}

function* dayExpression({ table, where, parameters }: Source, timeZone: string): Asking<string> {
  const [bounds] = yield { sql: `SELECT min(hour), max(hour) FROM ${table}${where}`, parameters }
  const steps = offsetSteps(timeZone, Number(bounds?.[0] ?? 0), Number(bounds?.[1] ?? 0))
  const cases = steps.slice(1).map((step, index) => `WHEN hour < ${step.hour} THEN ${steps[index]?.minutes ?? 0}`)
  const last = steps.at(-1)?.minutes ?? 0
  return `(hour * 60 + ${cases.length === 0 ? last : `CASE ${cases.join(' ')} ELSE ${last} END`}) / 1440`
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

const keyText = (dimension: Dimension, cell: number, nameOf: (id: number) => string): string | null => {
  if (dimension === 'day') return dayText(cell)
  if (dimension === 'hour') return hourText(cell)
  return nullable(cell, nameOf)
}

const isName = (id: number): boolean => id !== NO_NAME

const nullable = (id: number, nameOf: (id: number) => string): string | null => (isName(id) ? nameOf(id) : null)
