/**
 * What a status bar shows of the box at one moment: who serves a session, what it cost, how near the nearest bound is, what is
 * wrong. From folded state alone, but for the sums of the session, which the books keep.
 */
import { Schema } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { limitViews } from '#actors/views/limit-view.ts'
import { PROVIDER_STATES } from '#actors/views/provider-view.ts'
import type { CostSums } from '#domain/books.ts'
import { periodAt } from '#domain/budget.ts'
import { ModelId, modelId, ProviderId } from '#domain/ids.ts'
import { ALERT_KINDS } from '#domain/policy.ts'
import { isSilenced } from '#domain/projections/alerts.ts'
import { standingsOf } from '#domain/projections/budgets.ts'
import { HOUR_MS } from '#domain/projections/spend.ts'
import { addUsage, noUsage, type TokenCounts } from '#domain/usage.ts'

/** Money in billionths of a US dollar, times epoch ms, shares of 1. */
export const StatuslineView = Schema.Struct({
  at: Schema.Finite,
  /** Who serves the session, or has served it last; null: nobody yet, or so long ago that it is forgotten. */
  provider: Schema.NullOr(Schema.Struct({ id: ProviderId, state: Schema.Literals(PROVIDER_STATES), model: ModelId })),
  /** Since midnight in the time zone of the policy. `unpriced`: it is at least so much, for there are attempts without a price. */
  today: Schema.Struct({ costNanoUsd: Schema.Finite, unpriced: Schema.Boolean }),
  /** Null: nothing of such a session was ever billed. */
  session: Schema.NullOr(Schema.Struct({ costNanoUsd: Schema.Finite, unpriced: Schema.Boolean })),
  /** Of the tokens of prompts those that came from a cache: of the session, else of the UTC day. Null: there were none. */
  cacheHitShare: Schema.NullOr(Schema.Finite),
  /** The bound of which most is used: a limit of that provider, or a budget that the session falls under. */
  nearest: Schema.NullOr(
    Schema.Struct({
      kind: Schema.Literals(['limit', 'budget']),
      /** Of the budget, or as `requests per minute`. */
      name: Schema.String,
      /** Above 1 when more was used than planned. */
      usedShare: Schema.Finite,
      /** When all of it is there again. */
      resetAt: Schema.Finite,
    }),
  ),
  /** Those that stand and are not silenced, the most urgent first. */
  alerts: Schema.Array(
    Schema.Struct({
      kind: Schema.Literals(ALERT_KINDS),
      subject: Schema.String,
      severity: Schema.Literals(['info', 'warning', 'critical']),
    }),
  ),
}).annotate({ identifier: 'StatuslineView' })
export type StatuslineView = typeof StatuslineView.Type

/** `sums`: what the books have of it. */
export interface AskedSession {
  readonly sessionId: string
  readonly sums: CostSums | undefined
}

/** @param at epoch ms */
export const statuslineView = (state: GatewayState, session: AskedSession | undefined, at: number): StatuslineView => {
  const serving = servingOf(state, session?.sessionId)
  const sums = session?.sums
  return {
    at,
    provider: serving === undefined ? null : { ...serving, state: state.machines.get(serving.id)?.state ?? 'retired' },
    today: todayOf(state, at),
    session:
      sums === undefined || sums.attempts === 0 ? null : { costNanoUsd: sums.costNanoUsd, unpriced: sums.unpriced > 0 },
    cacheHitShare: hitShare(sums === undefined || sums.attempts === 0 ? dayUsage(state, at) : sums),
    nearest: nearestOf(state, session?.sessionId, serving, at),
    alerts: alertsOf(state, at),
  }
}

interface Serving {
  readonly id: ProviderId
  /** As the client asks for it. */
  readonly model: ModelId
}

/** Undefined session: whoever served last. */
const servingOf = ({ projections: { requests } }: GatewayState, session: string | undefined): Serving | undefined => {
  const all = [
    ...requests.finished.map((one) => ({ ...one, lastProvider: one.provider })),
    ...requests.inFlight.values(),
  ]
  const last = all.findLast(
    ({ sessionId, lastProvider }) => lastProvider !== undefined && (session === undefined || sessionId === session),
  )
  return last?.lastProvider === undefined ? undefined : { id: last.lastProvider, model: last.model }
}

const todayOf = ({ policy, projections: { spend } }: GatewayState, at: number): StatuslineView['today'] => {
  const { start } = periodAt('day', at, policy.timeZone)
  const hours = spend.hours.filter(({ slot }) => slot * HOUR_MS >= start && slot * HOUR_MS <= at)
  const unpriced = [...spend.unpriced.values()].some((pair) => pair.hours.some(({ slot }) => slot * HOUR_MS >= start))
  return { costNanoUsd: hours.reduce((sum, hour) => sum + hour.costNanoUsd, 0), unpriced }
}

const DAY_MS = 86_400_000

const dayUsage = ({ projections: { spend } }: GatewayState, at: number): TokenCounts => {
  const today = spend.days.filter(({ slot }) => slot === Math.floor(at / DAY_MS))
  return today.map(({ usage }) => usage).reduce(addUsage, noUsage)
}

const hitShare = (usage: Omit<TokenCounts, 'outputTokens'>): number | null => {
  const { inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage
  const prompt = inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens
  return prompt === 0 ? null : cacheReadTokens / prompt
}

type Bound = NonNullable<StatuslineView['nearest']>

const nearestOf = (
  state: GatewayState,
  sessionId: string | undefined,
  serving: Serving | undefined,
  at: number,
): Bound | null => {
  const meters = serving === undefined ? [] : (state.projections.limits.get(serving.id)?.meters ?? [])
  const limits = limitViews(meters, at).map(
    ({ limit, window, usedShare, resetAt, fullAt }): Bound => ({
      kind: 'limit',
      name: `${limit} per ${window}`,
      usedShare,
      resetAt: resetAt ?? fullAt,
    }),
  )
  // Whose key and project a session has the status bar does not know: their budgets are not told.
  const spender = { model: serving?.model ?? modelId(''), ...(sessionId === undefined ? {} : { sessionId }) }
  const budgets = standingsOf(state.projections.budgets, spender, at).map(
    ({ budget, period, spentNanoUsd }): Bound => ({
      kind: 'budget',
      name: budget.name,
      // What is held back for requests under way is the most that they may cost, and mostly comes back.
      usedShare: budget.limitNanoUsd === 0 ? 1 : spentNanoUsd / budget.limitNanoUsd,
      resetAt: period.end,
    }),
  )
  return [...budgets, ...limits].toSorted((a, b) => b.usedShare - a.usedShare)[0] ?? null
}

const URGENCY = { critical: 0, warning: 1, info: 2 } as const

const alertsOf = ({ projections: { alerts } }: GatewayState, at: number): StatuslineView['alerts'] =>
  [...alerts.raised.values()]
    .filter((alert) => !isSilenced(alerts, alert, at))
    .toSorted((a, b) => URGENCY[a.severity] - URGENCY[b.severity])
    .map(({ kind, subject, severity }) => ({ kind, subject, severity }))
