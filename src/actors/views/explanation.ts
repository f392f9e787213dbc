/**
 * Why a request went where it went, and what came of it: read from its own events, so it is as true after a year as now.
 */
import { Schema } from 'effect'
import { OUTCOMES } from '#actors/views/requests-view.ts'
import { RouteChosen } from '#domain/decisions.ts'
import { type DomainEvent, Stage } from '#domain/events.ts'
import { FailureReason } from '#domain/failure.ts'
import { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import { Policy } from '#domain/policy.ts'
import { comparisonOf } from '#domain/routing/shadow.ts'
import { Usage } from '#domain/usage.ts'

/** An event and when it occurred (epoch ms). */
export interface Happened {
  readonly event: DomainEvent
  readonly occurredAt: number
}

export const Weights = Policy.fields.routing.fields.weights
export type Weights = typeof Weights.Type

/** One candidate at its place in the route. Null: not known. */
export const RouteCandidate = Schema.Struct({
  provider: ProviderId,
  score: Schema.NullOr(Schema.Finite),
  /** Probability with which it kept this place; below 1 while it ramps up. */
  share: Schema.Finite,
  /** What the score was made of, each in [0, 1]; which they are depends on the strategy. */
  factors: Schema.Record(Schema.String, Schema.Finite),
  /** Expected, in billionths of a US dollar. */
  costNanoUsd: Schema.NullOr(Schema.Finite),
  /** Of the prompt, in its cache. */
  cachedTokens: Schema.NullOr(Schema.Finite),
})
export type RouteCandidate = typeof RouteCandidate.Type

const Both = Schema.Struct({ live: Schema.Finite, shadow: Schema.Finite })
/** What the shadow policy would have done. */
export const ShadowExplanation = Schema.Struct({
  /** Whom it would have asked, in this order. */
  order: Schema.Array(ProviderId),
  /** Its first is the live one. */
  isSame: Schema.Boolean,
  /** Expected of both firsts, in billionths of a US dollar; null: that of one is not known. */
  costNanoUsd: Schema.NullOr(Both),
  /** Expected milliseconds to the first content of both firsts; null: that of one is not known. */
  ttftMs: Schema.NullOr(Both),
})
export type ShadowExplanation = typeof ShadowExplanation.Type

export const RouteExplanation = Schema.Struct({
  strategy: Schema.String,
  rule: Schema.NullOr(Schema.String),
  policyVersion: Schema.Int,
  /** Of the factors, where the strategy weighs them and the policy of that time is known. */
  weights: Schema.NullOr(Weights),
  /** The draw that decided between equals, about exploration and about ramping providers. */
  draw: Schema.NullOr(Schema.Finite),
  /** Probability with which the first came first. */
  propensity: Schema.Finite,
  /** In the order in which they were to be tried. */
  candidates: Schema.Array(RouteCandidate),
  skipped: RouteChosen.fields.skipped,
  /** Every circuit was open: the candidate is the one that would probably be well first. */
  lastResort: Schema.Boolean,
  /** What the first costs more than the cheapest, in billionths of a US dollar, as expected. */
  regretNanoUsd: Schema.NullOr(Schema.Finite),
  /** A hard budget was used up: to what it stepped down. */
  stepDown: Schema.NullOr(RouteChosen.fields.stepDown.schema),
  /** Nobody had room: who was waited for, and until when at most. */
  queue: Schema.NullOr(Schema.Struct({ providers: Schema.Array(ProviderId), until: Schema.Finite })),
  /** Null: there was no shadow policy, or nobody to choose. */
  shadow: Schema.NullOr(ShadowExplanation),
}).annotate({ identifier: 'RouteExplanation' })
export type RouteExplanation = typeof RouteExplanation.Type

const AttemptExplanation = Schema.Struct({
  attempt: Schema.Int,
  provider: ProviderId,
  /** The name that it was asked for. */
  model: ModelId,
  startedAt: Schema.Finite,
  endedAt: Schema.NullOr(Schema.Finite),
  probe: Schema.Boolean,
  outcome: Schema.Literals(['inFlight', 'succeeded', 'failed']),
  ttftMs: Schema.NullOr(Schema.Finite),
  usage: Schema.NullOr(Usage),
  reason: Schema.NullOr(FailureReason),
  /** How far its answer had come. */
  stage: Schema.NullOr(Stage),
})

export const Explanation = Schema.Struct({
  requestId: RequestId,
  model: ModelId,
  admittedAt: Schema.Finite,
  route: Schema.NullOr(RouteExplanation),
  attempts: Schema.Array(AttemptExplanation),
  outcome: Schema.Literals(OUTCOMES),
  endedAt: Schema.NullOr(Schema.Finite),
  /** What the client got. */
  status: Schema.NullOr(Schema.Int),
  servedBy: Schema.NullOr(ProviderId),
  reason: Schema.NullOr(FailureReason),
}).annotate({ identifier: 'Explanation' })
export type Explanation = typeof Explanation.Type

/**
 * Reads all events of one request, in order.
 *
 * @param weights of the policy under which it was routed, if that is known
 * @returns undefined when its admission is not among them
 */
export const explain = (happened: readonly Happened[], weights: Weights | null): Explanation | undefined => {
  const first = happened.find(({ event }) => event._tag === 'RequestAdmitted')
  if (first?.event._tag !== 'RequestAdmitted') return undefined
  const { requestId, model, draw } = first.event
  const route = happened.map(({ event }) => event).find((event) => event._tag === 'RouteChosen')
  return {
    requestId,
    model,
    admittedAt: first.occurredAt,
    route: route === undefined ? null : explainRoute(route, draw, weights),
    attempts: attemptsOf(happened),
    ...endOf(happened),
  }
}

/** The strategy that weighs its factors. */
const WEIGHING = 'intelligent'
/** Columns of the decision with units of their own. */
const AMOUNTS = new Set(['costNanoUsd', 'cachedTokens', 'score', 'share'])

export const explainRoute = (route: RouteChosen, draw: number | null, weights: Weights | null): RouteExplanation => {
  const names = Object.keys(route.factors).filter((name) => !AMOUNTS.has(name))
  const value = (name: string, index: number): number | undefined => route.factors[name]?.[index]
  return {
    strategy: route.strategy,
    rule: route.rule ?? null,
    policyVersion: route.policyVersion,
    weights: route.strategy === WEIGHING ? weights : null,
    draw,
    propensity: route.propensity,
    candidates: route.order.map((provider, index) => ({
      provider,
      score: known(value('score', index)),
      share: value('share', index) ?? 1,
      factors: Object.fromEntries(names.map((name) => [name, value(name, index) ?? 0])),
      costNanoUsd: known(value('costNanoUsd', index)),
      cachedTokens: known(value('cachedTokens', index)),
    })),
    skipped: route.skipped,
    lastResort: route.lastResort === true,
    regretNanoUsd: route.regretNanoUsd ?? null,
    stepDown: route.stepDown ?? null,
    queue: route.queue ?? null,
    shadow: explainShadow(route),
  }
}

const explainShadow = (route: RouteChosen): ShadowExplanation | null => {
  const compared = comparisonOf(route)
  if (compared === undefined) return null
  const { isSame, costNanoUsd, ttftMs } = compared
  return { order: route.shadow?.order ?? [], isSame, costNanoUsd, ttftMs }
}

/** -1 is what was not known. */
const known = (value: number | undefined): number | null => (value === undefined || value < 0 ? null : value)

type Attempt = (typeof Explanation.Type)['attempts'][number]

const attemptsOf = (happened: readonly Happened[]): readonly Attempt[] => {
  const attempts = new Map<number, Attempt>()
  for (const { event, occurredAt } of happened) {
    if (event._tag === 'AttemptStarted') {
      const { attempt, provider, model, probe } = event
      attempts.set(attempt, {
        ...{ attempt, provider, model, startedAt: occurredAt, endedAt: null, probe: probe !== undefined },
        ...{ outcome: 'inFlight', ttftMs: null, usage: null, reason: null, stage: null },
      })
    }
    if (event._tag !== 'AttemptSucceeded' && event._tag !== 'AttemptFailed') continue
    const started = attempts.get(event.attempt)
    if (started === undefined) continue
    const ended = { ...started, endedAt: occurredAt, usage: event.usage ?? null }
    attempts.set(
      event.attempt,
      event._tag === 'AttemptSucceeded'
        ? { ...ended, outcome: 'succeeded', ttftMs: event.ttftMs }
        : { ...ended, outcome: 'failed', reason: event.reason, stage: event.stage },
    )
  }
  return [...attempts.values()]
}

type End = Pick<Explanation, 'outcome' | 'endedAt' | 'status' | 'servedBy' | 'reason'>

const endOf = (happened: readonly Happened[]): End => {
  const none = { status: null, servedBy: null, reason: null }
  for (const { event, occurredAt: endedAt } of happened.toReversed()) {
    switch (event._tag) {
      case 'AttemptSucceeded':
        return { ...none, outcome: 'succeeded', endedAt, status: event.status, servedBy: event.provider }
      case 'RequestFailed':
        return { ...none, outcome: 'failed', endedAt, status: event.status, reason: event.reason }
      case 'RequestCancelled':
        return { ...none, outcome: 'cancelled', endedAt }
      case 'RequestAbandoned':
        return { ...none, outcome: 'abandoned', endedAt }
    }
  }
  return { ...none, outcome: 'inFlight', endedAt: null }
}
