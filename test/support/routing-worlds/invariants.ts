/**
 * What must hold at every moment of every virtual world, whatever the strategy: judged from the facts and from the world's truth as far as
 * possible, from the machines' snapshots where a rule is about them. A watcher sees one run.
 */
import { attemptEstimate, fullUntil } from '#actors/estimates.ts'
import type { GatewayState } from '#actors/gateway-state.ts'
import type { ProviderSnapshot } from '#actors/provider-machine.ts'
import { TICK_MS } from '#actors/timekeeper.ts'
import type { RouteChosen } from '#domain/decisions.ts'
import { type Decision, type Fact, isTerminal, type RequestAdmitted } from '#domain/events.ts'
import { countsAgainst } from '#domain/failure.ts'
import type { ProviderId, RequestId } from '#domain/ids.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import { mayRetry } from '#domain/projections/retry-budget.ts'
import type { Exchange } from '#infra/simulator/virtual/exchange.ts'
import type { Witness } from '#infra/simulator/virtual/gateway.ts'
import type { VirtualWorld } from '#infra/simulator/virtual/world.ts'

export interface Watcher {
  readonly witness: Required<Witness>
  readonly heard: (asked: { readonly provider: ProviderId }, exchange: Exchange, at: number) => void
  /** To be asked when the world is over. */
  readonly broken: () => readonly string[]
  /** What happened often enough to be checked, by name. */
  readonly seen: ReadonlyMap<string, number>
}

interface OpenRequest {
  readonly asked: RequestAdmitted
  readonly route: RouteChosen | undefined
  readonly tried: ProviderId[]
  attempts: number
  repeats: number
}

interface Known {
  /** No attempt before this, as the provider said. */
  toldUntil: number
  /** Of the last opening. */
  openUntil: number
  probe: RequestId | undefined
  probesWon: number
  ramp: { readonly from: number; readonly until: number } | undefined
  rampShare: number
}

/** Whether its limits let it take the request now. */
const isRoomy = (state: GatewayState, asked: RequestAdmitted, provider: ProviderPolicy, at: number): boolean => {
  const { inputTokens: input } = attemptEstimate(state, asked, provider, asked.model, at)
  return fullUntil(state, asked, provider, { model: asked.model, input }, at) === undefined
}

/** So many problems are kept of each invariant. */
const KEPT = 3
/** Epochs of the timekeeper that a due fact may be late. */
const LATE_MS = 2 * TICK_MS
const LONGEST_TOLD_MS = 24 * 3_600_000
/** A minute refills what a minute allows, and twice that pays back what was overdrawn. */
const UNTOLD_MS = 120_000
/** Extra attempts in a total outage are at most 20 % and ten a minute. */
const BUDGET = { perRequest: 0.2, perMinute: 10 }

export const watch = (world: VirtualWorld): Watcher => {
  const problems = new Map<string, string[]>()
  const seen = new Map<string, number>()
  const open = new Map<RequestId, OpenRequest>()
  const known = new Map<ProviderId, Known>()
  const brokenOffAt = new Map<ProviderId, number>()
  let budget = { left: BUDGET.perMinute, at: world.startsAt }
  let before = new Map<ProviderId, ProviderSnapshot>()
  let last: GatewayState | undefined

  const breaks = (invariant: string, problem: string): void => {
    const list = problems.get(invariant) ?? []
    if (list.length < KEPT) list.push(problem)
    problems.set(invariant, list)
  }
  const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1)
  const of = (id: ProviderId): Known => {
    const found = known.get(id) ?? {
      toldUntil: 0,
      openUntil: 0,
      probe: undefined,
      probesWon: 0,
      ramp: undefined,
      rampShare: 0,
    }
    known.set(id, found)
    return found
  }
  const refill = (at: number, requests: number): void => {
    const more = ((at - budget.at) / 60_000) * BUDGET.perMinute + requests * BUDGET.perRequest
    budget = { left: Math.min(BUDGET.perMinute, budget.left + more), at }
  }
  const releaseProbe = (request: RequestId): void => {
    for (const provider of known.values()) if (provider.probe === request) provider.probe = undefined
  }

  /** The stated case: nobody of those who could serve is anything but open or gone. */
  const lastResortStarts = (
    fact: Extract<Fact, { readonly _tag: 'AttemptStarted' }>,
    at: number,
    state: GatewayState,
  ) => {
    note('last resort')
    const route = open.get(fact.requestId)?.route
    if (route?.lastResort !== true || fact.probe === undefined)
      breaks('the last resort is a probe that the route names', `${fact.provider} at ${at}`)
    const others = route?.skipped.filter(({ reason }) => reason === 'throttled' || reason === 'limitReached') ?? []
    if (others.length > 0) breaks('no last resort while waiting for a limit helps', `${fact.provider} at ${at}`)
    if (state.machines.get(fact.provider)?.state !== 'openCircuit') return
    const better = route?.skipped.filter(
      ({ reason, until }) =>
        reason === 'circuitOpen' && (until ?? 0) < (state.machines.get(fact.provider)?.context.until ?? 0),
    )
    const asked = open.get(fact.requestId)?.asked
    for (const { provider } of better ?? []) {
      const machine = state.machines.get(provider)
      const entry = state.policy.providers.find(({ id }) => id === provider)
      // One that its limits keep from it may come first, and still not be asked.
      const hasRoom = asked === undefined || entry === undefined || isRoomy(state, asked, entry, at)
      if (machine?.context.probe === null && at >= machine.context.toldUntil && hasRoom)
        breaks('the last resort is the one that is well first', `${fact.provider} before ${provider} at ${at}`)
    }
  }

  const attemptStarts = (fact: Extract<Fact, { readonly _tag: 'AttemptStarted' }>, at: number, state: GatewayState) => {
    const provider = of(fact.provider)
    const machine = state.machines.get(fact.provider)
    const entry = state.policy.providers.find(({ id }) => id === fact.provider)
    if (entry?.enabled !== true) breaks('no attempt to a disabled provider', fact.provider)
    const isLastResort = fact.lastResort === true
    if (isLastResort) lastResortStarts(fact, at, state)
    const isOpen = machine?.state === 'openCircuit' && !isLastResort
    if (machine?.state === 'throttled' || isOpen || machine?.state === 'retired')
      breaks('no attempt to an open, throttled or retired provider', `${fact.provider} is ${machine.state} at ${at}`)
    if (at < provider.toldUntil)
      breaks('no attempt before a retry-after', `${fact.provider} at ${at}, told ${provider.toldUntil}`)
    if (at < provider.openUntil && !isLastResort)
      breaks('no attempt while the circuit is open', `${fact.provider} at ${at}, open until ${provider.openUntil}`)
    if (machine?.state === 'halfOpen' && fact.probe === undefined)
      breaks('a half-open provider gets probes only', `${fact.provider} at ${at}`)
    if (fact.probe !== undefined) {
      note('probe')
      if (provider.probe !== undefined) breaks('at most one probe in flight', `${fact.provider}: ${provider.probe}`)
      provider.probe = fact.requestId
    }
    const request = open.get(fact.requestId)
    if (request === undefined) {
      breaks('attempts belong to open requests', fact.requestId)
      return
    }
    request.attempts += 1
    if (request.attempts > 4 + request.repeats)
      breaks('at most four attempts, five with a repeat', `${fact.requestId} has ${request.attempts}`)
    const last = request.tried.at(-1)
    if (request.tried.includes(fact.provider) && !(last === fact.provider && request.repeats > 0))
      breaks('nobody is tried twice', `${fact.requestId} at ${fact.provider}`)
    const { order = [], queue } = request.route ?? {}
    if (![...order, ...(queue?.providers ?? [])].includes(fact.provider))
      breaks('attempts follow the route', `${fact.requestId} at ${fact.provider}`)
    request.tried.push(fact.provider)
    if (request.attempts > 1) {
      note('fallback')
      if (!mayRetry(state.projections.retryBudget)) breaks('every extra attempt is within the retry budget', `at ${at}`)
      refill(at, 0)
      budget = { ...budget, left: budget.left - 1 }
      if (budget.left < 0) breaks('extra attempts are at most 20 % and ten a minute', `at ${at}`)
    }
  }

  const attemptFails = (
    fact: Extract<Fact, { readonly _tag: 'AttemptFailed' }>,
    at: number,
    after: GatewayState,
    decisions: readonly Decision[],
  ) => {
    const { reason } = fact
    const provider = of(fact.provider)
    note(reason._tag)
    const blame = countsAgainst(reason)
    const [old, now] = [before.get(fact.provider), after.machines.get(fact.provider)]
    if (blame === 'request' || blame === 'client' || blame === 'nobody') {
      const held = old?.context.probe?.requestId === fact.requestId
      if (held) note('neutral probe')
      const expected = old && held ? { ...old, context: { ...old.context, probe: null } } : old
      if (JSON.stringify(now) !== JSON.stringify(expected))
        breaks('cancelled and invalid requests change no health', `${reason._tag} at ${fact.provider}`)
    }
    if (reason._tag === 'RateLimited') {
      if (decisions.some(({ _tag }) => _tag === 'CircuitOpened'))
        breaks('a limit opens no circuit', `${fact.provider} at ${at}`)
      if ((now?.context.failures ?? 0) > (old?.context.failures ?? 0))
        breaks('a limit is no failure', `${fact.provider} at ${at}`)
    }
    if ((reason._tag === 'RateLimited' || reason._tag === 'QuotaExhausted') && reason.until !== undefined)
      provider.toldUntil = Math.max(provider.toldUntil, Math.min(reason.until, at + LONGEST_TOLD_MS))
  }

  const attemptSucceeds = (
    fact: Extract<Fact, { readonly _tag: 'AttemptSucceeded' }>,
    at: number,
    after: GatewayState,
    decisions: readonly Decision[],
  ) => {
    const provider = of(fact.provider)
    const machine = after.machines.get(fact.provider)
    const startedAt = at - fact.durationMs
    if (machine?.state === 'healthy' && startedAt >= machine.context.evidenceFrom && machine.context.failures > 0)
      breaks('a success ends a row of failures at once', `${fact.provider} at ${at}`)
    const isOfNow = startedAt >= provider.openUntil || provider.probe === fact.requestId
    const isCounted = (machine?.context.probeSuccesses ?? 0) > (before.get(fact.provider)?.context.probeSuccesses ?? 0)
    if (isCounted && !isOfNow) breaks('only answers of after an outage prove health', `${fact.provider} at ${at}`)
    const closes = decisions.some(({ _tag }) => _tag === 'CircuitClosed')
    if (closes && !isOfNow) breaks('only answers of after an outage close a circuit', `${fact.provider} at ${at}`)
    if (before.get(fact.provider)?.state === 'openCircuit' && provider.probe === fact.requestId) provider.openUntil = at
    const was = before.get(fact.provider)?.state
    if ((was === 'halfOpen' || was === 'openCircuit') && provider.probe === fact.requestId) {
      provider.probesWon += 1
      const needed = after.policy.providers.find(({ id }) => id === fact.provider)?.breaker.probeSuccesses ?? 0
      if (provider.probesWon >= needed && !closes)
        breaks('successful probes close the circuit', `${fact.provider} at ${at}`)
    }
  }

  const routeIs = (route: RouteChosen, at: number, state: GatewayState) => {
    const { order, skipped, factors } = route
    const all = state.policy.providers.map(({ id }) => id)
    if (new Set(order).size !== order.length) breaks('a route names nobody twice', route.requestId)
    const most = state.policy.routing.maxFallbacks + 1
    const missing = all.filter((id) => !order.includes(id) && !skipped.some(({ provider }) => provider === id))
    if (missing.length > 0 && order.length < most)
      breaks('a route names all who may serve', `${route.requestId} leaves out ${missing}`)
    for (const id of order) {
      const machine = state.machines.get(id)
      const isOpen = route.lastResort === true && machine?.state === 'openCircuit'
      if (machine?.state !== 'healthy' && machine?.state !== 'halfOpen' && !isOpen)
        breaks('a route names eligible providers only', `${id} is ${machine?.state}`)
    }
    for (const [name, values] of Object.entries(factors)) {
      if (!SHARES.has(name) && !(name === 'score' && route.strategy !== 'priority')) continue
      if (values.some((value) => !(value >= 0 && value <= 1)))
        breaks('scores and factors lie in [0, 1]', `${name} of ${route.requestId}: ${values}`)
    }
    for (const [index, id] of order.entries()) {
      const { ramp } = of(id)
      const share = factors.share?.[index] ?? 1
      if (ramp === undefined) continue
      if (at >= ramp.until) {
        of(id).ramp = undefined
        continue
      }
      note('ramp')
      const entry = state.policy.providers.find((provider) => provider.id === id)
      const most = Math.max(entry?.breaker.rampFloorShare ?? 0, (at - ramp.from) / (ramp.until - ramp.from))
      if (share > most + 0.001) breaks('traffic ramps up', `${id} has ${share} at ${at}, at most ${most}`)
      if (share < of(id).rampShare - 0.001) breaks('a ramp is monotone', `${id} falls to ${share} at ${at}`)
      of(id).rampShare = share
    }
  }

  const decided = (decision: Decision, at: number, state: GatewayState): void => {
    note(decision._tag)
    switch (decision._tag) {
      case 'RouteChosen':
        routeIs(decision, at, state)
        break
      case 'CircuitOpened':
        Object.assign(of(decision.provider), {
          openUntil: decision.until,
          probe: undefined,
          probesWon: 0,
          ramp: undefined,
        })
        break
      case 'CircuitClosed':
        Object.assign(of(decision.provider), {
          probesWon: 0,
          ramp: { from: at, until: decision.rampUntil },
          rampShare: 0,
        })
        break
    }
  }

  const machinesAreInTime = (at: number, state: GatewayState): void => {
    for (const [id, { state: name, context }] of state.machines) {
      if ((name === 'throttled' || name === 'openCircuit') && at > context.until + LATE_MS)
        breaks('a cool-down ends', `${id} is ${name} at ${at}, until ${context.until}`)
      if (context.probe !== null && at > context.probe.leaseUntil + LATE_MS)
        breaks('a lease ends', `${id} holds one of ${context.probe.requestId} at ${at}`)
      const isHeld = context.probe !== null && open.has(context.probe.requestId)
      if (context.probe !== null && !isHeld) breaks('a lease is given back with its request', `${id} at ${at}`)
    }
  }

  return {
    seen,
    witness: {
      before: (fact, at, state) => {
        before = new Map(state.machines)
        if (fact._tag === 'AttemptStarted') attemptStarts(fact, at, state)
      },
      after: (fact, at, state, decisions) => {
        const concerned = 'provider' in fact ? fact.provider : undefined
        if (fact._tag !== 'PolicyChanged')
          for (const [id, machine] of state.machines)
            if (id !== concerned && machine !== before.get(id))
              breaks('a fact moves its own provider only', `${id} by ${fact._tag}`)
        switch (fact._tag) {
          case 'RequestAdmitted': {
            refill(at, 1)
            const route = decisions.find((decision) => decision._tag === 'RouteChosen')
            if (open.has(fact.requestId)) breaks('a request is admitted once', fact.requestId)
            open.set(fact.requestId, { asked: fact, route, tried: [], attempts: 0, repeats: 0 })
            break
          }
          case 'CapabilityLearned': {
            note(fact._tag)
            const request = open.get(fact.requestId)
            if (request !== undefined) request.repeats += 1
            break
          }
          case 'AttemptFailed':
            attemptFails(fact, at, state, decisions)
            break
          case 'AttemptSucceeded':
            attemptSucceeds(fact, at, state, decisions)
            break
          case 'ProbeLeaseExpired':
            note(fact._tag)
            of(fact.provider).probe = undefined
            break
        }
        for (const decision of decisions) decided(decision, at, state)
        if (fact._tag === 'AttemptFailed' || fact._tag === 'AttemptSucceeded') releaseProbe(fact.requestId)
        if (isTerminal(fact) && 'requestId' in fact) {
          if (!open.delete(fact.requestId)) breaks('a request ends once', fact.requestId)
        }
        machinesAreInTime(at, state)
        last = state
      },
    },
    heard: ({ provider }, { end, endsAt, firstContentAt }, at) => {
      if (at >= firstContentAt && (at < endsAt || end._tag === 'Failed')) brokenOffAt.set(provider, at)
      const truth = world.providers.find(({ id }) => id === provider)
      if (end._tag !== 'Failed' || end.reason._tag !== 'RateLimited' || truth?.told !== 'configured') return
      if (truth.limits.othersShare > 0 || truth.limits.acceleration !== undefined) return
      // What an answer that was broken off had made by then, nobody tells: the provider's count is above ours for a while.
      if (at - (brokenOffAt.get(provider) ?? 0) < UNTOLD_MS) return
      breaks('no 429 where limits are known and nobody else uses them', `${provider} at ${at}`)
    },
    broken: () => {
      if (open.size > 0) breaks('everything terminates', `${open.size} requests are open`)
      const { requests, limits, performance } = last?.projections ?? {}
      if ((requests?.inFlight.size ?? 0) > 0) breaks('everything terminates', 'the projection has open requests')
      for (const [id, { reserved }] of limits ?? [])
        if (reserved.size > 0) breaks('reservations are given back', `${id} keeps ${reserved.size}`)
      for (const { provider, inFlight } of performance?.pairs.values() ?? [])
        if (inFlight !== 0) breaks('attempts in flight come to none', `${provider} keeps ${inFlight}`)
      return [...problems].map(([invariant, list]) => `${invariant}\n    ${list.join('\n    ')}`)
    },
  }
}

const SHARES: ReadonlySet<string> = new Set(['headroom', 'performance', 'cost', 'reliability', 'share'])
