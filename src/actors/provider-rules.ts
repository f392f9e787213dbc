/**
 * The rules of the provider machine as plain functions over its context: what counts, what trips, until when. Numbers come
 * from the breaker policy that is in force when the fact arrives, randomness from the fact's `draw`, time from its `at`.
 *
 * Evidence: an outcome speaks about the circuit only if its attempt was started since `evidenceFrom` (or holds the probe
 * lease). Answers take minutes, so outcomes of attempts from before an outage arrive during it, during the probes and
 * during the ramp; they neither close nor re-open anything. A limit is different: a 429 is a schedule, true whoever heard it.
 *
 * An overloaded provider (529) that names a time is a provider failure like any other: its time is a floor of the open time
 * if this failure opens the circuit, and nothing otherwise, because load shedding hits one request, not the next.
 */
import { type BreakerWindow, countOutcome, emptyWindow, outcomes } from '#domain/breaker-window.ts'
import type { CircuitOpened } from '#domain/decisions.ts'
import type { Fact } from '#domain/events.ts'
import { countsAgainst, type FailureReason, uselessUntil } from '#domain/failure.ts'
import type { ProviderId, RequestId } from '#domain/ids.ts'
import type { BreakerPolicy } from '#domain/policy.ts'

/** Plain JSON; times are epoch ms. */
export interface ProviderContext {
  /** Provider failures in a row, and among them failures to connect in a row. */
  readonly failures: number
  readonly connectFailures: number
  readonly window: BreakerWindow
  /** False from an opening until enough probes have succeeded, also while a limit lies over it. */
  readonly circuitClosed: boolean
  /** Openings in a row; forgiven at the next opening if that comes late enough. */
  readonly level: number
  /** Attempts that started before this say nothing about the circuit: the last closing, or the end of the open time. */
  readonly evidenceFrom: number
  /** The end of the last cool-down, which may be over. 0: there was none. */
  readonly until: number
  /** When that was decided. */
  readonly untilSince: number
  /** The latest time before which the provider itself said that it is of no use to ask. 0: it never did. */
  readonly toldUntil: number
  /** What opened the circuit that is open or half open now. */
  readonly trip: Trip | null
  /** Throttles in a row without a success. */
  readonly throttleLevel: number
  readonly ramp: { readonly from: number; readonly until: number } | null
  readonly probe: { readonly requestId: RequestId; readonly attempt: number; readonly leaseUntil: number } | null
  readonly probeSuccesses: number
  /** Attempts that started before this went to what the provider was before its entry changed. 0: it never did. */
  readonly since: number
}

export const untroubled: ProviderContext = {
  failures: 0,
  connectFailures: 0,
  window: emptyWindow,
  circuitClosed: true,
  level: 0,
  evidenceFrom: 0,
  until: 0,
  untilSince: 0,
  toldUntil: 0,
  trip: null,
  throttleLevel: 0,
  ramp: null,
  probe: null,
  probeSuccesses: 0,
  since: 0,
}

type FactOf<T extends Fact['_tag']> = Extract<Fact, { readonly _tag: T }>

/** The facts that can move a provider's machine. */
export type MachineFact = FactOf<
  | 'AttemptStarted'
  | 'AttemptSucceeded'
  | 'AttemptFailed'
  | 'RequestAbandoned'
  | 'CooldownElapsed'
  | 'ProbeLeaseExpired'
  | 'BreakerReset'
>

/** A fact as the machine receives it: with its time and the policy in force. */
export type EventOf<T extends MachineFact['_tag']> = T extends MachineFact['_tag']
  ? {
      readonly type: T
      readonly fact: FactOf<T>
      readonly at: number
      readonly provider: ProviderId
      readonly breaker: BreakerPolicy
    }
  : never
export type ProviderEvent = EventOf<MachineFact['_tag']>
type Failed = EventOf<'AttemptFailed'>
type Succeeded = EventOf<'AttemptSucceeded'>
type Changes = Partial<ProviderContext>

/** What made the circuit open. */
export type Trip = (typeof CircuitOpened.Type)['trip']

// ---- questions -----------------------------------------------------------------------------------------------------

/** What the clocks of instances, and those that are corrected while they run, differ by at most. */
const CLOCKS_DIFFER_MS = 60_000

/** Whether the clock was set back since `then` (epoch ms). */
const wasSetBack = (then: number, at: number): boolean => at < then - CLOCKS_DIFFER_MS

const startedAt = (event: Failed | Succeeded): number => event.at - event.fact.durationMs

export const holdsLease = ({ probe }: ProviderContext, { fact }: Failed | Succeeded): boolean =>
  probe !== null && probe.requestId === fact.requestId && probe.attempt === fact.attempt

export const isEvidence = (context: ProviderContext, event: Failed | Succeeded): boolean =>
  startedAt(event) >= context.evidenceFrom ||
  holdsLease(context, event) ||
  (context.circuitClosed && wasSetBack(context.evidenceFrom, event.at))

/** What another server, or this one under another entry, answered says nothing, be it the worst. */
export const isOfBefore = (context: ProviderContext, event: ProviderEvent): boolean =>
  (event.type === 'AttemptFailed' || event.type === 'AttemptSucceeded') &&
  startedAt(event) < context.since &&
  !holdsLease(context, event)

export const blamesProvider = ({ fact }: Failed): boolean => countsAgainst(fact.reason) === 'provider'

/** A provider failure that says something about the circuit as it is now. */
export const countsHere = (context: ProviderContext, event: Failed): boolean =>
  blamesProvider(event) && isEvidence(context, event)

/** Told to come back later: a rate limit, or a quota that is used up. */
export const limits = ({ fact }: Failed): boolean =>
  countsAgainst(fact.reason) === 'limit' || fact.reason._tag === 'QuotaExhausted'

/** A limit that holds longer than the cool-down that is running. Guessed back-off never prolongs one. */
export const limitsLonger = (context: ProviderContext, event: Failed): boolean =>
  limits(event) && (knownLimit(event) ?? 0) > context.until

/** The gateway's credential was refused: waiting seconds does not help. */
export const refusesUs = ({ fact }: Failed): boolean =>
  fact.reason._tag === 'CredentialRefused' && fact.reason.whose === 'gateway'

/** It names a time to come back, whatever the reason. */
export const tellsTime = (_: ProviderContext, event: Failed): boolean => toldBy(event) > event.at

/** The service says that it is gone for good, whoever hears it and whatever state it was in. */
export const retires = ({ fact }: Failed): boolean => fact.reason._tag === 'Retired'

export const inRamp = ({ ramp }: ProviderContext, at: number): boolean =>
  ramp !== null && at < ramp.until && !wasSetBack(ramp.from, at)

/** A cool-down is over at its end. One that begins in the future is of a clock that was wrong: nobody waits for its end. */
export const hasCooledDown = ({ until, untilSince }: ProviderContext, at: number): boolean =>
  at >= until || wasSetBack(untilSince, at)

export const failsInARow = (context: ProviderContext, event: Failed): boolean => {
  const { failures, connectFailures } = failuresInARow(context, event)
  return failures >= event.breaker.consecutiveFailures || connectFailures >= event.breaker.consecutiveConnectFailures
}

export const failsTooOften = (context: ProviderContext, event: Failed): boolean => {
  const { windowMs, minimumOutcomes, failureRateShare } = event.breaker
  const counted = outcomes(countOutcome(context.window, event.at, windowMs, true), event.at, windowMs)
  const total = counted.successes + counted.failures
  return total >= minimumOutcomes && counted.failures >= failureRateShare * total
}

/** The success of this probe is the last one needed. */
export const provesHealth = (context: ProviderContext, event: Succeeded): boolean =>
  context.probeSuccesses + 1 >= event.breaker.probeSuccesses

// ---- changes -------------------------------------------------------------------------------------------------------

export const takeLease = ({ fact }: EventOf<'AttemptStarted'>): Changes =>
  fact.probe === undefined
    ? {}
    : { probe: { requestId: fact.requestId, attempt: fact.attempt, leaseUntil: fact.probe.leaseUntil } }

export const giveLeaseBack: Changes = { probe: null }

export const countSuccess = (context: ProviderContext, event: Succeeded): Changes => ({
  failures: 0,
  connectFailures: 0,
  window: countOutcome(context.window, event.at, event.breaker.windowMs, false),
  throttleLevel: throttleLevelAfter(context, event),
})

export const countFailure = (context: ProviderContext, event: Failed): Changes => ({
  ...failuresInARow(context, event),
  window: countOutcome(context.window, event.at, event.breaker.windowMs, true),
  toldUntil: Math.max(context.toldUntil, toldBy(event)),
  ...(holdsLease(context, event) ? giveLeaseBack : {}),
})

/** The last resort served: the open time is over, sooner than planned. */
export const proveEarly = (context: ProviderContext, event: Succeeded): Changes => ({
  ...countProbe(context, event),
  until: event.at,
  untilSince: event.at,
  evidenceFrom: event.at,
})

/** An open circuit stays open as long as it was to; but nobody tries it, as a last resort either, before the time it named. */
export const noteTime = (context: ProviderContext, event: Failed): Changes => ({
  toldUntil: Math.max(context.toldUntil, toldBy(event)),
  ...(holdsLease(context, event) ? giveLeaseBack : {}),
})

export const countProbe = (context: ProviderContext, event: Succeeded): Changes => ({
  probeSuccesses: context.probeSuccesses + 1,
  throttleLevel: throttleLevelAfter(context, event),
  ...(holdsLease(context, event) ? giveLeaseBack : {}),
})

export const throttle = (context: ProviderContext, event: Failed): Changes => {
  const { at, breaker, fact } = event
  const throttleLevel = context.throttleLevel + 1
  const guess = at + fact.draw * backOff(breaker.throttleBaseMs, breaker.throttleCapMs, throttleLevel)
  return {
    throttleLevel,
    until: Math.max(context.until, Math.round(knownLimit(event) ?? guess)),
    untilSince: at,
    toldUntil: Math.max(context.toldUntil, knownLimit(event) ?? 0),
    ...(holdsLease(context, event) ? giveLeaseBack : {}),
  }
}

/** More of the same congestion: the level counts waves, not the answers of one wave. */
export const prolongThrottle = (context: ProviderContext, event: Failed): Changes => ({
  throttleLevel: Math.max(1, context.throttleLevel),
  until: Math.round(knownLimit(event) ?? context.until),
  untilSince: event.at,
  toldUntil: Math.max(context.toldUntil, knownLimit(event) ?? 0),
  ...(holdsLease(context, event) ? giveLeaseBack : {}),
})

export const open = (context: ProviderContext, event: Failed, trip: Trip): Changes => {
  const { at, breaker, fact } = event
  const forgiven = context.circuitClosed && at - context.evidenceFrom >= breaker.forgiveAfterMs
  const before = forgiven ? 0 : context.level
  // The time of an account trip is fixed, so it does not make the next outage's longer.
  const level = trip === 'account' ? Math.max(1, before) : before + 1
  const jitter = 1 + breaker.openJitterShare * (2 * fact.draw - 1)
  const openMs =
    trip === 'account' ? breaker.credentialRetryMs : backOff(breaker.openBaseMs, breaker.openCapMs, level) * jitter
  const floor = toldBy(event)
  // The machine may lie in a throttle that was told to last longer; that stays true.
  const until = Math.round(Math.max(context.until, at + openMs, floor))
  return {
    ...(blamesProvider(event) ? countFailure(context, event) : {}),
    // Another probe may be under way, when this one outlived its lease: it keeps its own, so that no third joins it.
    ...(holdsLease(context, event) ? giveLeaseBack : {}),
    circuitClosed: false,
    trip,
    level,
    until,
    untilSince: at,
    toldUntil: Math.max(context.toldUntil, floor),
    evidenceFrom: until,
    probeSuccesses: 0,
    ramp: null,
  }
}

/** As if nothing had been. Answers of attempts that are under way are no evidence against the operator's word. */
export const reset = (context: ProviderContext, at: number): ProviderContext => ({
  ...untroubled,
  since: context.since,
  evidenceFrom: at,
})

export const close = ({ at, breaker }: Succeeded): Changes => ({
  ...giveLeaseBack,
  trip: null,
  failures: 0,
  connectFailures: 0,
  window: emptyWindow,
  circuitClosed: true,
  evidenceFrom: at,
  throttleLevel: 0,
  probeSuccesses: 0,
  ramp: { from: at, until: at + breaker.rampMs },
})

// ---- arithmetic ----------------------------------------------------------------------------------------------------

/** base · 2^(level − 1), at most cap. The exponent stops growing long before it could overflow. */
const backOff = (baseMs: number, capMs: number, level: number): number =>
  Math.min(capMs, baseMs * 2 ** Math.min(level - 1, 40))

/** Epoch ms before which the provider says that it is of no use to ask, as far as it is believed; 0: it does not say. */
const toldBy = ({ at, breaker, fact }: Failed): number =>
  Math.min(uselessUntil(fact.reason) ?? 0, at + breaker.throttleMaxMs)

/** When a limit is known to end: as told (a time that has passed tells nothing), or the retry time of a used-up quota. */
const knownLimit = ({ at, breaker, fact }: Failed): number | undefined => {
  const told = uselessUntil(fact.reason)
  if (told !== undefined && told > at) return Math.min(told, at + breaker.throttleMaxMs)
  return fact.reason._tag === 'QuotaExhausted' ? at + breaker.quotaRetryMs : undefined
}

/** DNS, TCP and TLS: they fail fast and alike for every request, so fewer of them are proof enough. */
const failsToConnect = (reason: FailureReason): boolean =>
  (reason._tag === 'Transport' && reason.connect) || (reason._tag === 'Timeout' && reason.phase === 'connect')

const failuresInARow = (context: ProviderContext, event: Failed) => ({
  failures: context.failures + 1,
  connectFailures: failsToConnect(event.fact.reason) ? context.connectFailures + 1 : 0,
})

/** Only a success of an attempt that was started after the throttle ends the row. */
const throttleLevelAfter = (context: ProviderContext, event: Succeeded): number =>
  startedAt(event) >= context.until ? 0 : context.throttleLevel
