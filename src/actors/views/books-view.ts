/**
 * Answers of the books as schemas: what #domain/books.ts and #domain/books-query.ts say in types.
 */
import { Schema } from 'effect'
import { type BookedRequest as Booked, ENDINGS, SUMS } from '#domain/books.ts'
import type { AgentBook as Agent, CostReport as Report, SessionBook as Session } from '#domain/books-query.ts'

const known = Schema.NullOr(Schema.String)
const count = Schema.Int

/** Times are epoch ms, money is in billionths of a US dollar, `null`: not (yet) known. */
export const BookedRequest: Schema.Codec<Booked> = Schema.Struct({
  position: count,
  requestId: Schema.String,
  admittedAt: Schema.Finite,
  model: Schema.String,
  sessionId: known,
  agentId: known,
  parentAgentId: known,
  clientKey: known,
  project: known,
  stream: Schema.Boolean,
  strategy: known,
  provider: known,
  servedModel: known,
  attempts: count,
  outcome: Schema.NullOr(Schema.Literals(ENDINGS)),
  status: Schema.NullOr(count),
  reason: known,
  ttftMs: Schema.NullOr(Schema.Finite),
  durationMs: Schema.NullOr(Schema.Finite),
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWrite5mTokens: count,
  cacheWrite1hTokens: count,
  webSearches: count,
  costNanoUsd: Schema.Finite,
  cacheSavedNanoUsd: Schema.Finite,
  unpriced: count,
  estimated: Schema.Boolean,
  endedPosition: Schema.NullOr(count),
}).annotate({ identifier: 'BookedRequest' })

const sums = Object.fromEntries(SUMS.map((name) => [name, Schema.Finite])) as {
  // As many as SUMS has.
  readonly [K in (typeof SUMS)[number]]: typeof Schema.Finite
}
export const CostSums = Schema.Struct(sums).annotate({ identifier: 'CostSums' })

export const CostReport = Schema.Struct({
  /** `key`: in the order of `by`; a day as 2026-11-23, an hour as 2026-11-23T14:00Z, null where there is none. */
  rows: Schema.Array(Schema.Struct({ key: Schema.Array(known), sums: CostSums })),
  /** How many rows there would be without the limit. */
  groups: count,
  /** Of all groups. */
  total: CostSums,
}) satisfies Schema.Codec<Report>

/** `agentId` null: the conversation itself. `sums`: its own; `branch`: with all below it. */
export const AgentBook: Schema.Codec<Agent> = Schema.Struct({
  agentId: known,
  sums: CostSums,
  branch: CostSums,
  agents: Schema.Array(Schema.suspend((): Schema.Codec<Agent> => AgentBook)),
}).annotate({ identifier: 'AgentBook' })

export const SessionBook: Schema.Codec<Session> = Schema.Struct({
  sessionId: Schema.String,
  root: AgentBook,
  requests: Schema.Array(BookedRequest),
}).annotate({ identifier: 'SessionBook' })
