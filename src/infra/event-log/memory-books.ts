/**
 * The books in memory, for tests and simulations: the same fold as in the databases, and plain filters and sums.
 */
import { BOOKED_TYPES, bookEvent, type RequestBook } from '#domain/book-event.ts'
import type { BookedRequest, CellKey, CostSums } from '#domain/books.ts'
import {
  addCost,
  agentTree,
  CELL_FIELDS,
  type CostFilter,
  type CostQuery,
  type CostReport,
  compareRows,
  hourText,
  isTime,
  MOST_COST_ROWS,
  MOST_REQUEST_ROWS,
  type RequestPage,
  type RequestQuery,
  type SessionBook,
  type Span,
  type SpentQuery,
  sumCost,
} from '#domain/books-query.ts'
import type { DomainEvent } from '#domain/events.ts'
import { dayText, localDay, offsetMinutes } from '#domain/local-days.ts'
import { matchesModel } from '#domain/model-map.ts'

interface Cell {
  readonly key: CellKey
  sums: CostSums
}

const HOUR_MS = 3_600_000
const BOOKED: ReadonlySet<string> = new Set(BOOKED_TYPES)

export const makeMemoryBooks = () => {
  const byStream = new Map<string, RequestBook>()
  const cells = new Map<string, Cell>()
  let lastStart = 0

  const book = (row: {
    readonly stream: string
    readonly event: DomainEvent
    readonly occurredAt: number
    readonly position: number
  }): void => {
    const { stream, event, occurredAt, position } = row
    // Where instances share the log, the start of one closes nothing of the others.
    if (event._tag === 'BoxStarted' && event.shared !== true) lastStart = position
    if (!BOOKED.has(event._tag)) return
    const booking = bookEvent(byStream.get(stream), event, occurredAt, position)
    if (booking === undefined) return
    byStream.set(stream, booking.book)
    if (booking.entry === undefined) return
    const { cell: key, sums } = booking.entry
    const at = JSON.stringify(key)
    const cell = cells.get(at)
    if (cell === undefined) cells.set(at, { key, sums })
    else cell.sums = addCost(cell.sums, sums)
  }

  const cellsOf = (span: Span, filter: CostFilter): readonly Cell[] =>
    [...cells.values()].filter(
      ({ key }) =>
        key.hour * HOUR_MS >= (span.from ?? Number.NEGATIVE_INFINITY) &&
        key.hour * HOUR_MS < (span.to ?? Number.POSITIVE_INFINITY) &&
        names.every((name) => filter[name] === undefined || key[CELL_FIELDS[name]] === filter[name]),
    )

  const costs = (query: CostQuery): CostReport => {
    const { by, timeZone = 'UTC', filter = {}, limit = MOST_COST_ROWS } = query
    const found = cellsOf(query, filter)
    const keyOf = ({ key }: Cell): readonly (string | null)[] =>
      by.map((dimension) => {
        if (!isTime(dimension)) return key[CELL_FIELDS[dimension]]
        return dimension === 'hour'
          ? hourText(key.hour)
          : dayText(localDay(key.hour, offsetMinutes(timeZone, key.hour * HOUR_MS)))
      })
    const groups = Map.groupBy(found, (cell) => JSON.stringify(keyOf(cell)))
    const rows = [...groups.entries()].map(([key, group]) => ({
      key: JSON.parse(key) as readonly (string | null)[],
      sums: sumCost(group.map(({ sums }) => sums)),
    }))
    const total = sumCost(found.map(({ sums }) => sums))
    if (by.length === 0) return { rows: [], groups: 0, total }
    return { rows: rows.toSorted(compareRows(by)).slice(0, limit), groups: rows.length, total }
  }

  const newestFirst = (): readonly BookedRequest[] =>
    [...byStream.values()].map(({ row }) => row).toSorted((a, b) => b.position - a.position)

  const requests = (query: RequestQuery): RequestPage => {
    const limit = Math.max(1, Math.min(query.limit, MOST_REQUEST_ROWS))
    const found = newestFirst().filter(
      (row) =>
        row.position < (query.before ?? Number.POSITIVE_INFINITY) &&
        row.admittedAt >= (query.from ?? row.admittedAt) &&
        row.admittedAt < (query.to ?? Number.POSITIVE_INFINITY) &&
        row.provider === (query.provider ?? row.provider) &&
        (query.outcome === undefined ||
          (query.outcome === 'inFlight'
            ? row.outcome === null && row.position > lastStart
            : row.outcome === query.outcome)) &&
        row.sessionId === (query.session ?? row.sessionId) &&
        row.model === (query.model ?? row.model) &&
        row.clientKey === (query.key ?? row.clientKey) &&
        row.project === (query.project ?? row.project) &&
        row.costNanoUsd >= (query.minimumNanoUsd ?? Number.NEGATIVE_INFINITY),
    )
    const rows = found.slice(0, limit)
    const last = rows.at(-1)
    return found.length > limit && last !== undefined ? { rows, next: last.position } : { rows }
  }

  const session = (sessionId: string): SessionBook | undefined => {
    const own = cellsOf({}, { session: sessionId })
    const { rows } = requests({ session: sessionId, limit: MOST_REQUEST_ROWS })
    if (own.length === 0 && rows.length === 0) return undefined
    const agents = own.map(({ key, sums }) => ({ agentId: key.agent, parentAgentId: key.parentAgent, sums }))
    return { sessionId, root: agentTree(agents), requests: rows }
  }

  const spent = (query: SpentQuery): number => {
    const { key, project, session: ofSession, agent, model: pattern } = query
    const filter = {
      ...(key === undefined ? {} : { key }),
      ...(project === undefined ? {} : { project }),
      ...(ofSession === undefined ? {} : { session: ofSession }),
      ...(agent === undefined ? {} : { agent }),
    }
    return cellsOf(query, filter)
      .filter((cell) => pattern === undefined || matchesModel(pattern, cell.key.asked))
      .reduce((sum, { sums }) => sum + sums.costNanoUsd, 0)
  }

  return {
    book,
    costs,
    requests,
    request: (requestId: string) => newestFirst().find((row) => row.requestId === requestId),
    session,
    spent,
  }
}

const names = Object.keys(CELL_FIELDS) as readonly (keyof typeof CELL_FIELDS)[]
