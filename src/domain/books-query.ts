/**
 * What the books can be asked, and how they answer. Every adapter answers alike (test/support/books-contract.ts).
 */
import { type BookedRequest, type CellKey, type CostSums, type Ending, noCost, SUMS } from '#domain/books.ts'

/** What costs can be grouped by. `model`: as the provider is asked for it; `asked`: as the client named it. */
export const DIMENSIONS = ['day', 'hour', 'provider', 'model', 'asked', 'session', 'agent', 'key', 'project'] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** Only what has this value; null: only what has none. */
export interface CostFilter {
  readonly provider?: string | null
  readonly model?: string | null
  readonly asked?: string
  readonly session?: string | null
  readonly agent?: string | null
  readonly key?: string | null
  readonly project?: string | null
}

/** Hours that begin in [from, to) (epoch ms); absent: no bound. */
export interface Span {
  readonly from?: number
  readonly to?: number
}

export interface CostQuery extends Span {
  /** At most two; none: the total only. */
  readonly by: readonly Dimension[]
  /** IANA name; the days are days there. Absent: UTC. Sums are kept by UTC hour, and an hour belongs to the day in which it begins. */
  readonly timeZone?: string
  readonly filter?: CostFilter
  /** At most so many rows; absent: `MOST_COST_ROWS`. */
  readonly limit?: number
}

/** More would be read on the main thread for longer than a stream should wait. */
export const MOST_COST_ROWS = 1_000

/** `key`: in the order of `by`; a day as 2026-11-23, an hour as 2026-11-23T14:00Z, null where there is none. */
export interface CostRow {
  readonly key: readonly (string | null)[]
  readonly sums: CostSums
}

export interface CostReport {
  /** The newest days or hours first, then the most expensive. */
  readonly rows: readonly CostRow[]
  /** How many rows there would be without the limit. */
  readonly groups: number
  /** Of all groups. */
  readonly total: CostSums
}

export interface RequestQuery extends Span {
  /** Position of a row: only older ones. */
  readonly before?: number
  /** At most `MOST_REQUEST_ROWS`. */
  readonly limit: number
  readonly provider?: string
  readonly outcome?: Ending | 'inFlight'
  readonly session?: string
  /** As the client named it. */
  readonly model?: string
  readonly key?: string
  readonly project?: string
  readonly minimumNanoUsd?: number
}

export const MOST_REQUEST_ROWS = 500

export interface RequestPage {
  /** Newest first; `from` and `to` bound their admission to the millisecond. */
  readonly rows: readonly BookedRequest[]
  /** `before` of the next page; absent on the last. */
  readonly next?: number
}

/** An agent of a session, with those that it started. Null: the conversation itself. */
export interface AgentBook {
  readonly agentId: string | null
  /** Its own. */
  readonly sums: CostSums
  /** With all below it. */
  readonly branch: CostSums
  readonly agents: readonly AgentBook[]
}

export interface SessionBook {
  readonly sessionId: string
  readonly root: AgentBook
  /** Newest first, at most `MOST_REQUEST_ROWS`; older ones with the query for requests. Archived ones are in the sums only. */
  readonly requests: readonly BookedRequest[]
}

export interface SpentQuery extends Span {
  /** Name of a client key. */
  readonly key?: string
  readonly project?: string
  readonly session?: string
  readonly agent?: string
  /** Pattern of the name that the client asked for; `*` stands for any text. */
  readonly model?: string
}

export const addCost = (a: CostSums, b: CostSums): CostSums => sumCost([a, b])

export const sumCost = (all: Iterable<CostSums>): CostSums => {
  const sum = { ...noCost }
  for (const one of all) for (const name of SUMS) sum[name] += one[name]
  return sum
}

/** What an agent of a session used by itself. */
export interface AgentSums {
  readonly agentId: string | null
  readonly parentAgentId: string | null
  readonly sums: CostSums
}

/**
 * Agents as a tree below the conversation itself. Clients say who started whom: an agent whose parent is unknown, or that
 * would be its own ancestor, hangs on the root.
 */
export const agentTree = (agents: readonly AgentSums[]): AgentBook => {
  const own = new Map<string | null, CostSums>([[null, noCost]])
  const parents = new Map<string, string | null>()
  for (const { agentId, parentAgentId, sums } of agents) {
    own.set(agentId, addCost(own.get(agentId) ?? noCost, sums))
    if (agentId !== null && parentAgentId !== null) parents.set(agentId, parentAgentId)
  }
  const parentOf = (agent: string): string | null => {
    const parent = parents.get(agent) ?? null
    return parent !== null && own.has(parent) && !climbs(parents, parent, agent) ? parent : null
  }
  const children = Map.groupBy(
    [...own.keys()].filter((agent) => agent !== null),
    parentOf,
  )
  const build = (agentId: string | null): AgentBook => {
    const sums = own.get(agentId) ?? noCost
    const below = (children.get(agentId) ?? []).map(build)
    return { agentId, sums, branch: sumCost([sums, ...below.map(({ branch }) => branch)]), agents: dearestFirst(below) }
  }
  return build(null)
}

/** Whether the way up from `from` comes by `to`, or goes round for ever. */
const climbs = (parents: ReadonlyMap<string, string | null>, from: string, to: string): boolean => {
  const seen = new Set<string>()
  for (let at: string | null = from; at !== null; at = parents.get(at) ?? null) {
    if (at === to) return true
    if (seen.has(at)) return false
    seen.add(at)
  }
  return false
}

const dearestFirst = (agents: readonly AgentBook[]): readonly AgentBook[] =>
  agents.toSorted((a, b) => b.branch.costNanoUsd - a.branch.costNanoUsd || compareText(a.agentId, b.agentId))

/** By code units, as databases compare bytes of ASCII; null first. */
export const compareText = (a: string | null, b: string | null): number =>
  a === b ? 0 : a === null ? -1 : b === null ? 1 : a < b ? -1 : 1

/** Time first and newest first, then the most expensive, then by name. `time`: how many of the first keys are times. */
export const compareRows =
  (by: readonly Dimension[]) =>
  (a: CostRow, b: CostRow): number => {
    for (const [index, dimension] of by.entries()) {
      if (!isTime(dimension)) continue
      const order = compareText(b.key[index] ?? null, a.key[index] ?? null)
      if (order !== 0) return order
    }
    const dearer = b.sums.costNanoUsd - a.sums.costNanoUsd
    if (dearer !== 0) return dearer
    for (const [index, name] of a.key.entries()) {
      const order = compareText(name, b.key[index] ?? null)
      if (order !== 0) return order
    }
    return 0
  }

export const isTime = (dimension: Dimension): dimension is 'day' | 'hour' => dimension === 'day' || dimension === 'hour'

/** The part of a cell's key that a dimension is; time is in the hour. */
export const CELL_FIELDS = {
  provider: 'provider',
  model: 'model',
  asked: 'asked',
  session: 'session',
  agent: 'agent',
  key: 'key',
  project: 'project',
} as const satisfies { readonly [K in Exclude<Dimension, 'day' | 'hour'>]: keyof CellKey }

export const hourText = (hour: number): string => `${new Date(hour * 3_600_000).toISOString().slice(0, 16)}Z`
