/**
 * The box under test in virtual time: the real domain behind the few questions that a cascade asks. Facts go through `decide`,
 * and the timekeeper's facts (cool-downs, leases) come at its ticks. A baseline is another gateway over the same questions.
 */
import { type AttemptEstimate, attemptEstimate, fullUntil, promptEstimate } from '#actors/estimates.ts'
import { admission, applyDecision, decide, type GatewayState, initialState } from '#actors/gateway-state.ts'
import { wakeAt } from '#actors/provider-machine.ts'
import { TICK_MS } from '#actors/timekeeper.ts'
import type { Decision, Fact, RequestAdmitted } from '#domain/events.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import type { Policy, ProviderPolicy } from '#domain/policy.ts'
import { refusedFeatures } from '#domain/projections/capabilities.ts'
import { mayRetry } from '#domain/projections/retry-budget.ts'
import type { Admission } from '#domain/routing/eligibility.ts'
import type { Timeline } from './timeline.ts'

export interface Gateway {
  readonly name: string
  readonly policy: Policy
  /** Tells a fact that happened at `at` (epoch ms), and answers what was decided from it: of an admission, the route. */
  readonly record: (fact: Fact, at: number) => readonly Decision[]
  readonly admission: (id: ProviderId, at: number) => Admission
  readonly mayRetry: () => boolean
  /** What is expected of an attempt: tokens that are reserved of the provider's input limit, cost. */
  readonly estimate: (request: RequestAdmitted, provider: ProviderPolicy, model: ModelId, at: number) => AttemptEstimate
  /** Epoch ms from which a provider has room for so much input; undefined: it has some now, as far as its limits are known. */
  readonly fullUntil: (
    request: RequestAdmitted,
    provider: ProviderPolicy,
    asked: { readonly model: ModelId; readonly input: number },
    at: number,
  ) => number | undefined
  readonly without: (provider: ProviderId, model: ModelId, at: number) => readonly string[]
}

/** The domain functions that the box is made of; the planted bugs of the tests replace some. */
export interface Core {
  readonly decide: typeof decide
  readonly applyDecision: typeof applyDecision
  readonly admission: typeof admission
  readonly wakeAt: typeof wakeAt
  readonly mayRetry: typeof mayRetry
}

export const realCore: Core = { decide, applyDecision, admission, wakeAt, mayRetry }

/** Sees every fact before and after it is folded, with what was decided. */
export interface Witness {
  readonly before?: (fact: Fact, at: number, state: GatewayState) => void
  readonly after?: (fact: Fact, at: number, state: GatewayState, decisions: readonly Decision[]) => void
}

export interface GatewayOptions {
  readonly name: string
  readonly policy: Policy
  readonly timeline: Timeline
  readonly core?: Core
  readonly witness?: Witness
  /** Then it is the writer of its events, the first of which tells that it started. */
  readonly instance?: string
}

export const WRITER = 'virtual'

/** The first tick of the timekeeper at or after `at`, when it was started at `startedAt`. */
export const tickAfter = (startedAt: number, at: number): number =>
  startedAt + Math.max(1, Math.ceil((at - startedAt) / TICK_MS)) * TICK_MS

export const signalbox = (options: GatewayOptions): Gateway & { readonly state: GatewayState } => {
  const { name, policy, timeline, core = realCore, witness, instance } = options
  const writer = instance ?? WRITER
  const state = initialState()
  const startedAt = timeline.now()
  /** When the timekeeper looks at a machine next, as far as it has been asked to. */
  const asked = new Map<ProviderId, number>()

  const record = (fact: Fact, at: number): readonly Decision[] => {
    witness?.before?.(fact, at, state)
    const decisions = core.decide(state, fact, at, writer)
    for (const decision of decisions) core.applyDecision(state, decision, at, writer)
    witness?.after?.(fact, at, state, decisions)
    watch()
    return decisions
  }

  const watch = (): void => {
    for (const [id, snapshot] of state.machines) {
      const wake = core.wakeAt(snapshot)
      if (wake === undefined) continue
      // What is due and still there has been looked at in this tick.
      const tick = tickAfter(startedAt, Math.max(wake.at, timeline.now() + 1))
      if ((asked.get(id) ?? Number.POSITIVE_INFINITY) <= tick) continue
      asked.set(id, tick)
      timeline.at(tick, () => look(id, tick))
    }
  }

  const look = (provider: ProviderId, tick: number): void => {
    if (asked.get(provider) === tick) asked.delete(provider)
    const snapshot = state.machines.get(provider)
    const wake = snapshot === undefined ? undefined : core.wakeAt(snapshot)
    if (wake === undefined) return
    if (wake.at <= timeline.now()) record({ _tag: wake.fact, provider }, timeline.now())
    else watch()
  }

  if (instance !== undefined) record({ _tag: 'BoxStarted', instance, version: 'virtual' }, startedAt)
  record({ _tag: 'PolicyChanged', version: 1, policy }, startedAt)
  return {
    name,
    get policy() {
      return state.policy
    },
    state,
    record,
    admission: (id, at) => core.admission(state, id, at),
    mayRetry: () => core.mayRetry(state.projections.retryBudget),
    estimate: (request, provider, model, at) => attemptEstimate(state, request, provider, model, at),
    fullUntil: (request, provider, asked, at) => fullUntil(state, request, provider, asked, at),
    without: (provider, model, at) => refusedFeatures(state.projections.capabilities, provider, model, at),
  }
}

/** Of a gateway that knows nothing of money. */
export const plainEstimate = (inputTokens: number): AttemptEstimate => ({
  inputTokens,
  expectedNanoUsd: null,
  promptNanoUsd: null,
  switchNanoUsd: null,
  reservedNanoUsd: undefined,
  unpayable: undefined,
})

/** Estimated tokens of a request's whole prompt, as the box has learned to estimate. */
export const estimateOf = (state: GatewayState, request: RequestAdmitted, model: ModelId): number =>
  promptEstimate(state, request, model).tokens
