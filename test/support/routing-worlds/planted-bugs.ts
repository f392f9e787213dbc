/**
 * Bugs of other gateways (field.md 1.9, 1.10), planted as small wrappers around the domain functions: the invariants must find each.
 */
import type { GatewayState } from '#actors/gateway-state.ts'
import type { ProviderContext } from '#actors/provider-rules.ts'
import type { Decision, Fact } from '#domain/events.ts'
import type { ProviderId } from '#domain/ids.ts'
import { type Core, realCore } from '#infra/simulator/virtual/gateway.ts'

type Plant = () => Core

/** The core with other facts than happened; undefined: the fact is lost. */
const hearing =
  (change: (fact: Fact, state: GatewayState) => Fact | undefined): Plant =>
  () => ({
    ...realCore,
    decide: (state, fact, at, writer) => {
      const heard = change(fact, state)
      return heard === undefined ? [] : realCore.decide(state, heard, at, writer)
    },
  })

/** The core that does something to its state after a fact. */
const thenDoing =
  (
    after: (state: GatewayState, fact: Fact, decisions: readonly Decision[], before: GatewayState['machines']) => void,
  ): Plant =>
  () => ({
    ...realCore,
    decide: (state, fact, at, writer) => {
      const before = new Map(state.machines)
      const decisions = realCore.decide(state, fact, at, writer)
      after(state, fact, decisions, before)
      return decisions
    },
  })

const routing =
  (change: (decision: Extract<Decision, { readonly _tag: 'RouteChosen' }>) => Decision): Plant =>
  () => ({
    ...realCore,
    decide: (state, fact, at, writer) =>
      realCore
        .decide(state, fact, at, writer)
        .map((decision) => (decision._tag === 'RouteChosen' ? change(decision) : decision)),
  })

const setContext = (state: GatewayState, id: ProviderId, changes: Partial<ProviderContext>): void => {
  const machine = state.machines.get(id)
  if (machine !== undefined) state.machines.set(id, { ...machine, context: { ...machine.context, ...changes } })
}

export const PLANTED_BUGS: { readonly [bug: string]: Plant } = {
  'the slot of a probe is never released': thenDoing((state, fact, _, before) => {
    if (fact._tag !== 'AttemptFailed' && fact._tag !== 'ProbeLeaseExpired') return
    const probe = before.get(fact.provider)?.context.probe ?? null
    if (probe !== null) setContext(state, fact.provider, { probe })
  }),

  'a probe that the client cancels keeps its slot, and leases do not expire': () => ({
    ...hearing((fact) => (fact._tag === 'AttemptFailed' && fact.reason._tag === 'Cancelled' ? undefined : fact))(),
    wakeAt: (snapshot) => {
      const wake = realCore.wakeAt(snapshot)
      return wake?.fact === 'ProbeLeaseExpired' ? undefined : wake
    },
  }),

  'a 429 is a failure of the breaker': hearing((fact) =>
    fact._tag === 'AttemptFailed' && fact.reason._tag === 'RateLimited'
      ? { ...fact, reason: { _tag: 'ServerError', status: 429 } }
      : fact,
  ),

  'retry-after is ignored': hearing((fact) =>
    fact._tag === 'AttemptFailed' && fact.reason._tag === 'RateLimited'
      ? { ...fact, reason: { _tag: 'RateLimited', status: 429 } }
      : fact,
  ),

  'a half-open provider admits any number of probes': () => ({
    ...realCore,
    admission: (state, id, at) => {
      const admits = realCore.admission(state, id, at)
      return admits.admit === 'no' && admits.reason === 'probeInFlight' ? { admit: 'probe' } : admits
    },
    decide: thenDoing((state) => {
      for (const [id, machine] of state.machines)
        if (machine.state === 'halfOpen' && machine.context.probe !== null) setContext(state, id, { probe: null })
    })().decide,
  }),

  'a half-open provider is as good as a healthy one': () => ({
    ...realCore,
    admission: (state, id, at) => {
      const admits = realCore.admission(state, id, at)
      return admits.admit === 'probe' ? { admit: 'yes', share: 1 } : admits
    },
  }),

  'there is no ramp': thenDoing((state, _, decisions) => {
    for (const decision of decisions)
      if (decision._tag === 'CircuitClosed') setContext(state, decision.provider, { ramp: null })
  }),

  'the breaker never closes': thenDoing((state, fact, _, before) => {
    if (fact._tag !== 'AttemptSucceeded') return
    const machine = before.get(fact.provider)
    if (machine?.state === 'halfOpen')
      state.machines.set(fact.provider, { ...machine, context: { ...machine.context, probe: null } })
  }),

  'an open circuit is never looked at again': () => ({
    ...realCore,
    wakeAt: (snapshot) => (snapshot.state === 'openCircuit' ? undefined : realCore.wakeAt(snapshot)),
  }),

  'a success is counted with the next one': () => {
    let late: { readonly fact: Fact; readonly at: number } | undefined
    return {
      ...realCore,
      decide: (state, fact, at, writer) => {
        if (fact._tag !== 'AttemptSucceeded') return realCore.decide(state, fact, at, writer)
        const before = late
        late = { fact, at }
        return before === undefined ? [] : realCore.decide(state, before.fact, before.at, writer)
      },
    }
  },

  'an answer from before the outage closes the circuit': hearing((fact, state) =>
    fact._tag === 'AttemptSucceeded' && state.machines.get(fact.provider)?.state === 'halfOpen'
      ? { ...fact, durationMs: 0, ttftMs: 0 }
      : fact,
  ),

  'retries have no budget': () => ({ ...realCore, mayRetry: () => true }),

  'a warm cache keeps a conversation from any other provider': routing((route) =>
    (route.factors.cachedTokens?.[0] ?? 0) > 0 ? { ...route, order: route.order.slice(0, 1) } : route,
  ),

  'a client that leaves counts as a failure': hearing((fact) =>
    fact._tag === 'AttemptFailed' && fact.reason._tag === 'Cancelled' ? { ...fact, reason: { _tag: 'Unknown' } } : fact,
  ),

  'the 429 of one provider throttles all': thenDoing((state, fact, _, before) => {
    if (fact._tag !== 'AttemptFailed' || fact.reason._tag !== 'RateLimited') return
    const limited = state.machines.get(fact.provider)
    if (limited === undefined || limited === before.get(fact.provider)) return
    for (const id of state.machines.keys()) state.machines.set(id, limited)
  }),

  'what is sent is not counted against the limits': hearing((fact) => {
    if (fact._tag !== 'AttemptSucceeded') return fact
    const usage = { ...fact.usage, outputTokens: 0 }
    return { ...fact, usage }
  }),

  'a fallback goes to the same provider again': routing((route) => ({
    ...route,
    order: route.order.flatMap((id) => [id, id]).slice(0, Math.max(1, route.order.length)),
  })),
}
