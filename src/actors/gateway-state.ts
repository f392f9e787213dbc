/**
 * Everything the box knows, folded from its events: provider machines, projections, the policy in force. The live path and
 * the boot replay run the same functions below. The state is owned by one folder (the ledger, or a replay) and updated in
 * place; whoever else looks must copy what it keeps.
 */
import { Equal } from 'effect'
import {
  type Admission,
  initialProvider,
  type MachineFact,
  type ProviderSnapshot,
  admission as providerAdmission,
  step,
} from '#actors/provider-machine.ts'
import type { Decision, DomainEvent, Fact, RequestAdmitted } from '#domain/events.ts'
import { isFact, isTerminal } from '#domain/events.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import { defaultPolicy, type Policy, type ProviderPolicy, providersOf } from '#domain/policy.ts'
import { failedBefore } from '#domain/projections/failed-turns.ts'
import { PROJECTIONS } from '#domain/projections/index.ts'
import { concurrencyOf, headroomOf } from '#domain/projections/limits.ts'
import { expectedOutput } from '#domain/projections/output-sizes.ts'
import type { Occurred, Projection } from '#domain/projections/projection.ts'
import { type Turn, warmTokens } from '#domain/projections/warm-caches.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { chooseRoute } from '#domain/routing/choose-route.ts'
import type { Candidate } from '#domain/routing/eligibility.ts'
import { type Outlook, outlookOf, type Room } from '#domain/routing/outlook.ts'
import { fromJson, toJson } from '#domain/snapshot-json.ts'
import { estimateTokens, type PromptSize, type TokenEstimate } from '#domain/token-estimate.ts'

export type ProjectionStates = {
  -readonly [K in keyof typeof PROJECTIONS]: (typeof PROJECTIONS)[K] extends Projection<infer S> ? S : never
}

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
  'gateway-2',
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

/** Tokens of a prompt for a model by the name that a provider is asked for. */
export const promptEstimate = (state: GatewayState, size: PromptSize, model: ModelId): TokenEstimate =>
  estimateTokens(size, state.projections.tokenRates.rates.get(model))

/** Tokens of a prompt that count against a provider's limits: without what it would read from its cache, where it does so. */
export const freshTokens = (
  state: GatewayState,
  request: PromptSize & Turn,
  provider: ProviderPolicy,
  model: ModelId,
  at: number,
): number => {
  const prompt = promptEstimate(state, request, model).tokens
  if (provider.limits?.countsCachedInput === true) return prompt
  return Math.max(1, prompt - warmTokens(state.projections.warmCaches, request, provider.id, model, at))
}

/** What a provider's limits leave at `at` (epoch ms) for this many tokens, `input` without those read from its cache. */
const roomFor = (
  { projections: { limits } }: GatewayState,
  provider: ProviderPolicy,
  tokens: { readonly input: number; readonly output: number },
  at: number,
): Room => {
  const headroom = headroomOf(limits, provider.id, tokens, at)
  const concurrency = concurrencyOf(limits, provider.id)
  const hasRoom = headroom.freesAt !== null && headroom.freesAt <= at
  const most = provider.limits?.maxConcurrent
  return {
    headroomShare: headroom.limit === undefined ? null : hasRoom ? headroom.share : 0,
    isFull: headroom.isShut || (most !== undefined && concurrency.inFlight >= most),
    limitFreesAt: headroom.freesAt,
    concurrencyShare: Math.max(0, (concurrency.limit - concurrency.inFlight - 1) / concurrency.limit),
  }
}

/** When a provider that has no room for an attempt has it, as far as limits say that the operator named; undefined: it has room. */
export const fullUntil = (
  state: GatewayState,
  request: Parameters<typeof expectedOutput>[2],
  provider: ProviderPolicy,
  attempt: { readonly model: ModelId; readonly input: number },
  at: number,
): number | undefined => {
  if (provider.limits === undefined) return undefined
  const output = expectedOutput(state.projections.outputSizes, attempt.model, request)
  const room = roomFor(state, provider, { input: attempt.input, output }, at)
  return room.isFull ? (room.limitFreesAt ?? at) : undefined
}

/** How a request would probably fare at a candidate, at `at` (epoch ms). */
const outlookFor = (state: GatewayState, request: RequestAdmitted, candidate: Candidate, at: number): Outlook => {
  const { provider, model } = candidate
  const promptTokens = promptEstimate(state, request, model).tokens
  const room = ({ cached, output }: { readonly cached: number; readonly output: number }): Room => {
    const input = Math.max(1, promptTokens - (provider.limits?.countsCachedInput === true ? 0 : cached))
    return roomFor(state, provider, { input, output }, at)
  }
  return outlookOf({ candidate, request, promptTokens, at, memory: state.projections, room })
}

const project = (state: GatewayState, occurred: Occurred): void => {
  for (const name of projectionNames) {
    // The union of projections is folded pairwise; each state only ever meets its own projection.
    const projection = PROJECTIONS[name] as Projection<unknown>
    ;(state.projections as Record<string, unknown>)[name] = projection.evolve(state.projections[name], occurred)
  }
}

const MACHINE_FACTS: { readonly [K in MachineFact['_tag']]: true } = {
  AttemptStarted: true,
  AttemptSucceeded: true,
  AttemptFailed: true,
  RequestAbandoned: true,
  CooldownElapsed: true,
  ProbeLeaseExpired: true,
}

const isMachineFact = (fact: Fact): fact is MachineFact & { readonly provider: ProviderId } =>
  Object.hasOwn(MACHINE_FACTS, fact._tag) && 'provider' in fact && fact.provider !== undefined

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
  if (fact._tag !== 'RequestAdmitted') return concluded
  const route = chooseRoute({
    request: fact,
    policy: state.policy,
    policyVersion: state.policyVersion,
    at: occurredAt,
    admission: (id) => admission(state, id, occurredAt),
    inputTokens: (model) => promptEstimate(state, fact, model).tokens,
    outlook: (candidate) => outlookFor(state, fact, candidate, occurredAt),
    avoid: failedBefore(state.projections.failedTurns, fact, occurredAt),
  })
  return [...concluded, route]
}

/** Folds one recorded event, as boot does: decisions are taken from the log, not concluded anew. */
export const applyRecorded = (state: GatewayState, recorded: NewEvent): void => {
  const { event, occurredAt, writer } = recorded
  if (isFact(event)) applyFact(state, event, occurredAt, writer)
  else applyDecision(state, event, occurredAt, writer)
  trackStream(state, recorded.stream, recorded.streamVersion, event)
}

/** Remembers the version of a stream, and forgets a request's stream with its terminal event. */
export const trackStream = (state: GatewayState, stream: string, version: number, event: DomainEvent): void => {
  if (isTerminal(event)) state.streams.delete(stream)
  else state.streams.set(stream, version)
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
