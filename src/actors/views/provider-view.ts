/**
 * One provider as an operator looks at it: in which state and since when, why, what will change that and when, how much its
 * limits leave, how it has been doing, what it has said about itself. A pure function of any state, live or past.
 */
import { Schema } from 'effect'
import { admission, type GatewayState, providerPolicy } from '#actors/gateway-state.ts'
import type { ProviderSnapshot } from '#actors/provider-machine.ts'
import { Limit, limitViews } from '#actors/views/limit-view.ts'
import { Recovery, recoveryOf } from '#actors/views/recovery-view.ts'
import { CircuitOpened, SkipReason } from '#domain/decisions.ts'
import { FailureReason } from '#domain/failure.ts'
import { ModelId, ProviderId } from '#domain/ids.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import type { Capabilities } from '#domain/projections/capabilities.ts'
import { concurrencyOf } from '#domain/projections/limits.ts'
import { speedOf } from '#domain/projections/performance.ts'
import { trustIn } from '#domain/projections/reliability.ts'

/** Epoch ms; null: never, or not known. */
const Time = Schema.NullOr(Schema.Finite)

export const PROVIDER_STATES = ['healthy', 'throttled', 'openCircuit', 'halfOpen', 'retired'] as const

/** What it has said about itself and one of its models. */
export const Learned = Schema.Struct({
  model: ModelId,
  /** Requests go without these until then. */
  refused: Schema.Array(Schema.Struct({ feature: Schema.String, until: Schema.Finite })),
  sunsetAt: Time,
  deprecatedAt: Time,
}).annotate({ identifier: 'Learned' })

export const ProviderView = Schema.Struct({
  id: ProviderId,
  kind: Schema.String,
  enabled: Schema.Boolean,
  priority: Schema.Finite,
  /** Pattern of the asked model → the name that it is asked for; empty: every model under its own name. */
  models: Schema.Record(Schema.String, Schema.String),
  maxInputTokens: Schema.NullOr(Schema.Int),
  state: Schema.Literals(PROVIDER_STATES),
  since: Time,
  /** The failure that led to the state; null while it is healthy. */
  because: Schema.NullOr(FailureReason),
  /** Which rule opened the circuit. */
  trip: Schema.NullOr(CircuitOpened.fields.trip),
  /** Openings in a row; each doubles the open time. */
  level: Schema.Int,
  recovery: Recovery,
  /** What its machine says to one more request at this moment. */
  admission: Schema.Struct({
    admit: Schema.Literals(['yes', 'probe', 'no']),
    /** Share of the traffic that is welcome. */
    share: Schema.Finite,
    reason: Schema.NullOr(SkipReason),
    until: Time,
  }),
  limits: Schema.Array(Limit),
  /** Attempts in flight, how many are given at once, and how many the operator allows. */
  concurrency: Schema.Struct({
    inFlight: Schema.Int,
    limit: Schema.Int,
    max: Schema.NullOr(Schema.Int),
  }),
  health: Schema.Struct({
    attempts: Schema.Int,
    successes: Schema.Int,
    /** By reason, the client's cancellations among them. */
    failures: Schema.Record(Schema.String, Schema.Int),
    abandoned: Schema.Int,
    consecutiveFailures: Schema.Int,
    ttftEwmaMs: Schema.NullOr(Schema.Finite),
    durationEwmaMs: Schema.NullOr(Schema.Finite),
    lastSuccessAt: Time,
    lastFailureAt: Time,
    lastFailure: Schema.NullOr(FailureReason),
    /** Expected share of attempts that succeed; null: it has never been tried. */
    successShare: Schema.NullOr(Schema.Finite),
    /** 0: no limit was hit of late; towards 1: many. */
    limitPenalty: Schema.Finite,
  }),
  /** What its health checks find, and since when; null: nothing is known, or an answer to a request has told more since. */
  check: Schema.NullOr(
    Schema.Struct({ ok: Schema.Boolean, reason: Schema.NullOr(FailureReason), since: Schema.Finite }),
  ),
  /** By the names under which it was asked. */
  speed: Schema.Array(
    Schema.Struct({
      model: ModelId,
      ttftMs: Schema.NullOr(Schema.Finite),
      msPerToken: Schema.NullOr(Schema.Finite),
      inFlight: Schema.Int,
    }),
  ),
  learned: Schema.Array(Learned),
}).annotate({ identifier: 'ProviderView' })
export type ProviderView = typeof ProviderView.Type

/** A provider at `at` (epoch ms); undefined when the policy names no such provider. */
export const providerView = (state: GatewayState, id: ProviderId, at: number): ProviderView | undefined => {
  const policy = providerPolicy(state, id)
  const machine = state.machines.get(id)
  if (policy === undefined || machine === undefined) return undefined
  const { projections } = state
  return {
    ...entryOf(policy),
    ...stateOf(state, id, machine),
    level: machine.context.level,
    recovery: recoveryOf(machine, policy.breaker, at),
    admission: admissionOf(state, id, at),
    limits: limitViews(projections.limits.get(id)?.meters ?? [], at),
    concurrency: { ...concurrencyOf(projections.limits, id), max: policy.limits?.maxConcurrent ?? null },
    health: healthOf(state, id, at),
    check: checkOf(state, id),
    speed: [...projections.performance.pairs.values()]
      .filter(({ provider }) => provider === id)
      .map(({ model }) => ({ model, ...speedOf(projections.performance, id, model, at) })),
    learned: learnedOf(projections.capabilities, id, at),
  }
}

/** All of them, in the order of the policy. */
export const providerViews = (state: GatewayState, at: number): readonly ProviderView[] =>
  state.policy.providers.flatMap(({ id }) => providerView(state, id, at) ?? [])

const entryOf = ({ id, kind, enabled, priority, models, maxInputTokens }: ProviderPolicy) => ({
  ...{ id, kind, enabled, priority, models },
  maxInputTokens: maxInputTokens ?? null,
})

/**
 * A machine that was replaced, because its entry changed, has no transition of its own yet: it begins healthy, at its `since`.
 */
const stateOf = (
  { projections }: GatewayState,
  id: ProviderId,
  { state, context }: ProviderSnapshot,
): Pick<ProviderView, 'state' | 'since' | 'because' | 'trip'> => {
  const last = projections.transitions.get(id)
  const isItsOwn = last !== undefined && last.to === state && last.at >= context.since
  if (isItsOwn) return { state, since: last.at, because: last.because, trip: last.trip }
  return { state, since: context.since === 0 ? null : context.since, because: null, trip: null }
}

const admissionOf = (state: GatewayState, id: ProviderId, at: number): ProviderView['admission'] => {
  const said = admission(state, id, at)
  switch (said.admit) {
    case 'yes':
      return { admit: 'yes', share: said.share, reason: null, until: null }
    case 'probe':
      return { admit: 'probe', share: 1, reason: null, until: null }
    case 'no':
      return { admit: 'no', share: 0, reason: said.reason, until: said.until ?? null }
  }
}

const healthOf = ({ projections }: GatewayState, id: ProviderId, at: number): ProviderView['health'] => {
  const { inFlight: _shown, failures = {}, ...health } = projections.health.get(id) ?? UNTRIED
  const counted = Object.entries(failures).flatMap(([reason, count]) => (count === undefined ? [] : [[reason, count]]))
  return { ...health, failures: Object.fromEntries(counted), ...trustIn(projections.reliability, id, at) }
}

const checkOf = ({ projections }: GatewayState, id: ProviderId): ProviderView['check'] => {
  const check = projections.checks.get(id)
  return check === undefined ? null : { ok: check.ok, reason: check.reason ?? null, since: check.at }
}

const UNTRIED = {
  attempts: 0,
  successes: 0,
  failures: {},
  abandoned: 0,
  inFlight: 0,
  consecutiveFailures: 0,
  ttftEwmaMs: null,
  durationEwmaMs: null,
  lastSuccessAt: null,
  lastFailureAt: null,
  lastFailure: null,
}

/** Features that its requests go without at `at` (epoch ms), and announced ends; models of which neither is known are left out. */
export const learnedOf = (capabilities: Capabilities, id: ProviderId, at: number): readonly (typeof Learned.Type)[] =>
  [...capabilities.values()]
    .filter(({ provider }) => provider === id)
    .map(({ model, refused, sunsetAt, deprecatedAt }) => ({
      model,
      refused: [...refused].flatMap(([feature, until]) => (until > at ? [{ feature, until }] : [])),
      sunsetAt,
      deprecatedAt,
    }))
    .filter(({ refused, sunsetAt, deprecatedAt }) => refused.length > 0 || sunsetAt !== null || deprecatedAt !== null)
