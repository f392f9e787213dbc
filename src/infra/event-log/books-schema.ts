/**
 * How the books lie in a database: columns and how they are filled. Names (of sessions, models, providers …) are numbered
 * in a table of their own, because each comes again in thousands of rows; that and the lack of indexes that the log's own make
 * needless keep a request under 0.3 kB in SQLite.
 *
 * `cost_hours` answers all questions but those about sessions and agents; `cost_sessions` has the same sums by these too. Both
 * are sums for ever: retention deletes events and rows of `requests`, never these. Cells with `archived` = 1 are of events that
 * are no longer in the log, so that the others can be made anew from it.
 */
import { type BookedRequest, type CellKey, type CostSums, ENDINGS, SUMS } from '#domain/books.ts'
import type { Cells } from '#infra/event-log/asking.ts'

/** Column of each sum. */
export const SUM_COLUMNS: { readonly [K in (typeof SUMS)[number]]: string } = {
  requests: 'requests',
  attempts: 'attempts',
  succeeded: 'succeeded',
  failed: 'failed',
  inputTokens: 'input',
  outputTokens: 'output',
  cacheReadTokens: 'cache_read',
  cacheWrite5mTokens: 'cache_write_5m',
  cacheWrite1hTokens: 'cache_write_1h',
  webSearches: 'web_searches',
  costNanoUsd: 'cost_nano',
  listNanoUsd: 'list_nano',
  cacheSavedNanoUsd: 'saved_nano',
  switchNanoUsd: 'switch_nano',
  unpriced: 'unpriced',
  estimated: 'estimated',
  estimatedNanoUsd: 'estimated_nano',
}

export const sumColumns: readonly string[] = SUMS.map((name) => SUM_COLUMNS[name])

/** In the order of `sumColumns`. */
export const sumValues = (sums: CostSums): readonly number[] => SUMS.map((name) => sums[name])

/** Cells from `first` on, in the order of SUMS. Spelled out, because the main thread does it a thousand times an answer. */
export const sumsAt = (cells: readonly unknown[], first: number): CostSums => {
  const at = (index: number): number => Number(cells[first + index] ?? 0)
  return {
    requests: at(0),
    attempts: at(1),
    succeeded: at(2),
    failed: at(3),
    inputTokens: at(4),
    outputTokens: at(5),
    cacheReadTokens: at(6),
    cacheWrite5mTokens: at(7),
    cacheWrite1hTokens: at(8),
    webSearches: at(9),
    costNanoUsd: at(10),
    listNanoUsd: at(11),
    cacheSavedNanoUsd: at(12),
    switchNanoUsd: at(13),
    unpriced: at(14),
    estimated: at(15),
    estimatedNanoUsd: at(16),
  }
}

/** Columns of the key of `cost_sessions`, beside `archived`; those of `cost_hours` are the ones that are not of a session. */
export const CELL_COLUMNS: { readonly [K in keyof CellKey]: string } = {
  hour: 'hour',
  provider: 'provider',
  model: 'model',
  asked: 'asked',
  session: 'session',
  agent: 'agent',
  parentAgent: 'parent_agent',
  key: 'client_key',
  project: 'project',
}

export const SESSION_FIELDS: ReadonlySet<string> = new Set(['session', 'agent', 'parentAgent'])

/** Id of a text in the table `names`; in keys, NO_NAME where there is none. */
export type NameId = (text: string) => number
export const NO_NAME = 0

/** What a text, a number or a truth of a row is in SQL, and back. */
export const REQUEST_COLUMNS = [
  'position',
  'id',
  'admitted_at',
  'model',
  'session',
  'agent',
  'parent_agent',
  'client_key',
  'project',
  'stream',
  'strategy',
  'provider',
  'served_model',
  'attempts',
  'outcome',
  'status',
  'reason',
  'ttft_ms',
  'duration_ms',
  'input',
  'output',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'web_searches',
  'cost_nano',
  'saved_nano',
  'unpriced',
  'estimated',
  'ended_position',
] as const

/** Where a row of these has the number of a name. */
export const NAME_CELLS: readonly number[] = [3, 4, 5, 6, 7, 8, 10, 11, 12, 16]

/** `outcome` in SQL. */
export const endingNumber = (ending: BookedRequest['outcome']): number | null =>
  ending === null ? null : ENDINGS.indexOf(ending) + 1

/** In the order of REQUEST_COLUMNS. */
export const requestCells = (row: BookedRequest, idOf: NameId): Cells => {
  const name = (text: string | null): number | null => (text === null ? null : idOf(text))
  return [
    row.position,
    row.requestId,
    row.admittedAt,
    idOf(row.model),
    name(row.sessionId),
    name(row.agentId),
    name(row.parentAgentId),
    name(row.clientKey),
    name(row.project),
    row.stream ? 1 : 0,
    name(row.strategy),
    name(row.provider),
    name(row.servedModel),
    row.attempts,
    endingNumber(row.outcome),
    row.status,
    name(row.reason),
    row.ttftMs,
    row.durationMs,
    row.inputTokens,
    row.outputTokens,
    row.cacheReadTokens,
    row.cacheWrite5mTokens,
    row.cacheWrite1hTokens,
    row.webSearches,
    row.costNanoUsd,
    row.cacheSavedNanoUsd,
    row.unpriced,
    row.estimated ? 1 : 0,
    row.endedPosition,
  ]
}

export const requestOf = (cells: Cells, nameOf: (id: number) => string): BookedRequest => {
  const number = (at: number): number => Number(cells[at])
  const known = (at: number): number | null => (cells[at] === null ? null : Number(cells[at]))
  const name = (at: number): string | null => (cells[at] === null ? null : nameOf(Number(cells[at])))
  return {
    position: number(0),
    requestId: String(cells[1]),
    admittedAt: number(2),
    model: nameOf(number(3)),
    sessionId: name(4),
    agentId: name(5),
    parentAgentId: name(6),
    clientKey: name(7),
    project: name(8),
    stream: number(9) === 1,
    strategy: name(10),
    provider: name(11),
    servedModel: name(12),
    attempts: number(13),
    outcome: ENDINGS[number(14) - 1] ?? null,
    status: known(15),
    reason: name(16),
    ttftMs: known(17),
    durationMs: known(18),
    inputTokens: number(19),
    outputTokens: number(20),
    cacheReadTokens: number(21),
    cacheWrite5mTokens: number(22),
    cacheWrite1hTokens: number(23),
    webSearches: number(24),
    costNanoUsd: number(25),
    cacheSavedNanoUsd: number(26),
    unpriced: number(27),
    estimated: number(28) === 1,
    endedPosition: known(29),
  }
}
