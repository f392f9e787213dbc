/**
 * Budgets as rules: which of them a request falls under, and when their periods begin and end. What was spent is kept by
 * the projection `budgets`.
 */
import type { RequestAdmitted } from '#domain/events.ts'
import { dayText, offsetMinutes, startOfDay } from '#domain/local-days.ts'
import { matchesModel } from '#domain/model-map.ts'
import type { Budget } from '#domain/policy.ts'

/** Epoch ms: from `start` until just before `end`. */
export interface Period {
  readonly start: number
  readonly end: number
}

/** What of a request tells whose money it spends. */
export type Spender = Pick<RequestAdmitted, 'clientKey' | 'project' | 'model' | 'sessionId' | 'agentId'>

/** Whether the request is one of those that the budget is for. */
export const isUnder = (budget: Budget, spender: Spender): boolean =>
  (budget.key === undefined || budget.key === spender.clientKey) &&
  (budget.project === undefined || budget.project === spender.project) &&
  (budget.model === undefined || matchesModel(budget.model, spender.model))

/**
 * Whose account it is booked on: one for all, or one each. What a request does not tell (no session, no key) is an account too,
 * so that nothing escapes a budget by saying less. `branch` is the sub-agent that the main loop started, with all below it.
 */
export const subjectOf = (budget: Budget, spender: Spender, branch: string | undefined): string => {
  if (budget.each === undefined) return ''
  switch (budget.each) {
    case 'key':
      return spender.clientKey ?? ''
    case 'project':
      return spender.project ?? ''
    case 'model':
      return spender.model
    case 'session':
      return spender.sessionId ?? ''
    case 'agent':
      return JSON.stringify([spender.sessionId ?? '', branch ?? ''])
  }
}

/** The day, week (from Monday) or month that `at` (epoch ms) lies in, by the calendar of a time zone. */
export const periodAt = (period: Budget['period'], at: number, timeZone = 'UTC'): Period => {
  const { year, month, day } = localDate(at, timeZone)
  if (period === 'month') {
    return { start: midnight(year, month, 1, timeZone), end: midnight(year, month + 1, 1, timeZone) }
  }
  const first = period === 'day' ? day : day - ((new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7)
  const days = period === 'day' ? 1 : 7
  return { start: midnight(year, month, first, timeZone), end: midnight(year, month, first + days, timeZone) }
}

/** The date that a zone's calendar shows. */
const localDate = (at: number, timeZone: string) => {
  const shown = new Date(at + offsetMinutes(timeZone, at) * MINUTE_MS)
  return { year: shown.getUTCFullYear(), month: shown.getUTCMonth() + 1, day: shown.getUTCDate() }
}

/** Epoch ms of the first moment of a local date; months and days beyond the calendar's carry over. */
const midnight = (year: number, month: number, day: number, timeZone: string): number => {
  const asIfUtc = Date.UTC(year, month - 1, day)
  return startOfDay(dayText(asIfUtc / DAY_MS), timeZone) ?? asIfUtc
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
