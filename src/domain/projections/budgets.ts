/**
 * What is left of the operator's budgets: per budget, and per subject where it is one each, what was spent in the running
 * period and what attempts under way hold back. A reservation lives from `AttemptStarted` to the attempt's end; of a
 * process that died it lives until the next start finds the request.
 *
 * The number of accounts is bounded: of budgets that are one each, the accounts that were not used for longest go first,
 * those of a period that is over before all.
 */
import { isUnder, type Period, periodAt, type Spender, subjectOf } from '#domain/budget.ts'
import type { AttemptSucceeded, DomainEvent, RequestAdmitted } from '#domain/events.ts'
import type { RequestId } from '#domain/ids.ts'
import type { Budget } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

/** In billionths of a US dollar. */
export interface Account {
  readonly budget: string
  readonly subject: string
  periodStart: number
  periodEnd: number
  spentNanoUsd: number
  /** What attempts under way may cost at most. */
  reservedNanoUsd: number
  /** Attempts of which nobody knows what they cost. */
  unpriced: number
  /** Of what was spent, how much by each of several instances that share the log; empty where there is one. */
  readonly spentBy: Map<string, number>
}

interface OpenSpending extends Spender {
  readonly branch?: string
  /** Of the attempt under way. */
  readonly reservedNanoUsd: number
}

export interface Budgets {
  definitions: readonly Budget[]
  /** Names of those of which nobody has told yet what was spent before the policy named them. */
  unseeded: readonly string[]
  /** Of the others, who told it: JSON of [writer, until when]. Instances that read a configuration together all tell it. */
  readonly seededBy: Map<string, string>
  timeZone: string
  /** By JSON of [budget, subject]; the least recently used first. */
  readonly accounts: Map<string, Account>
  readonly open: Map<RequestId, OpenSpending>
  /** JSON of [session, agent] → the agent that the main loop started, among those above it; the oldest first. */
  readonly branches: Map<string, string>
  /** Instances that share the log → when they started, epoch ms. */
  readonly sharing: Map<string, number>
}

export const ACCOUNTS_KEPT = 2_000
export const BRANCHES_KEPT = 2_000

export const budgets: Projection<Budgets> = {
  name: 'budgets',
  version: 3,
  hears: [
    'BoxStarted',
    'BoxStopped',
    'InstanceLost',
    'PolicyChanged',
    'BudgetSeeded',
    'RequestAdmitted',
    'AttemptStarted',
    'AttemptSucceeded',
    'AttemptFailed',
    'RequestAbandoned',
    'RequestFailed',
    'RequestCancelled',
  ],
  initial: () => ({
    definitions: [],
    unseeded: [],
    seededBy: new Map(),
    timeZone: 'UTC',
    accounts: new Map(),
    open: new Map(),
    branches: new Map(),
    sharing: new Map(),
  }),
  evolve: (state, { event, occurredAt, writer }) => {
    switch (event._tag) {
      case 'BoxStarted':
        if (event.shared === true) state.sharing.set(writer, occurredAt)
        else for (const instance of state.sharing.keys()) forgetInstance(state, instance)
        break
      case 'BoxStopped':
      case 'InstanceLost':
        forgetInstance(state, event.instance)
        break
      case 'PolicyChanged':
        define(state, event.policy.budgets ?? [], event.policy.timeZone ?? 'UTC', occurredAt)
        break
      case 'BudgetSeeded':
        seed(state, event, writer)
        break
      case 'RequestAdmitted':
        if (state.definitions.length > 0) admit(state, event)
        break
      case 'AttemptStarted':
        if (event.reservedNanoUsd !== undefined) reserve(state, event.requestId, event.reservedNanoUsd, occurredAt)
        break
      case 'AttemptSucceeded':
        settle(state, event.requestId, chargeOf(event), { at: occurredAt, writer })
        state.open.delete(event.requestId)
        break
      case 'AttemptFailed':
        settle(state, event.requestId, event.costNanoUsd, { at: occurredAt, writer })
        break
      case 'RequestAbandoned':
        if (event.provider !== undefined) settle(state, event.requestId, event.costNanoUsd, { at: occurredAt, writer })
        state.open.delete(event.requestId)
        break
      case 'RequestFailed':
      case 'RequestCancelled':
        state.open.delete(event.requestId)
        break
    }
    return state
  },
}

/** What the provider charged, else what it costs by the price; undefined: nobody knows. */
export const chargeOf = ({
  costNanoUsd,
  reportedCostNanoUsd,
}: Pick<typeof AttemptSucceeded.Type, 'costNanoUsd' | 'reportedCostNanoUsd'>): number | undefined =>
  reportedCostNanoUsd ?? costNanoUsd

/** A budget that a request falls under, and how it stands. */
export interface Standing {
  readonly budget: Budget
  readonly subject: string
  readonly period: Period
  readonly spentNanoUsd: number
  readonly reservedNanoUsd: number
  /** What is neither spent nor held back; below zero when more was spent than planned. */
  readonly leftNanoUsd: number
}

/** How every budget stands that the request falls under, at `at` (epoch ms). */
export const standingsOf = (state: Budgets, request: Request, at: number): readonly Standing[] =>
  state.definitions.length === 0 ? [] : standings(state, request, branchOf(state, request), at)

type Request = Spender & Pick<RequestAdmitted, 'parentAgentId'>

const standings = (state: Budgets, spender: Spender, branch: string | undefined, at: number): readonly Standing[] =>
  state.definitions.flatMap((budget) => {
    if (!isUnder(budget, spender)) return []
    const subject = subjectOf(budget, spender, branch)
    const account = state.accounts.get(keyOf(budget.name, subject))
    const isRunning = account !== undefined && at < account.periodEnd
    const period = isRunning
      ? { start: account.periodStart, end: account.periodEnd }
      : periodAt(budget.period, at, state.timeZone)
    // An account of an older period has nothing of this one but what is still under way.
    const spentNanoUsd = isRunning ? account.spentNanoUsd : 0
    const reservedNanoUsd = account?.reservedNanoUsd ?? 0
    const leftNanoUsd = budget.limitNanoUsd - spentNanoUsd - reservedNanoUsd
    return [{ budget, subject, period, spentNanoUsd, reservedNanoUsd, leftNanoUsd }]
  })

/** One account of a budget, as it stands. */
export interface BudgetUse {
  readonly name: string
  readonly subject: string
  readonly limitNanoUsd: number
  readonly spentNanoUsd: number
  readonly reservedNanoUsd: number
  readonly unpriced: number
  readonly usedShare: number
  readonly periodStart: number
  readonly periodEnd: number
}

/** Every account of the running periods at `at` (epoch ms), in the order of the policy. What is held back is not used yet. */
export const budgetUse = (state: Budgets, at: number): readonly BudgetUse[] =>
  state.definitions.flatMap((budget) => {
    const known = [...state.accounts.values()].filter(
      (account) => account.budget === budget.name && at < account.periodEnd,
    )
    const period = periodAt(budget.period, at, state.timeZone)
    const fresh = { subject: '', periodStart: period.start, periodEnd: period.end, ...NOTHING }
    const accounts = known.length === 0 && budget.each === undefined ? [fresh] : known
    return accounts.map(({ subject, periodStart, periodEnd, spentNanoUsd, reservedNanoUsd, unpriced }) => ({
      ...{ name: budget.name, subject, limitNanoUsd: budget.limitNanoUsd, spentNanoUsd, reservedNanoUsd, unpriced },
      // Nothing may be spent: all of nothing is used.
      usedShare: budget.limitNanoUsd === 0 ? 1 : spentNanoUsd / budget.limitNanoUsd,
      ...{ periodStart, periodEnd },
    }))
  })
const NOTHING = { spentNanoUsd: 0, reservedNanoUsd: 0, unpriced: 0 }

const keyOf = (budget: string, subject: string): string => JSON.stringify([budget, subject])

/** A budget that is for the same requests keeps what was spent, whatever its limit is now. */
const define = (state: Budgets, wanted: readonly Budget[], timeZone: string, at: number): void => {
  const before = new Map(state.definitions.map((budget) => [budget.name, scopeOf(budget, state.timeZone)]))
  state.definitions = wanted
  state.timeZone = timeZone
  const kept = new Set(wanted.filter((one) => before.get(one.name) === scopeOf(one, timeZone)).map(({ name }) => name))
  for (const [key, account] of state.accounts) if (!kept.has(account.budget)) state.accounts.delete(key)
  const fresh = wanted.map(({ name }) => name).filter((name) => !kept.has(name))
  state.unseeded = [...state.unseeded.filter((name) => kept.has(name)), ...fresh]
  for (const name of state.seededBy.keys()) if (!kept.has(name)) state.seededBy.delete(name)
  for (const budget of wanted) if (budget.each === undefined) accountOf(state, budget, '', at)
}

const scopeOf = ({ period, key, project, model, each }: Budget, timeZone: string): string =>
  JSON.stringify([period, key, project, model, each, timeZone])

/** What was spent before the policy named the budget comes on top of what has been since. Who tells it first tells it of all subjects. */
const seed = (state: Budgets, event: Extract<DomainEvent, { readonly _tag: 'BudgetSeeded' }>, writer: string): void => {
  const by = JSON.stringify([writer, event.until])
  if (state.unseeded.includes(event.budget)) state.seededBy.set(event.budget, by)
  else if (state.seededBy.get(event.budget) !== by) return
  state.unseeded = state.unseeded.filter((name) => name !== event.budget)
  const budget = state.definitions.find(({ name }) => name === event.budget)
  if (budget === undefined) return
  const account = accountOf(state, budget, event.subject, event.periodStart)
  if (account.periodStart === event.periodStart) account.spentNanoUsd += event.spentNanoUsd
}

const admit = (state: Budgets, request: RequestAdmitted): void => {
  const { clientKey, project, model, sessionId, agentId } = request
  const branch = branchOf(state, request)
  if (branch !== undefined && branch !== agentId) {
    state.branches.set(keyOf(sessionId ?? '', agentId ?? ''), branch)
    const [oldest] = state.branches.keys()
    if (oldest !== undefined && state.branches.size > BRANCHES_KEPT) state.branches.delete(oldest)
  }
  state.open.set(request.requestId, {
    model,
    reservedNanoUsd: 0,
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(project === undefined ? {} : { project }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(branch === undefined ? {} : { branch }),
  })
}

/** The agent under the main loop that started this one, itself or by others. */
const branchOf = ({ branches }: Budgets, { sessionId = '', agentId, parentAgentId }: Request): string | undefined => {
  if (agentId === undefined) return undefined
  const known = branches.get(keyOf(sessionId, agentId))
  if (known !== undefined || parentAgentId === undefined) return known ?? agentId
  return branches.get(keyOf(sessionId, parentAgentId)) ?? parentAgentId
}

const reserve = (state: Budgets, id: RequestId, nanoUsd: number, at: number): void => {
  const open = state.open.get(id)
  if (open === undefined) return
  state.open.set(id, { ...open, reservedNanoUsd: nanoUsd })
  for (const account of accountsOf(state, open, at)) account.reservedNanoUsd += nanoUsd
}

const settle = (
  state: Budgets,
  id: RequestId,
  nanoUsd: number | undefined,
  { at, writer }: { readonly at: number; readonly writer: string },
): void => {
  const open = state.open.get(id)
  if (open === undefined) return
  if (open.reservedNanoUsd > 0) state.open.set(id, { ...open, reservedNanoUsd: 0 })
  for (const account of accountsOf(state, open, at)) {
    account.reservedNanoUsd = Math.max(0, account.reservedNanoUsd - open.reservedNanoUsd)
    account.spentNanoUsd += nanoUsd ?? 0
    if (state.sharing.has(writer)) account.spentBy.set(writer, (account.spentBy.get(writer) ?? 0) + (nanoUsd ?? 0))
    if (nanoUsd === undefined) account.unpriced += 1
  }
}

const forgetInstance = (state: Budgets, instance: string): void => {
  if (!state.sharing.delete(instance)) return
  for (const account of state.accounts.values()) account.spentBy.delete(instance)
}

/** What an instance has spent of each account of the running periods: budget, subject, start of the period (epoch ms), nano-dollars. */
export const spentByInstance = (
  state: Budgets,
  instance: string,
): readonly (readonly [budget: string, subject: string, periodStart: number, nanoUsd: number])[] =>
  [...state.accounts.values()].flatMap(({ budget, subject, periodStart, spentBy }) => {
    const nanoUsd = spentBy.get(instance)
    return nanoUsd === undefined ? [] : [[budget, subject, periodStart, nanoUsd] as const]
  })

const accountsOf = (state: Budgets, { branch, ...spender }: OpenSpending, at: number): readonly Account[] =>
  state.definitions
    .filter((budget) => isUnder(budget, spender))
    .map((budget) => accountOf(state, budget, subjectOf(budget, spender, branch), at))

/** The account for the period that `at` lies in, opened where it is missing and turned where its period is over. */
const accountOf = (state: Budgets, budget: Budget, subject: string, at: number): Account => {
  const { accounts } = state
  const key = keyOf(budget.name, subject)
  const known = accounts.get(key)
  if (known !== undefined && at < known.periodEnd) {
    accounts.delete(key)
    accounts.set(key, known)
    return known
  }
  const { start, end } = periodAt(budget.period, at, state.timeZone)
  const account: Account = {
    budget: budget.name,
    subject,
    periodStart: start,
    periodEnd: end,
    spentNanoUsd: 0,
    // What is under way will be paid in the new period.
    reservedNanoUsd: known?.reservedNanoUsd ?? 0,
    unpriced: 0,
    spentBy: new Map(),
  }
  accounts.delete(key)
  accounts.set(key, account)
  if (accounts.size > ACCOUNTS_KEPT) forgetOne(accounts, at)
  return account
}

const forgetOne = (accounts: Budgets['accounts'], at: number): void => {
  let oldest: string | undefined
  for (const [key, { periodEnd, reservedNanoUsd }] of accounts) {
    if (reservedNanoUsd > 0) continue
    oldest ??= key
    if (periodEnd > at) continue
    accounts.delete(key)
    return
  }
  if (oldest !== undefined) accounts.delete(oldest)
}
