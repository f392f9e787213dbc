/**
 * One provider's state over time, as the rest of the box uses it: plain snapshots in and out of a pure state machine.
 * The chart (which state hears what) is in provider-chart.ts, the rules (what counts, until when) in provider-rules.ts.
 */
import { createActor } from 'xstate'
import { providerChart } from '#actors/provider-chart.ts'
import {
  countSuccess,
  type EventOf,
  hasCooledDown,
  inRamp,
  isEvidence,
  isOfBefore,
  type MachineFact,
  type ProviderContext,
  type ProviderEvent,
  untroubled,
} from '#actors/provider-rules.ts'
import type { Decision } from '#domain/events.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { BreakerPolicy } from '#domain/policy.ts'
import type { Admission } from '#domain/routing/eligibility.ts'

export type { MachineFact } from '#actors/provider-rules.ts'
export type { Admission } from '#domain/routing/eligibility.ts'

export type ProviderState = 'healthy' | 'throttled' | 'openCircuit' | 'halfOpen' | 'retired'

/** Plain JSON. Never changed in place: a step that changes nothing returns the snapshot it was given. */
export interface ProviderSnapshot {
  readonly state: ProviderState
  readonly context: ProviderContext
}

/** A provider of which nothing is known yet: it is taken for healthy. Attempts from before `since` (epoch ms) are not its own. */
export const initialProvider = (_breaker: BreakerPolicy, since = 0): ProviderSnapshot => ({
  state: 'healthy',
  context: { ...untroubled, since },
})

/**
 * Folds one fact, which occurred at `at` (epoch ms), into a provider's state; answers the next state and what was decided.
 * Total and deterministic. The policy is an argument, so that a change of policy takes effect with the next fact.
 */
export const step = (
  snapshot: ProviderSnapshot,
  fact: MachineFact,
  at: number,
  provider: ProviderId,
  breaker: BreakerPolicy,
): readonly [ProviderSnapshot, readonly Decision[]] => {
  if (!hears(snapshot.state, fact._tag)) return [snapshot, NOTHING]
  // Type and fact belong together by construction, which the compiler cannot see through the union.
  const event = { type: fact._tag, fact, at, provider, breaker } as ProviderEvent
  if (snapshot.state === 'healthy' && event.type === 'AttemptSucceeded') return [served(snapshot, event), NOTHING]
  const before = providerChart.resolveState({ value: snapshot.state, context: snapshot.context })
  const decisions: Decision[] = []
  const after = providerChart.transition(before, event, scopeFor(decisions))
  return [after === before ? snapshot : { state: after.value, context: after.context }, decisions]
}

const NOTHING: readonly Decision[] = []

/** What the provider's machine says about one more request at `at` (epoch ms). */
export const admission = (snapshot: ProviderSnapshot, at: number, breaker: BreakerPolicy): Admission => {
  const { until, toldUntil, trip, probe } = snapshot.context
  switch (snapshot.state) {
    case 'healthy':
      return { admit: 'yes', share: rampShare(snapshot.context, at, breaker.rampFloorShare) }
    case 'throttled':
      return { admit: 'no', reason: 'throttled', until }
    case 'openCircuit':
      if (trip === 'account') return { admit: 'no', reason: 'credentialRefused', until }
      return { admit: 'no', reason: 'circuitOpen', until, mayBeLastResort: probe === null && at >= toldUntil }
    case 'retired':
      return { admit: 'no', reason: 'retired' }
    case 'halfOpen':
      return probe === null ? { admit: 'probe' } : { admit: 'no', reason: 'probeInFlight', until: probe.leaseUntil }
  }
}

/** The fact that the timekeeper must submit next, and the epoch ms at which it becomes true; undefined when none is due. */
export const wakeAt = (
  snapshot: ProviderSnapshot,
): { readonly at: number; readonly fact: 'CooldownElapsed' | 'ProbeLeaseExpired' } | undefined => {
  const { until, probe } = snapshot.context
  const cools = snapshot.state === 'throttled' || snapshot.state === 'openCircuit'
  if (probe !== null && (!cools || probe.leaseUntil < until)) return { at: probe.leaseUntil, fact: 'ProbeLeaseExpired' }
  return cools ? { at: until, fact: 'CooldownElapsed' } : undefined
}

/** Of the facts that nobody but the clock brings, the one that is due at `at` (epoch ms). */
export const factDueAt = (
  snapshot: ProviderSnapshot,
  at: number,
): 'CooldownElapsed' | 'ProbeLeaseExpired' | undefined => {
  const wake = wakeAt(snapshot)
  if (wake === undefined) return undefined
  if (wake.at <= at) return wake.fact
  return wake.fact === 'CooldownElapsed' && hasCooledDown(snapshot.context, at) ? wake.fact : undefined
}

const rampShare = (context: ProviderContext, at: number, floor: number): number =>
  context.ramp === null || !inRamp(context, at)
    ? 1
    : Math.max(floor, (at - context.ramp.from) / (context.ramp.until - context.ramp.from))

// ---- XState without an actor per call --------------------------------------------------------------------------------

/** Whether a state has a rule for such a fact. Most facts meet a healthy provider, of which half change nothing. */
const hears = (state: ProviderState, fact: MachineFact['_tag']): boolean => RULES[state].has(fact)

const heardIn = (state: ProviderState): ReadonlySet<string> =>
  new Set(
    Object.entries(providerChart.config.states?.[state]?.on ?? {}).flatMap(([fact, rule]) =>
      typeof rule === 'object' && Object.keys(rule).length === 0 ? [] : [fact],
    ),
  )

const RULES: { readonly [S in ProviderState]: ReadonlySet<string> } = {
  healthy: heardIn('healthy'),
  throttled: heardIn('throttled'),
  openCircuit: heardIn('openCircuit'),
  halfOpen: heardIn('halfOpen'),
  retired: heardIn('retired'),
}

/**
 * The chart's only rule for successes of a healthy provider, which are nearly all that machines hear: XState takes several
 * times as long to find it as it takes to follow it. The test that holds steps and XState equal holds this too.
 */
const served = (snapshot: ProviderSnapshot, event: EventOf<'AttemptSucceeded'>): ProviderSnapshot => {
  const { context } = snapshot
  const counts = context.circuitClosed && !isOfBefore(context, event) && isEvidence(context, event)
  return counts ? { state: 'healthy', context: { ...context, ...countSuccess(context, event) } } : snapshot
}

/**
 * XState's `transition()` builds an actor for every call (18 of its 21 µs) and never starts it. This is what it does, with
 * one such actor for all: a test holds the two equal.
 */
const inert = createActor(providerChart, { input: untroubled })
const ignore = () => {}
const scopeFor = (decisions: Decision[]): Parameters<typeof providerChart.transition>[2] => ({
  self: inert,
  system: inert.system,
  id: '',
  sessionId: '',
  logger: ignore,
  defer: (tell) => tell(),
  stopChild: ignore,
  emit: ({ decision }) => void decisions.push(decision),
  actionExecutor: (action) => action.exec?.(action.info, action.params),
})
