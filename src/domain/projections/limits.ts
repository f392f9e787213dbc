/**
 * What is left of each provider's limits, by what was sent to it and what its headers said. A prompt is debited when its
 * attempt starts, as providers estimate it at admission, and corrected when its usage is known; output is debited when it is
 * known. Beside that the number of attempts that a provider is given at once.
 */
import { boundConcurrency, type Concurrency, freshConcurrency, lower, raise } from '#domain/concurrency.ts'
import type { AttemptFailed, AttemptSucceeded, LimitReading } from '#domain/events.ts'
import { countsAgainst, type FailureReason } from '#domain/failure.ts'
import type { ProviderId, RequestId } from '#domain/ids.ts'
import { learn, rebase, resize } from '#domain/limit-lessons.ts'
import {
  giveBack,
  type Headroom,
  headroom,
  isOver,
  type LimitName,
  type Meter,
  seedMeters,
  take,
} from '#domain/limits.ts'
import type { LimitPolicy } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'
import type { Usage } from '#domain/usage.ts'

/** An attempt in flight: what was debited for its prompt, in tokens, and when (epoch ms). */
export interface Reservation {
  readonly inputTokens: number
  readonly at: number
}

export interface ProviderLimits {
  /** As the policy last named them; `{}` when it names none. */
  policy: LimitPolicy
  /** At most one for each limit and window. */
  meters: readonly Meter[]
  /** One per attempt in flight, the oldest first. */
  readonly reserved: Map<RequestId, Reservation>
  concurrency: Concurrency
}

export type Limits = Map<ProviderId, ProviderLimits>

/** Far above any configuration; events of providers that come and go cannot grow the state beyond it. */
const MAX_PROVIDERS = 200
/** Attempts in flight at one provider; one that is older than so many others has been lost. */
export const RESERVATIONS_KEPT = 10_000

export const limits: Projection<Limits> = {
  name: 'limits',
  version: 2,
  hears: [
    'PolicyChanged',
    'AttemptStarted',
    'AttemptSucceeded',
    'AttemptFailed',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
  ],
  initial: () => new Map(),
  evolve: (state, { event, occurredAt }) => {
    switch (event._tag) {
      case 'PolicyChanged': {
        const named = new Map(event.policy.providers.map((provider) => [provider.id, provider.limits ?? {}]))
        for (const id of state.keys()) if (!named.has(id)) state.delete(id)
        for (const [id, policy] of named) configure(known(state, id), policy, occurredAt)
        break
      }
      case 'AttemptStarted': {
        const provider = known(state, event.provider)
        const inputTokens = event.inputTokens ?? 0
        provider.meters = debit(provider.meters, { requests: 1, input: inputTokens, tokens: inputTokens }, occurredAt)
        provider.reserved.delete(event.requestId)
        provider.reserved.set(event.requestId, { inputTokens, at: occurredAt })
        const [oldest] = provider.reserved.keys()
        if (oldest !== undefined && provider.reserved.size > RESERVATIONS_KEPT) provider.reserved.delete(oldest)
        break
      }
      case 'AttemptSucceeded': {
        const provider = state.get(event.provider)
        if (provider !== undefined) succeed(provider, event, occurredAt)
        break
      }
      case 'AttemptFailed': {
        const provider = state.get(event.provider)
        if (provider !== undefined) fail(provider, event, occurredAt)
        break
      }
      // Whose attempt was in flight may have been counted by its provider: what was debited stays so.
      case 'RequestFailed':
      case 'RequestCancelled':
      case 'RequestAbandoned':
        for (const { reserved } of state.values()) reserved.delete(event.requestId)
        break
    }
    return state
  },
}

/** What the limits of a provider say about a request at `at` (epoch ms); one that nothing is known of has room. */
export const headroomOf = (
  state: Limits,
  provider: ProviderId,
  tokens: { readonly input: number; readonly output: number },
  at: number,
): Headroom => headroom(state.get(provider)?.meters ?? [], { requests: 1, ...tokens }, at)

/** Attempts in flight at a provider, and how many it is given at once. */
export const concurrencyOf = (
  state: Limits,
  provider: ProviderId,
): { readonly inFlight: number; readonly limit: number } => {
  const found = state.get(provider)
  return { inFlight: found?.reserved.size ?? 0, limit: (found?.concurrency ?? freshConcurrency()).limit }
}

const known = (state: Limits, id: ProviderId): ProviderLimits => {
  const found = state.get(id)
  if (found !== undefined) return found
  const [oldest] = state.keys()
  if (oldest !== undefined && state.size >= MAX_PROVIDERS) state.delete(oldest)
  const fresh: ProviderLimits = { policy: {}, meters: [], reserved: new Map(), concurrency: freshConcurrency() }
  state.set(id, fresh)
  return fresh
}

/** A restart names the same limits again: then headers' sizes stay. What was used stays used in any case. */
const configure = (provider: ProviderLimits, policy: LimitPolicy, at: number): void => {
  const before = provider.policy
  if (JSON.stringify(before) === JSON.stringify(policy)) return
  provider.policy = policy
  provider.concurrency = boundConcurrency(provider.concurrency, policy.maxConcurrent)
  const seeds = seedMeters(policy, at)
  const seeded = seeds.map((seed) => {
    const meter = provider.meters.find((one) => one.source !== 'learned' && isSameAs(seed)(one))
    return meter === undefined ? seed : { ...seed, level: Math.min(seed.capacity, resize(meter, seed.size, at).level) }
  })
  const others = provider.meters.filter((meter) => meter.source !== 'configured' && !seeds.some(isSameAs(meter)))
  provider.meters = [...seeded, ...others]
}

type Key = Pick<Meter, 'limit' | 'window'>

const isSameAs =
  (a: Key) =>
  (b: Key): boolean =>
    a.limit === b.limit && a.window === b.window

const succeed = (provider: ProviderLimits, event: AttemptSucceeded, at: number): void => {
  const inFlight = provider.reserved.size
  const reservation = release(provider, event.requestId, at)
  provider.meters = settle(provider, reservation, event.usage, at)
  // Headers come before the content: the end of the stream must not take them for news.
  const readAt = at - Math.max(0, event.durationMs - event.ttftMs)
  provider.meters = corrected(provider.meters, event.limits ?? [], at, readAt)
  // After the headers, which do not know of it yet.
  provider.meters = debitOutput(provider.meters, event.usage, at)
  provider.concurrency = raise(provider.concurrency, inFlight)
}

const fail = (provider: ProviderLimits, event: AttemptFailed, at: number): void => {
  const { reason, usage, limits: readings = [] } = event
  const reservation = release(provider, event.requestId, at)
  if (usage !== undefined) provider.meters = settle(provider, reservation, usage, at)
  else if (wasRefused(reason)) {
    const { inputTokens: input } = reservation
    const back = { requests: wasSent(reason) ? 0 : 1, input, tokens: input }
    provider.meters = credit(provider.meters, back, at, reservation.at)
  }
  provider.meters = corrected(provider.meters, readings, at, at)
  if (usage !== undefined) provider.meters = debitOutput(provider.meters, usage, at)
  if (reason._tag === 'RateLimited' && readings.length === 0) provider.meters = learn(provider.meters, reason, at)
  if (reason._tag === 'RateLimited' || reason._tag === 'Overloaded') {
    provider.concurrency = lower(provider.concurrency, at)
  }
}

const release = ({ reserved }: ProviderLimits, id: RequestId, at: number): Reservation => {
  const reservation = reserved.get(id)
  reserved.delete(id)
  return reservation ?? { inputTokens: 0, at }
}

/** Replaces the estimate of the prompt by what was counted. A prompt of no tokens is one that the provider did not count. */
const settle = (
  { meters, policy }: ProviderLimits,
  { inputTokens, at: takenAt }: Reservation,
  usage: Usage,
  at: number,
): readonly Meter[] => {
  const written = usage.inputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  if (written + usage.cacheReadTokens === 0) return meters
  const counted = policy.countsCachedInput === true ? written + usage.cacheReadTokens : written
  const more = counted - inputTokens
  return more >= 0
    ? debit(meters, { input: more, tokens: more }, at)
    : credit(meters, { input: -more, tokens: -more }, at, takenAt)
}

const debitOutput = (meters: readonly Meter[], { outputTokens }: Usage, at: number): readonly Meter[] =>
  debit(meters, { output: outputTokens, tokens: outputTokens }, at)

type Amounts = { readonly [L in LimitName]?: number }

const debit = (meters: readonly Meter[], amounts: Amounts, at: number): readonly Meter[] =>
  meters.filter((meter) => !isOver(meter, at)).map((meter) => take(meter, amounts[meter.limit] ?? 0, at))

const credit = (meters: readonly Meter[], amounts: Amounts, at: number, takenAt: number): readonly Meter[] =>
  meters.map((meter) => giveBack(meter, amounts[meter.limit] ?? 0, at, takenAt))

const corrected = (
  meters: readonly Meter[],
  readings: readonly LimitReading[],
  at: number,
  readAt: number,
): readonly Meter[] => {
  const all = [...meters]
  for (const reading of readings) {
    const index = all.findIndex(isSameAs(reading))
    const meter = rebase(all[index], reading, at, readAt)
    if (meter === undefined) continue
    if (index < 0) all.push(meter)
    else all[index] = meter
  }
  return all
}

/** Providers debit what they work on. Of a failure in the middle of the work nobody knows: then the debit stays. */
const wasRefused = (reason: FailureReason): boolean => {
  const blame = countsAgainst(reason)
  return (
    reason._tag === 'Overloaded' || blame === 'limit' || blame === 'account' || blame === 'request' || !wasSent(reason)
  )
}

/** A connection that was never made, and a request that Signalbox itself knew to be refused, reached no limit. */
const wasSent = (reason: FailureReason): boolean => {
  switch (reason._tag) {
    case 'Transport':
      return !reason.connect
    case 'Timeout':
      return reason.phase !== 'connect'
    case 'FeatureRefused':
      return reason.status !== undefined
    default:
      return true
  }
}
