/**
 * Everything the box knows, folded from its events: provider machines, projections, the policy in force. The live path and
 * the boot replay run the same functions below. The state is owned by one folder (the ledger, or a replay) and updated in
 * place; whoever else looks must copy what it keeps.
 */
import { Equal } from 'effect'
import { mostNanoUsd, outlookFor, promptEstimate } from '#actors/estimates.ts'
import {
  type Admission,
  initialProvider,
  type MachineFact,
  type ProviderSnapshot,
  admission as providerAdmission,
  step,
} from '#actors/provider-machine.ts'
import type { RouteChosen } from '#domain/decisions.ts'
import type { Decision, DomainEvent, EventType, Fact, RequestAdmitted } from '#domain/events.ts'
import { CATALOGUE, isFact, isTerminal } from '#domain/events.ts'
import type { ProviderId } from '#domain/ids.ts'
import { defaultPolicy, type Policy, type ProviderPolicy, providersOf } from '#domain/policy.ts'
import { standingsOf } from '#domain/projections/budgets.ts'
import { isUnwell } from '#domain/projections/checks.ts'
import { failedBefore } from '#domain/projections/failed-turns.ts'
import { PROJECTIONS, type ProjectionStates } from '#domain/projections/index.ts'
import type { Occurred, Projection } from '#domain/projections/projection.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { chooseRoute } from '#domain/routing/choose-route.ts'
import { moneyOf } from '#domain/routing/money.ts'
import { copied, fromJson, toJson, toJsonInSteps } from '#domain/snapshot-json.ts'
import type { Steps } from '#domain/steps.ts'

export interface GatewayState {
  policyVersion: number
  policy: Policy
  readonly machines: Map<ProviderId, ProviderSnapshot>
  readonly projections: ProjectionStates
  /** Last version of each stream that may still grow. */
  readonly streams: Map<string, number>
}

/** Names the fold: a snapshot made by another fold is not loaded. Raise the number when machines or this file change. */
export const STATE_VERSION = [
  'gateway-4',
  ...Object.values(PROJECTIONS).map((projection) => `${projection.name}-${projection.version}`),
].join(' ')

const projectionNames = Object.keys(PROJECTIONS) as (keyof ProjectionStates)[]

export const initialState = (): GatewayState => ({
  policyVersion: 0,
  policy: defaultPolicy,
  machines: new Map(),
  projections: Object.fromEntries(
    projectionNames.map((name) => [name, PROJECTIONS[name].initial()]),
  ) as ProjectionStates,
  streams: new Map(),
})

export const encodeState = (state: GatewayState): string => toJson(state)
/** The same in steps; the state must not change meanwhile. */
export const encodeStateInSteps = (state: GatewayState): Steps<string> => toJsonInSteps(state)
/** The state of this moment, for whoever needs it while the live one goes on. */
export const copyState = (state: GatewayState): GatewayState => copied(state)
/** The text must come from `encodeState` under the same STATE_VERSION. */
export const decodeState = (text: string): GatewayState => fromJson(text) as GatewayState

export const providerPolicy = (state: GatewayState, id: ProviderId): ProviderPolicy | undefined =>
  state.policy.providers.find((provider) => provider.id === id)

/** Whether a provider's own machine lets a request in at this moment. */
export const admission = (state: GatewayState, id: ProviderId, at: number): Admission => {
  const snapshot = state.machines.get(id)
  const policy = providerPolicy(state, id)
  return snapshot === undefined || policy === undefined
    ? { admit: 'no', reason: 'disabled' }
    : providerAdmission(snapshot, at, policy.breaker)
}

interface Hearer {
  readonly name: keyof ProjectionStates
  readonly evolve: Projection<unknown>['evolve']
}

/** Who hears an event, in the order of the projections. They are a union folded pairwise: each state only meets its own. */
const hearersOf = (type: EventType): readonly Hearer[] =>
  projectionNames.flatMap((name) => {
    const { hears, evolve } = PROJECTIONS[name] as Projection<unknown>
    return hears.includes(type) ? [{ name, evolve }] : []
  })

const HEARERS = Object.fromEntries((Object.keys(CATALOGUE) as EventType[]).map((type) => [type, hearersOf(type)])) as {
  readonly [K in EventType]: readonly Hearer[]
}

const project = (state: GatewayState, occurred: Occurred): void => {
  const states = state.projections as Record<string, unknown>
  for (const { name, evolve } of HEARERS[occurred.event._tag]) {
    const before = states[name]
    const after = evolve(before, occurred)
    // Most change in place, or not at all.
    if (after !== before) states[name] = after
  }
}

const MACHINE_FACTS: { readonly [K in MachineFact['_tag']]: true } & { readonly [K in Fact['_tag']]?: true } = {
  AttemptStarted: true,
  AttemptSucceeded: true,
  AttemptFailed: true,
  RequestAbandoned: true,
  CooldownElapsed: true,
  ProbeLeaseExpired: true,
  BreakerReset: true,
}

const isMachineFact = (fact: Fact): fact is MachineFact & { readonly provider: ProviderId } =>
  MACHINE_FACTS[fact._tag] === true && 'provider' in fact && fact.provider !== undefined

/** Folds one fact in and returns what the machines conclude from it. */
export const applyFact = (state: GatewayState, fact: Fact, occurredAt: number, writer: string): readonly Decision[] => {
  if (fact._tag === 'PolicyChanged') applyPolicy(state, fact.policy, fact.version, occurredAt)
  let decisions: readonly Decision[] = []
  if (isMachineFact(fact)) {
    const snapshot = state.machines.get(fact.provider)
    const policy = providerPolicy(state, fact.provider)
    // A provider that was removed while its attempt was under way has no machine any more.
    if (snapshot !== undefined && policy !== undefined) {
      const [next, concluded] = step(snapshot, fact, occurredAt, fact.provider, policy.breaker)
      state.machines.set(fact.provider, next)
      decisions = concluded
    }
  }
  project(state, { event: fact, occurredAt, writer })
  return decisions
}

/** Folds one decision in. */
export const applyDecision = (state: GatewayState, decision: Decision, occurredAt: number, writer: string): void =>
  project(state, { event: decision, occurredAt, writer })

/** Everything that follows from a fact that was just applied: what the machines concluded, and the route of a request. */
export const decide = (state: GatewayState, fact: Fact, occurredAt: number, writer: string): readonly Decision[] => {
  const concluded = applyFact(state, fact, occurredAt, writer)
  return fact._tag === 'RequestAdmitted' ? [...concluded, routeOf(state, fact, occurredAt)] : concluded
}

/** The route of a request at `at` (epoch ms). It reads the state and changes nothing, so a dry run may ask for it too. */
export const routeOf = (state: GatewayState, request: RequestAdmitted, at: number): RouteChosen =>
  chooseRoute({
    request,
    policy: state.policy,
    policyVersion: state.policyVersion,
    at,
    admission: (id) => admission(state, id, at),
    inputTokens: (model) => promptEstimate(state, request, model).tokens,
    outlook: (candidate) => outlookFor(state, request, candidate, at),
    avoid: failedBefore(state.projections.failedTurns, request, at),
    isUnwell: (id) => isUnwell(state.projections.checks, id),
    money: moneyOf(standingsOf(state.projections.budgets, request, at)),
    mostNanoUsd: ({ provider, model }) => mostNanoUsd(state, request, provider, model),
  })

/** Folds one recorded event, as boot does: decisions are taken from the log, not concluded anew. */
export const applyRecorded = (state: GatewayState, recorded: NewEvent): void => {
  const { event, occurredAt, writer } = recorded
  if (isFact(event)) applyFact(state, event, occurredAt, writer)
  else applyDecision(state, event, occurredAt, writer)
  trackStream(state, recorded.stream, recorded.streamVersion, event)
}

/** Remembers the version of a stream, and forgets a request's stream with its terminal event. */
export const trackStream = (
  state: GatewayState,
  stream: string,
  version: number | undefined,
  event: DomainEvent,
): void => {
  if (isTerminal(event)) state.streams.delete(stream)
  else state.streams.set(stream, version ?? (state.streams.get(stream) ?? 0) + 1)
}

const applyPolicy = (state: GatewayState, policy: Policy, version: number, at: number): void => {
  const before = new Map(state.policy.providers.map((provider) => [provider.id, provider]))
  state.policy = policy
  state.policyVersion = version
  const named = providersOf(policy)
  for (const id of state.machines.keys()) if (!named.has(id)) state.machines.delete(id)
  for (const provider of policy.providers) {
    const machine = state.machines.get(provider.id)
    if (machine === undefined) state.machines.set(provider.id, initialProvider(provider.breaker))
    else if (isNew(provider, before.get(provider.id), machine)) {
      // Attempts at what it was before are still under way; their answers must not take the new one out.
      state.machines.set(provider.id, initialProvider(provider.breaker, at))
    }
  }
}

/**
 * Asked somewhere else it is another server; and a retired one gets its chance when the operator touched its entry. Entries
 * are compared as data: read back from the log their members come in another order than a live policy's may.
 */
const isNew = (provider: ProviderPolicy, before: ProviderPolicy | undefined, machine: ProviderSnapshot): boolean =>
  provider.endpoint !== before?.endpoint || (machine.state === 'retired' && !Equal.equals(provider, before))
